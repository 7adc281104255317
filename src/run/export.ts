/** Models to other programs and back: `pff export` and `pff import`. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { encodeNpy, encodeNpz, parseNpy, parseNpz } from '../formats/npy.js';
import { labelLayout, type LabelLayout } from '../data/labels.js';
import { loadDataset } from '../data/sources.js';
import { messageOf, PffError } from '../errors.js';
import { imageValues } from '../layers/sizes.js';
import type { LayerState } from '../layers/layer-state.js';
import { encodeModel, modelTensors, statesFromTensors } from '../model/model-file.js';
import { networkStructure } from '../model/network.js';
import { encodeOnnx } from '../model/onnx.js';
import { decodeSafetensors, type Tensor } from '../formats/safetensors.js';
import { resolveSpec, type PartialSpec, type RunSpec } from '../spec/spec.js';
import { modelDigest } from './digest.js';
import { MODEL_FILE, readRunFile, SPEC_FILE, writeWhole } from './folder.js';
import { readModel } from './saved-model.js';
import { VERSION } from './version.js';

export const exportFormats = ['onnx', 'safetensors', 'npz'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  readonly to: ExportFormat;
  /** The file to write; by default `model.onnx` or `model.npz` in the run folder (`export.safetensors`, as model.safetensors is there). */
  readonly out?: string | undefined;
  /** Where the dataset of the model lies; only models of earlier versions need it, for the number of classes. */
  readonly dataDir?: string | undefined;
}

export interface ExportedModel {
  readonly file: string;
  readonly bytes: number;
  readonly modelDigest: string;
}

/** Writes the model of `run` (a run folder or a model file) in another format. @throws PffError */
export async function exportModel(run: string, { to, out, dataDir }: ExportOptions): Promise<ExportedModel> {
  const { spec, tensors, metadata } = readModel(run);
  const layout = await layoutOf(spec, metadata, dataDir);
  const states = statesFromTensors(networkStructure(spec, layout), tensors);
  const digest = modelDigest(states);
  const folder = path.extname(run) === '' ? run : path.dirname(run);
  const file = out ?? path.join(folder, to === 'safetensors' ? 'export.safetensors' : `model.${to}`);
  const { classes } = metadata;
  const more = { program: `pff ${VERSION}`, modelDigest: digest, ...(classes === undefined ? {} : { classes }) };
  const bytes = encode(to, spec, layout, states, more);
  writeWhole(file, bytes);
  return { file, bytes: bytes.length, modelDigest: digest };
}

function encode(
  to: ExportFormat,
  spec: RunSpec,
  layout: LabelLayout,
  states: readonly LayerState[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  switch (to) {
    case 'onnx':
      return encodeOnnx(spec, layout, states, metadata);
    case 'safetensors':
      return encodeModel(spec, states, metadata);
    case 'npz': {
      const text = new TextEncoder().encode(`${JSON.stringify({ spec, metadata }, undefined, 2)}\n`);
      const arrays = modelTensors(states).map(({ name, shape, values }) => [`${name}.npy`, encodeNpy(shape, values)]);
      return encodeNpz({ ...(Object.fromEntries(arrays) as Record<string, Uint8Array>), 'spec.json': text });
    }
  }
}

export interface ImportOptions {
  /** The run folder to make. */
  readonly out: string;
  /** What the network is, where the file does not say so itself. */
  readonly spec?: PartialSpec | undefined;
  readonly dataDir?: string | undefined;
}

/**
 * Makes a run folder from a model file (safetensors or NPZ with tensors named as ours: `layer1.weight` [inputs, outputs],
 * `layer1.bias` [outputs], `layer1.head.weight`, …, `classifier.weight`), for `pff eval`, `predict` and `export`.
 * @throws PffError `files` where the file or its tensors do not fit, `usage` where no spec is known.
 */
export async function importModel(file: string, { out, spec: given, dataDir }: ImportOptions): Promise<ExportedModel> {
  const found = readTensors(file);
  if (found.spec === undefined && given === undefined)
    throw new PffError('usage', `${file} does not say what its network is`, {
      hint: 'Give the spec it was trained with by --config SPEC.json.',
    });
  const spec = resolveSpec({ ...found.spec, ...given });
  const layout = await layoutOf(spec, found.metadata, dataDir);
  const states = statesFromTensors(networkStructure(spec, layout), found.tensors);
  const digest = modelDigest(states);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new PffError('files', `the folder ${out} exists and is not empty`, { hint: 'Choose another --out.' });
  mkdirSync(out, { recursive: true });
  const { classes } = found.metadata;
  const metadata = { program: `pff ${VERSION}`, modelDigest: digest, ...(classes === undefined ? {} : { classes }) };
  const bytes = encodeModel(spec, states, metadata);
  writeWhole(path.join(out, SPEC_FILE), `${JSON.stringify(spec, undefined, 2)}\n`);
  return { file: writeWhole(path.join(out, MODEL_FILE), bytes), bytes: bytes.length, modelDigest: digest };
}

interface FoundModel {
  readonly tensors: readonly Tensor[];
  readonly spec: PartialSpec | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

function readTensors(file: string): FoundModel {
  const bytes = readRunFile(file);
  if (!file.endsWith('.npz')) {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const text = metadata['spec'];
    return { tensors, metadata, spec: text === undefined ? undefined : (parseJson(text, file) as PartialSpec) };
  }
  const files = parseNpz(bytes, file);
  const note = files.get('spec.json');
  const { spec, metadata } = (note === undefined ? {} : parseJson(new TextDecoder().decode(note), file)) as {
    spec?: PartialSpec;
    metadata?: Record<string, string>;
  };
  const tensors = [...files]
    .filter(([name]) => name !== 'spec.json')
    .map(([name, content]) => {
      const { shape, values } = parseNpy(content, `${file}: ${name}`);
      if (values instanceof BigInt64Array || values instanceof BigUint64Array)
        throw new PffError('files', `${file}: ${name} holds 64-bit integers, but weights are floats`);
      return { name, shape, values: Float32Array.from(values) };
    });
  return { tensors, spec, metadata: metadata ?? {} };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PffError('files', `${file}: its spec is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** Where the label stands depends on the number of classes, which the metadata has, or else the dataset. */
async function layoutOf(
  spec: RunSpec,
  metadata: Readonly<Record<string, string>>,
  dataDir: string | undefined,
): Promise<LabelLayout> {
  const classes = metadata['classes'];
  const count =
    classes === undefined
      ? (await loadDataset({ dataset: spec.dataset, dataDir })).classes.length
      : (JSON.parse(classes) as string[]).length;
  return labelLayout({ width: imageValues(spec.layers), height: 1, channels: 1 }, count, spec.labelMode);
}
