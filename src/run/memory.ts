/** The memory that a run needs, stated before it starts and refused if the machine has not got it. */
import os from 'node:os';
import { PffError } from '../errors.js';
import { stateBytes, weightBytes } from '../model/layer-state.js';
import { allShapes, networkShape } from '../model/network.js';
import { BLOCK } from '../model/analysis/analyse.js';
import { layerObjective } from '../model/objectives/registry.js';
import { PREDICTION_BLOCK } from '../model/prediction.js';
import { defaultWindow, maxKeptChapters } from '../schedule/retention.js';
import { graphShape } from '../schedule/shape.js';
import { isBackprop, type RunSpec } from '../spec/spec.js';
import type { Execution } from './options.js';
import type { PreparedData } from '../node/prepare.js';

export interface MemoryBound {
  /** The dataset and its scales, once for all nodes. */
  readonly data: number;
  /** Layer inputs that a node holds: activations of a chapter's samples. */
  readonly activationsPerNode: number;
  /** The layer in training, in the kernels' layout, and its next state. */
  readonly kernelsPerNode: number;
  /** Published outputs that the store keeps at most. */
  readonly store: number;
  /** Node.js itself, per thread, and the rest. */
  readonly runtime: number;
  readonly total: number;
}

// Measured: Node.js with the program loaded, and garbage of freed batches that is not yet collected.
const RUNTIME_BYTES = 180e6;
const RUNTIME_BYTES_PER_THREAD = 60e6;

/**
 * An upper bound in bytes. `saved`: the run has a folder, whose checkpoint is written from memory while training goes on.
 * `looked`: it is analysed at the end of chapters, for which the states of one chapter are held.
 */
export function memoryBound(
  spec: RunSpec,
  { variant, nodes }: Execution,
  prepared: PreparedData,
  saved: boolean,
  looked = false,
): MemoryBound {
  const { layout } = prepared;
  const all = [...new Set(prepared.sites.map((site) => site.data.samples))];
  const count = all.reduce((sum, each) => sum + each.count, 0);
  const network = networkShape(spec, layout);
  const shapes = allShapes(network);
  const variants = isBackprop(spec.objective) ? 1 : layerObjective(spec).variants;
  // Samples that are left out lie in memory too: a part of a dataset is a view of the whole.
  const buffers = new Set([...all, prepared.test.samples].map((samples) => samples.images.buffer));
  const images = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  const data = images + count * 20;
  const largestShard = Math.max(...prepared.sites.map(({ samples: shard }) => shard.length));
  const perChapter = Math.min(largestShard, Math.ceil((largestShard * spec.epochs) / spec.splits) + spec.batch);
  const width = Math.max(0, ...network.layers.slice(0, -1).map((shape) => shape.dense[0]?.outputs ?? 0));
  // DFF holds the inputs and outputs of a full batch, and the kernels' packed copies of both.
  const activationsPerNode = 4 * variants * perChapter * width * (variant === 'dff' ? 4 : 1);
  // In bf16 the kernels keep a rounded copy of the weights, as f32 where the CPU does not multiply bf16.
  const rounded = spec.precision === 'f32' ? 0 : 1;
  const kernelsPerNode = Math.max(...shapes.map((shape) => 2 * stateBytes(shape) + rounded * weightBytes(shape)));
  const graph = graphShape(spec);
  const chapters = variant === 'dff' ? 2 : maxKeptChapters(graph, variant, nodes, defaultWindow(graph, variant, nodes));
  const chapterBytes = shapes.reduce((sum, shape) => sum + stateBytes(shape), 0);
  // What is being saved may have been dropped by the store since: a state of each layer.
  const store = (chapters + (saved ? 1 : 0) + (looked ? 1 : 0)) * chapterBytes + (spec.labelLag + nodes) * count;
  // While predicting, a block of all labels enters and leaves a layer; while saving, the file is put together in memory.
  const widest = Math.max(...spec.layers);
  const atTheEnd =
    2 * 4 * PREDICTION_BLOCK * layout.suffix * widest +
    (2 + rounded) * shapes.reduce((sum, shape) => sum + weightBytes(shape), 0);
  const runtime = RUNTIME_BYTES + nodes * RUNTIME_BYTES_PER_THREAD + atTheEnd;
  // A look holds all layers opened, and the activations of a block with all labels.
  const looking = looked
    ? shapes.reduce((sum, shape) => sum + weightBytes(shape), 0) +
      spec.layers.reduce((sum, units) => sum + 4 * BLOCK * layout.suffix * units, 0)
    : 0;
  const total = looking + data + nodes * (activationsPerNode + kernelsPerNode) + store + runtime;
  return { data, activationsPerNode, kernelsPerNode, store, runtime, total };
}

/** @throws PffError `memory` if `bound` is more than this machine (or its container) has. */
export function checkMemory(bound: MemoryBound, nodes: number): void {
  const constrained = process.constrainedMemory();
  const available = constrained > 0 && constrained < os.totalmem() ? constrained : os.totalmem();
  if (bound.total <= available) return;
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  throw new PffError(
    'memory',
    `this run may need ${gb(bound.total)}, but the machine has ${gb(available)}: data ${gb(bound.data)}, store ${gb(bound.store)}, ` +
      `and for each of ${nodes} node(s) activations ${gb(bound.activationsPerNode)} and kernels ${gb(bound.kernelsPerNode)}`,
    { hint: 'Choose smaller --layers, fewer --nodes or --train-samples, or more --splits than --epochs.' },
  );
}
