/** What is compared of convolutions: single layers of the usual sizes, and a batch through a small network with a loss of its own at each layer. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initialState, type LayerState } from '../../src/layers/layer-state.js';
import { networkStructure } from '../../src/model/network.js';
import { RandomStream } from '../../src/random.js';
import { resolveSpec, type RunSpec } from '../../src/spec/spec.js';

/** Rows of a batch. */
export const ROWS = 128;
const IMAGES_OF_EPOCH = 50_000;
export const BATCHES_OF_EPOCH = Math.ceil(IMAGES_OF_EPOCH / ROWS);
export const NETWORK = ['3x32x32', 'conv64+bn+max2', 'conv128+bn+max2', 'conv256+bn+max2'] as const;
/** Of `pred`: a pooled head is averaged over windows of this side (at most 2048 values), layer by layer. */
export const HEAD_WINDOWS = [4, 2, 2] as const;
const CLASSES = 10;

/** A 3 x 3 convolution with ReLU, as many channels as it is given, on planes of side x side. */
const sizes = [
  { channels: 64, side: 32 },
  { channels: 128, side: 16 },
  { channels: 256, side: 8 },
] as const;
export type Size = (typeof sizes)[number];

type LayerWork = `${'forward' | 'step'}-${Size['channels']}`;
export type ConvolutionWork = LayerWork | 'network';

export interface Piece {
  readonly title: string;
  readonly flop: number;
  /** Of a single layer. */
  readonly size?: Size;
}

export const CONVOLUTION_WORK = pieces();

function pieces(): Readonly<Record<ConvolutionWork, Piece>> {
  const all = sizes.flatMap((size): [string, Piece][] => {
    const { channels, side } = size;
    const what = `${channels} → ${channels} channels, ${side} x ${side}`;
    const flop = 2 * ROWS * side * side * 9 * channels * channels;
    return [
      [`forward-${channels}`, { title: `forward pass, ${what}`, flop, size }],
      [`step-${channels}`, { title: `training step, ${what}`, flop: 2 * flop, size }],
    ];
  });
  // Forward pass, gradient, and the pass for the layer above, of each layer.
  const flop = 3 * 2 * ROWS * (32 * 32 * 27 * 64 + 16 * 16 * 9 * 64 * 128 + 8 * 8 * 9 * 128 * 256);
  all.push(['network', { title: `a batch through ${NETWORK.join(', ')}`, flop }]);
  return Object.fromEntries(all) as Record<ConvolutionWork, Piece>;
}

export interface ConvolutionWorkload {
  readonly spec: RunSpec;
  readonly states: readonly LayerState[];
  /** [3, 32, 32] each */
  readonly images: Float32Array;
  readonly labels: Uint8Array;
  /** Weights [3, 3, C, O], rows [side, side, C] and deltas [side, side, O] of each size. */
  readonly layers: ReadonlyMap<Size, { weight: Float32Array; rows: Float32Array; delta: Float32Array }>;
}

function normal(count: number, deviation: number, purpose: number): Float32Array {
  const values = new Float32Array(count);
  new RandomStream(1, 'test', purpose).fillNormal(values, deviation);
  return values;
}

export function openConvolutionWorkload(): ConvolutionWorkload {
  const spec = resolveSpec({ layers: [...NETWORK], objective: 'pred', batch: ROWS });
  const layout = { skip: 0, prefix: 3072, suffix: CLASSES, inputs: 3072 + CLASSES };
  const states = networkStructure(spec, layout).layers.map((structure) => initialState(structure, spec.seed));
  const stream = new RandomStream(1, 'test', 99);
  const layers = new Map(
    sizes.map((size, i) => {
      const values = ROWS * size.side * size.side * size.channels;
      const weights = 9 * size.channels * size.channels;
      // As a layer below would pass them on: half of them 0.
      const rows = normal(values, 1, 3 * i).map((value) => Math.max(0, value));
      const weight = normal(weights, Math.sqrt(2 / (9 * size.channels)), 3 * i + 1);
      return [size, { weight, rows, delta: normal(values, 1e-3, 3 * i + 2) }] as const;
    }),
  );
  return {
    spec,
    states,
    images: normal(ROWS * 3072, 1, 98),
    labels: Uint8Array.from({ length: ROWS }, () => stream.below(CLASSES)),
    layers,
  };
}

/** The files of bench/peers/pytorch/convolutions.py. */
export function writeConvolutionWorkload(
  { spec, states, images, labels, layers }: ConvolutionWorkload,
  folder: string,
): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, { buffer, byteOffset, byteLength }: Float32Array | Uint8Array): void =>
    writeFileSync(join(folder, name), new Uint8Array(buffer, byteOffset, byteLength));
  write('images.f32', images);
  write('labels.u8', labels);
  for (const [{ channels }, { weight, rows, delta }] of layers) {
    write(`weight-${channels}.f32`, weight);
    write(`rows-${channels}.f32`, rows);
    write(`delta-${channels}.f32`, delta);
  }
  for (const [layer, { parts }] of states.entries()) {
    write(`layer${layer + 1}.f32`, parts[0]?.parameters[0] as Float32Array);
    write(`head${layer + 1}.f32`, parts[1]?.parameters[0] as Float32Array);
  }
  const { learningRate, beta1, beta2, epsilon } = spec;
  const facts = {
    rows: ROWS,
    rates: { step: STEP_RATE, network: learningRate },
    beta1,
    beta2,
    epsilon,
    sizes,
    channels: [3, 64, 128, 256],
    windows: HEAD_WINDOWS,
    classes: CLASSES,
  };
  writeFileSync(join(folder, 'convolutions.json'), JSON.stringify(facts));
}

/** Learning rate of the single layers. */
export const STEP_RATE = 1e-3;
