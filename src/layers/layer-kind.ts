/**
 * What a kind of layer is: how a spec describes it, which sizes and tensors that gives, what it costs, and how it is opened and
 * exported. All of it stands in one file a kind (dense.ts); kinds.ts has the table. Nothing outside this folder and the
 * kernels knows which kinds there are.
 *
 * A *part* is one set of tensors with a kernel: a layer, or the head that stands on it.
 */
import type { z } from 'zod';
import type { OnnxGraph } from '../formats/onnx-graph.js';
import type { Planes } from '../kernels/block/contract.js';
import type { Activation, Awaitable, Kernels, LayerKernel } from '../kernels/kernels.js';
import type { RandomStream } from '../random.js';

/** Sizes that a part has within a network. Kinds add their own. */
export interface Geometry {
  readonly kind: string;
  /** Values of a row that enters, label part included. */
  readonly inputs: number;
  /** Values of a row that leaves. */
  readonly outputs: number;
  /** The planes, channels last, that a row that leaves consists of; absent where it is but values. */
  readonly planes?: Planes | undefined;
}

/** Planes that enter a layer. */
export interface Entering {
  readonly planes: Planes;
  /** They are an image's, whose channels come first. */
  readonly channelsFirst: boolean;
}

/**
 * `layer`: the layer itself; `head`: what scores classes, its own or the network's; `similarity`: a linear map that only the layer's
 * loss reads, that of a similarity loss or a further head of a plugin's.
 */
export type PartRole = 'layer' | 'head' | 'similarity';

/** One part of a layer as a network has it. */
export interface PartStructure<G extends Geometry = Geometry> {
  readonly role: PartRole;
  readonly geometry: G;
  /** How many of the inputs are label values, which come last; 0 but for the first layer. */
  readonly labelInputs: number;
  /** Standard deviation of the initial weights; 0 for weights that start at 0. */
  readonly initialDeviation: number;
  /** Its name in files, where that does not follow from its role: heads of a plugin's objective. */
  readonly name?: string;
  /** Its bias is 0 and stays so. */
  readonly withoutBias?: boolean;
}

/** A parameter of a kind: its name in files (`layer1.weight`), and its shape. */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The tensors of a part, in the order of `LayerKind.parameters`. All are views of one buffer that threads can share. */
export interface PartTensors {
  readonly parameters: readonly Float32Array[];
  /** The optimizer's moments, shaped as the parameters. */
  readonly moment1: readonly Float32Array[];
  readonly moment2: readonly Float32Array[];
}

/** A part opened in a backend. */
export interface OpenPart {
  readonly kernel: LayerKernel;
  /** Copies parameters and moments out. */
  read(into: PartTensors): Awaitable<void>;
}

export interface OpenOptions {
  /** Most rows that a training step will have; 0 for inference only. */
  readonly maxRows: number;
}

/** ONNX nodes of a kind. Names of values in, names of values out; `name` begins the names of constants. */
export interface OnnxNodes {
  /** A whole layer: rows in, activations (of a head: its outputs) out. */
  whole(graph: OnnxGraph, name: string, part: PartStructure, tensors: PartTensors, rows: string): string;
  /** The first layer in two: what the image part brings, without bias [n, outputs] … */
  imagePart(graph: OnnxGraph, name: string, part: PartStructure, tensors: PartTensors, rows: string): string;
  /** … what a label of value 1 brings, one row a class [1, C, outputs], or 1/C of all of them together [1, outputs] … */
  labelPart(graph: OnnxGraph, part: PartStructure, tensors: PartTensors, label: 'each' | 'neutral'): string;
  /** … and their sum with bias and activation. */
  finish(graph: OnnxGraph, name: string, part: PartStructure, tensors: PartTensors, sum: string): string;
}

/** Weights of the windows of a layer, one window a channel that leaves. */
export interface Windows {
  /** Of a window: what it sees of the planes that enter. */
  readonly planes: Planes;
  /** Channels that leave. */
  readonly outputs: number;
  /** [values of a window, channels first; outputs] */
  readonly weights: Float32Array;
}

/** @typeParam D its description in a spec @typeParam G its sizes */
export interface LayerKind<D extends { readonly kind: string }, G extends Geometry> {
  readonly kind: D['kind'];
  /** Schema of its description in a spec. */
  readonly schema: z.ZodType<D>;
  /** Reads the short form that `--layers` takes; undefined where `text` is not of this kind. */
  parse(text: string): D | undefined;
  /** What is wrong with `text`, which `parse` did not read; undefined where it does not look like this kind. */
  explain?(text: string): { readonly message: string; readonly hint: string } | undefined;
  /** Whether `text`, an entry of the short form, belongs to the layer of the entry `before` it (`max2` to a convolution). */
  joins?(text: string, before: string): boolean;
  /** The short form; `parse` reads it. */
  format(description: D): string;
  /** It needs planes, so the shape of images must be known. */
  readonly readsPlanes?: boolean;
  /**
   * Sizes of a layer whose rows enter with `inputs` values, label values included; `entering` says which planes they are, where
   * that is known. @throws PffError `usage` where it does not fit them
   */
  geometry(description: D, inputs: number, entering?: Entering): G;
  parameters(geometry: G): readonly ParameterShape[];
  /** Multiply-adds of one row on its way through. */
  multiplyAdds(geometry: G): number;
  /** The fewest values of one row that are normalised together with those of its batch; absent, or undefined, where none are. */
  batchNormalised?(geometry: G): number | undefined;
  /** Bytes that its kernel works in for `rows` rows at a time, beside parameters and one copy of what enters and leaves. */
  workingBytes?(geometry: G, rows: number): number;
  /** Fills parameters that do not start at 0; `stream` is the part's own. */
  initialise(part: PartStructure<G>, tensors: PartTensors, stream: RandomStream): void;
  open(kernels: Kernels, part: PartStructure<G>, tensors: PartTensors, options: OpenOptions): Promise<OpenPart>;
  /** The weights from each of the first `inputs` values to each unit, [inputs, outputs], for pictures; absent where there is no such matrix. */
  inputWeights?(geometry: G, tensors: PartTensors): Float32Array;
  /** The weights of windows that move over planes, for pictures; absent where there are none. */
  windows?(geometry: G, tensors: PartTensors): Windows;
  readonly onnx: OnnxNodes;
}

/** What a part's outputs go through: all but the layer itself are linear. */
export function activationOf({ role }: Pick<PartStructure, 'role'>): Activation {
  return role === 'layer' ? 'relu' : 'linear';
}
