/** Models to other programs and back: `pff export` and `pff import`. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { encodeNpy, parseNpy } from '../formats/npy.js';
import { encodeNpz, parseNpz } from '../formats/npz.js';
import { labelLayout, type LabelLayout } from '../data/labels.js';
import { loadDataset } from '../data/sources/load.js';
import { messageOf, PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { imagePlanes, imageValues } from '../layers/sizes.js';
import type { LayerState } from '../layers/layer-state.js';
import { modelFacts, modelTensors, parseSpec, type ModelFacts, type SavedModel } from '../model/model-file.js';
import { encodeOnnx } from '../model/onnx.js';
import { decodeSafetensors, type Tensor } from '../formats/safetensors.js';
import { OWN_KINDS } from '../spec/own-parts.js';
import { predictingParts, resolveSpec, type PartialSpec, type RunSpec } from '../spec/spec.js';
import { modelDigest } from '../model/digest.js';
import { didYouMean } from '../suggest.js';
import { checkUserFile, writeUserFile } from './user-file.js';
import { makeFolderFor, MODEL_FILE, readRunFile, SPEC_FILE, writeWhole } from './folder.js';
import { checkIsModel, modelKind } from './model-kind.js';
import { checkedStates, checkMetadata, encodeSealed, sealed, type VerifyOption } from '../model/model-integrity.js';
import { checkParts } from './run-plugins.js';
import { readModel } from './saved-model.js';
import { VERSION } from './version.js';

export const exportFormats = ['onnx', 'safetensors', 'npz'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** The format to write, and where. */
export interface ExportOptions extends VerifyOption {
  readonly to: ExportFormat;
  /** The file to write; by default `model.onnx` or `model.npz` in the run folder (`export.safetensors`, as model.safetensors is there). */
  readonly out?: string | undefined;
  /** Where the dataset of the model lies; only models of earlier versions need it, for the number of classes. */
  readonly dataDir?: string | undefined;
}

/** A file or run folder that was written, and what it holds. */
export interface ExportedModel {
  readonly file: string;
  readonly bytes: number;
  readonly modelDigest: string;
}

/** Writes the model of `run` (a run folder or a model file) in another format. @throws PffError */
export async function exportModel(run: string, options: ExportOptions): Promise<ExportedModel> {
  checkOptions('exportModel', options, { to: true, out: true, dataDir: true, verify: true });
  const { to, out, dataDir, verify } = options;
  checkFormat(to);
  if (out !== undefined) checkOut('exportModel', out, 'the file to write');
  const model = readModel(run, { verify });
  const { spec, metadata } = model;
  const isFolder = statSync(run).isDirectory();
  const folder = isFolder ? run : path.dirname(run);
  const file = out ?? path.join(folder, to === 'safetensors' ? 'export.safetensors' : `model.${to}`);
  checkUserFile(file, isFolder ? path.join(run, MODEL_FILE) : run);
  // A loss of goodness is not needed to write the layers that it trained; heads are laid out by their objective.
  const { goodness: _, ...parts } = predictingParts(spec);
  checkParts(run, parts);
  const layout = await layoutOf(spec, model, dataDir);
  const states = checkedStates(model, layout, run, { verify });
  const digest = modelDigest(states);
  const bytes = await encode(to, model, layout, states, ownMetadata(metadata, digest));
  writeUserFile(file, bytes);
  return { file, bytes: bytes.length, modelDigest: digest };
}

/** @throws PffError `usage`: programs in JavaScript may give anything */
function checkFormat(to: unknown): void {
  if (exportFormats.some((format) => format === to)) return;
  const all = exportFormats.join(', ');
  throw new PffError('usage', `to must be one of ${all}, but is ${to === undefined ? 'missing' : JSON.stringify(to)}`, {
    hint: didYouMean(String(to).toLowerCase(), exportFormats, `Formats are ${all}.`),
  });
}

function checkOut(what: string, out: unknown, meaning: string): void {
  if (typeof out === 'string' && out !== '') return;
  const found = out === undefined ? 'is missing' : `is ${JSON.stringify(out)}, which is no path`;
  throw new PffError('usage', `out of ${what}, ${meaning}, ${found}`, {
    hint: "Write { out: 'PATH' }, or --out PATH.",
  });
}

