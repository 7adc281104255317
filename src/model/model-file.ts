/** A trained network as a safetensors file: weights and biases of every layer and head, the spec in its metadata. */
import { MOST_CLASSES } from '../data/label-array.js';
import { parseInputs, type Inputs } from '../data/columns.js';
import { PffError } from '../errors.js';
import { type PartialSpec, resolveSpec, type RunSpec } from '../spec/spec.js';
import { allocateState, namedParameters, type LayerState } from '../layers/layer-state.js';
import { allStructures, type NetworkStructure } from './network.js';
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../formats/safetensors.js';

export const MODEL_FORMAT = 'pff/1';

/** Tensors of a network in the order that `modelDigest` takes them: layer by layer its parameters, then its head's. */
export function modelTensors(states: readonly LayerState[]): Tensor[] {
  return states.flatMap(namedParameters);
}

export function encodeModel(
  spec: RunSpec,
  states: readonly LayerState[],
  more: Readonly<Record<string, string>>,
): Uint8Array {
  return encodeSafetensors({
    tensors: modelTensors(states),
    metadata: { format: MODEL_FORMAT, spec: JSON.stringify(spec), ...more },
  });
}

/** What a model's metadata say of it. */
export interface ModelFacts {
  readonly metadata: Readonly<Record<string, string>>;
  /** Names of the classes; models of other programs, and of early versions, do not have them. */
  readonly classes: readonly string[] | undefined;
  /** What the network takes; earlier models do not say it. */
  readonly inputs: Inputs | undefined;
  /** Set where the run was interrupted: chapters that all layers had finished. */
  readonly interruptedAfterChapters: number | undefined;
}

export interface SavedModel extends ModelFacts {
  readonly spec: RunSpec;
  /** The spec as it stands in the file. */
  readonly writtenSpec: unknown;
  readonly tensors: readonly Tensor[];
}

/** Reads a model, without its tensors' shapes being checked. @throws PffError `files` saying what is wrong with it. */
export function decodeModel(bytes: Uint8Array): SavedModel {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata['format'] !== MODEL_FORMAT || metadata['spec'] === undefined)
    throw new PffError(
      'files',
      `the file is safetensors, but not a model of pff: its metadata has no format ${MODEL_FORMAT} and spec`,
      { hint: 'pff import makes a run folder of weights of other programs.' },
    );
  const writtenSpec = parseSpec(metadata['spec']);
  return { spec: resolveRead(writtenSpec), writtenSpec, tensors, ...modelFacts(metadata) };
}

/** A spec as text, without its fields being checked. @throws PffError `files` */
export function parseSpec(text: string): PartialSpec {
  const spec = parsed(text, 'spec');
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return wrong('spec', 'is no JSON object');
  return spec;
}

/** Reads the metadata that are more than text. @throws PffError `files` where one is not what pff writes there. */
export function modelFacts(metadata: Readonly<Record<string, string>>): ModelFacts {
  const { classes: names, inputs: taken, interruptedAfterChapters: chapters } = metadata;
  const classes = names === undefined ? undefined : parsed(names, 'classes');
  if (classes !== undefined && !isClasses(classes)) return wrong('classes', 'is no list of 2 to 65,536 names');
  if (chapters !== undefined && !/^\d{1,15}$/.test(chapters))
    return wrong('interruptedAfterChapters', 'is no number of chapters');
  const interruptedAfterChapters = chapters === undefined ? undefined : Number(chapters);
  const inputs = taken === undefined ? undefined : parseInputs(parsed(taken, 'inputs'));
  if (taken !== undefined && inputs === undefined) return wrong('inputs', 'are neither an image nor columns');
  return { metadata, classes, inputs, interruptedAfterChapters };
}

function isClasses(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length >= 2 &&
    value.length <= MOST_CLASSES &&
    value.every((name) => typeof name === 'string' && name.length <= 1000)
  );
}

function parsed(text: string, entry: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return wrong(entry, 'is not JSON');
  }
}

function wrong(entry: string, what: string): never {
  throw new PffError('files', `${entry} in the metadata of the model ${what}`, {
    hint: 'The file may be damaged, or of another program; take it from where it was made again.',
  });
}

/** What is wrong with a spec in a file is the file's fault, not that of who reads it. */
function resolveRead(spec: PartialSpec): RunSpec {
  try {
    return resolveSpec(spec, 'any');
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    throw new PffError('files', `spec in the metadata of the model cannot be used: ${error.message}`, {
      hint: 'The file may be damaged, or of a later version of pff.',
      cause: error,
    });
  }
}

/** The states of a network from a model's tensors; moments are 0. @throws PffError `files` where a tensor is missing or misshapen. */
export function statesFromTensors(network: NetworkStructure, tensors: readonly Tensor[]): LayerState[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const fill = (name: string, shape: readonly number[], into: Float32Array): void => {
    const tensor = byName.get(name);
    if (!tensor || tensor.shape.join() !== shape.join())
      throw new PffError(
        'files',
        `the model needs tensor ${name} [${shape.join(', ')}], but ${tensor ? `it is [${tensor.shape.join(', ')}]` : 'it is not there'}`,
      );
    into.set(tensor.values);
  };
  return allStructures(network).map((structure) => {
    const state = allocateState(structure);
    for (const { name, shape, values } of namedParameters(state)) fill(name, shape, values);
    return state;
  });
}