/** Metadata of a file that is written from another one. */
function ownMetadata(
  { classes, inputs, ...from }: Readonly<Record<string, string>>,
  digest: string,
): Record<string, string> {
  const { interruptedAfterChapters: chapters } = from;
  return {
    program: `pff ${VERSION}`,
    modelDigest: digest,
    ...(classes === undefined ? {} : { classes }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(chapters === undefined ? {} : { interruptedAfterChapters: chapters }),
  };
}

function encode(
  to: ExportFormat,
  { spec, inputs }: Pick<SavedModel, 'spec' | 'inputs'>,
  layout: LabelLayout,
  states: readonly LayerState[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array | Promise<Uint8Array> {
  switch (to) {
    case 'onnx':
      return encodeOnnx(spec, layout, states, metadata, inputs);
    case 'safetensors':
      return encodeSealed(spec, states, metadata);
    case 'npz': {
      const text = new TextEncoder().encode(
        `${JSON.stringify({ spec, metadata: sealed(spec, metadata) }, undefined, 2)}\n`,
      );
      const arrays = modelTensors(states).map(({ name, shape, values }) => [`${name}.npy`, encodeNpy(shape, values)]);
      return encodeNpz({ ...(Object.fromEntries(arrays) as Record<string, Uint8Array>), 'spec.json': text });
    }
  }
}

/** Where to write the run folder of a model file, and what the file does not say itself. */
export interface ImportOptions extends VerifyOption {
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
export async function importModel(file: string, options: ImportOptions): Promise<ExportedModel> {
  checkOptions('importModel', options, { out: true, spec: true, dataDir: true, verify: true });
  const { out, spec: given, dataDir, verify = true } = options;
  checkOut('importModel', out, 'the run folder to make');
  const found = await readTensors(file, verify);
  if (found.spec === undefined && given === undefined)
    throw new PffError('usage', `${file} does not say what its network is`, {
      hint: 'Give the spec it was trained with by --config SPEC.json.',
    });
  // Of a plugin's parts that the file names only those that predict need be here; what is named anew must be there at all.
  const isNamedAnew = OWN_KINDS.some((kind) => given?.[kind] !== undefined && given[kind] !== found.spec?.[kind]);
  const spec = resolveSpec({ ...found.spec, ...given }, isNamedAnew ? 'registered' : 'any');
  checkParts(file, predictingParts(spec));
  const layout = await layoutOf(spec, found, dataDir);
  const states = checkedStates({ ...found, spec }, layout, file, { verify });
  const digest = modelDigest(states);
  if (existsSync(out) && statSync(out).isDirectory() && readdirSync(out).length > 0)
    throw new PffError('files', `the folder ${out} exists and is not empty`, { hint: 'Choose another --out.' });
  makeFolderFor(out, 'run folder');
  const bytes = encodeSealed(spec, states, ownMetadata(found.metadata, digest));
  writeWhole(path.join(out, SPEC_FILE), `${JSON.stringify(spec, undefined, 2)}\n`);
  return { file: writeWhole(path.join(out, MODEL_FILE), bytes), bytes: bytes.length, modelDigest: digest };
}

interface FoundModel extends ModelFacts {
  readonly tensors: readonly Tensor[];
  /** As it stands in the file, where it is there. */
  readonly spec: PartialSpec | undefined;
}

async function readTensors(file: string, verify: boolean): Promise<FoundModel> {
  const bytes = readRunFile(file, 'Give a model file: safetensors or NPZ.');
  checkIsModel(file, bytes);
  const found =
    file.endsWith('.npz') || modelKind(bytes) === 'npz' ? await fromNpz(bytes, file, verify) : fromSafetensors(bytes);
  if (verify) checkMetadata(found.spec, found.metadata, file);
  return found;
}

function fromSafetensors(bytes: Uint8Array): FoundModel {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { spec, format: _, ...rest } = metadata;
  return { tensors, ...modelFacts(rest), spec: spec === undefined ? undefined : parseSpec(spec) };
}

async function fromNpz(bytes: Uint8Array, file: string, verify: boolean): Promise<FoundModel> {
  const files = await parseNpz(bytes, file, { verify });
  const note = files.get('spec.json');
  const { spec, metadata } = note === undefined ? {} : parseNote(new TextDecoder().decode(note), file);
  const tensors = [...files]
    .filter(([name]) => name !== 'spec.json')
    .map(([name, content]) => {
      const { shape, values, texts } = parseNpy(content, `${file}: ${name}`);
      if (texts)
        throw new PffError('files', `${file}: ${name} holds texts, but weights are floats`, {
          hint: 'Save the array as float32.',
        });
      if (values instanceof BigInt64Array || values instanceof BigUint64Array)
        throw new PffError('files', `${file}: ${name} holds 64-bit integers, but weights are floats`, {
          hint: 'Save the array as float32.',
        });
      return { name, shape, values: Float32Array.from(values) };
    });
  return { tensors, spec, ...modelFacts(metadata ?? {}) };
}

const noteSchema = z.looseObject({
  spec: z.record(z.string(), z.unknown()).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});

/** spec.json in an NPZ file: the spec, and what else is known of the model. */
function parseNote(
  text: string,
  file: string,
): { readonly spec?: PartialSpec | undefined; readonly metadata?: Record<string, string> | undefined } {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch (error) {
    throw new PffError('files', `${file}: its spec.json is not JSON: ${messageOf(error)}`, {
      hint: 'Give the spec by --config, and a file without spec.json.',
      cause: error,
    });
  }
  const checked = noteSchema.safeParse(note);
  if (!checked.success)
    throw new PffError('files', `${file}: its spec.json is not an object with a spec and metadata of text`, {
      hint: 'Write the file again by pff export, or leave spec.json out and give the spec by --config.',
    });
  return checked.data;
}

/** Where the label stands depends on the number of classes, which the metadata has, or else the dataset. */
async function layoutOf(spec: RunSpec, { classes }: ModelFacts, dataDir: string | undefined): Promise<LabelLayout> {
  const count = classes?.length ?? (await loadDataset({ dataset: spec.dataset, dataDir })).classes.length;
  return labelLayout(
    imagePlanes(spec.layers) ?? { width: imageValues(spec.layers), height: 1, channels: 1 },
    count,
    spec.labelMode,
  );
}
