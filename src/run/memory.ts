/** The memory that a run needs, stated before it starts and refused if the machine has not got it. */
import { labelBytes } from '../data/label-array.js';
import os from 'node:os';
import { PffError } from '../errors.js';
import { kindOf } from '../layers/kinds.js';
import { parameterBytes, rowOutputs, stateBytes, type LayerStructure } from '../layers/layer-state.js';
import { allStructures, networkStructure } from '../model/network.js';
import { imageValues, rowWidths } from '../layers/sizes.js';
import { BLOCK } from '../model/analysis/analyse.js';
import { wireBytes } from '../model/wire.js';
import { sampleBlock } from '../model/prediction.js';
import { objectiveOf } from '../objectives/table.js';
import { defaultWindow, maxAuditedChapters, maxKeptChapters } from '../schedule/retention.js';
import { relayedLayers } from '../schedule/relay.js';
import { graphShape } from '../schedule/shape.js';
import { usesNegatives, type RunSpec } from '../spec/spec.js';
import type { Execution } from './options.js';
import type { PreparedData } from '../node/prepare.js';

export interface MemoryBound {
  /** The dataset and its scales, once for all nodes. */
  readonly data: number;
  /** Layer inputs that a node holds: activations of a chapter's samples. */
  readonly activationsPerNode: number;
  /** The layer in training, in the kernels' layout, and its next state. */
  readonly kernelsPerNode: number;
  /** Single-Layer: activations that wait on their way from one node to the next. */
  readonly relayed: number;
  /** Published outputs that the store keeps at most. */
  readonly store: number;
  /** Node.js itself, per thread, and the rest. */
  readonly runtime: number;
  readonly total: number;
}

// Measured: Node.js with the program loaded, and garbage of freed batches that is not yet collected.
const RUNTIME_BYTES = 180e6;
const RUNTIME_BYTES_PER_THREAD = 60e6;

/** What goes on beside a training, and takes memory. */
export interface Beside {
  /** The run has a folder, whose checkpoint is written from memory while training goes on. */
  readonly saved?: boolean;
  /** It is analysed at the end of chapters, for which the states of one chapter are held. */
  readonly looked?: boolean;
  /** Its accuracy is measured at the end of chapters: a network opened, and the parameters of one that waits for it. */
  readonly measured?: boolean;
  /** What audits need is kept, too. */
  readonly audited?: boolean;
}

/** An upper bound in bytes. */
export function memoryBound(
  spec: RunSpec,
  { variant, nodes }: Execution,
  prepared: PreparedData,
  { saved = false, looked = false, measured = false, audited = false }: Beside = {},
): MemoryBound {
  const { layout } = prepared;
  const all = [...new Set(prepared.sites.map((site) => site.data.samples))];
  const count = all.reduce((sum, each) => sum + each.count, 0);
  const network = networkStructure(spec, layout);
  const shapes = allStructures(network);
  const { variants } = objectiveOf(spec.objective);
  // Samples that are left out lie in memory too: a part of a dataset is a view of the whole, or a copy beside it.
  const buffers = new Set([...all, prepared.test.samples].map((samples) => samples.images.buffer));
  const images = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  const data = images + prepared.drawnFromBytes + count * 20;
  const largestShard = Math.max(...prepared.sites.map(({ samples: shard }) => shard.length));
  const perChapter = Math.min(largestShard, Math.ceil((largestShard * spec.epochs) / spec.splits) + spec.batch);
  const widestPassed = Math.max(0, ...network.layers.slice(0, -1).map(rowOutputs));
  const widths = [imageValues(spec.layers), ...rowWidths(spec.layers)];
  // DFF holds the images of its full batch as rows, and what enters and leaves a layer.
  const activationsPerNode =
    variant === 'dff'
      ? 4 * largestShard * (imageValues(spec.layers) + 2 * variants * widestPassed)
      : 4 * variants * perChapter * widestPassed;
  // In bf16 the kernels keep a rounded copy of the weights, as f32 where the CPU does not multiply bf16.
  const rounded = spec.precision === 'f32' ? 0 : 1;
  // Kernels make room for the rows of a whole batch, in and out, however many samples there are.
  const batchRows = 2 * 4 * variants * spec.batch * Math.max(...widths);
  const working = shapes.map(({ parts }) =>
    parts.reduce(
      (sum, { geometry }) => sum + (kindOf(geometry).workingBytes?.(geometry, variants * spec.batch) ?? 0),
      0,
    ),
  );
  const kernelsPerNode =
    variant === 'dff'
      ? fullBatchKernels(shapes, variants * largestShard, rounded)
      : batchRows +
        Math.max(...working) +
        Math.max(...shapes.map((shape) => 2 * stateBytes(shape) + rounded * parameterBytes(shape)));
  const graph = graphShape(spec);
  const mostChapters = audited ? maxAuditedChapters : maxKeptChapters;
  const chapters = variant === 'dff' ? 2 : mostChapters(graph, variant, nodes, defaultWindow(graph, variant, nodes));
  const chapterBytes = shapes.reduce((sum, shape) => sum + stateBytes(shape), 0);
  // What is being saved may have been dropped by the store since: a state of each layer.
  // What the run begins with stays.
  const more = [saved, looked, spec.init !== ''].filter(Boolean).length;
  const store =
    (chapters + more) * chapterBytes +
    (Math.min(spec.labelLag, spec.splits) + nodes) * count * labelBytes(layout.suffix);
  // Of very many classes only goodness takes a row for each label; what a label or a head has itself is then wide, too.
  const several = labelBytes(layout.suffix) > 1;
  const tried = several && !usesNegatives(spec.objective) ? 1 : layout.suffix;
  // While predicting, a block of all labels enters and leaves a layer; while saving, the file is put together in memory.
  const atTheEnd =
    2 * 4 * sampleBlock(layout.suffix) * tried * Math.max(...widths, several ? layout.suffix : 0) +
    (2 + rounded) * shapes.reduce((sum, shape) => sum + parameterBytes(shape), 0);
  const runtime = RUNTIME_BYTES + nodes * RUNTIME_BYTES_PER_THREAD + atTheEnd;
  // A look holds all layers opened, and the activations of a block with all labels.
  const looking = looked
    ? shapes.reduce((sum, shape) => sum + parameterBytes(shape), 0) +
      widths.reduce((sum, width) => sum + 4 * sampleBlock(layout.suffix, BLOCK) * tried * width, 0)
    : 0;
  // Beside nodes of their own threads one chapter is measured and another waits for that; where more nodes wait, they publish nothing.
  const measuring = measured
    ? 2 * shapes.reduce((sum, shape) => sum + parameterBytes(shape), 0) + (nodes > 1 ? 2 * chapterBytes : 0)
    : 0;
  const relayed = variant === 'dff' ? 0 : relayedLayers(graph, { variant, nodes }) * activationsPerNode;
  const total = looking + measuring + data + nodes * (activationsPerNode + kernelsPerNode) + relayed + store + runtime;
  return { data, activationsPerNode, kernelsPerNode, relayed, store, runtime, total };
}

/** DFF has all layers opened at once, each for a full batch of `rows`: what enters it (rounded, too), what leaves it, and its states. */
function fullBatchKernels(shapes: readonly LayerStructure[], rows: number, rounded: number): number {
  let sum = 0;
  for (const shape of shapes) {
    sum += 2 * stateBytes(shape) + rounded * parameterBytes(shape);
    for (const { geometry } of shape.parts) {
      const { inputs, outputs } = geometry;
      sum += 4 * rows * ((1 + rounded) * inputs + outputs) + (kindOf(geometry).workingBytes?.(geometry, rows) ?? 0);
    }
  }
  return sum;
}

/** `bound`, with nothing relayed where the machine has no memory for that. */
export function withinMemory(bound: MemoryBound): MemoryBound {
  return bound.total <= availableMemory() ? bound : { ...bound, relayed: 0, total: bound.total - bound.relayed };
}

/** The same for one node of a cluster: it keeps what the run needs of the outputs that it made and fetched. */
export function nodeMemoryBound(
  spec: RunSpec,
  { variant, nodes }: Pick<Execution, 'variant' | 'nodes'>,
  prepared: PreparedData,
  audited: boolean,
): MemoryBound {
  const execution: Execution = { variant, nodes, threadsPerNode: 1, kernels: 'auto' };
  const whole = memoryBound(spec, execution, prepared, { audited });
  const { data, activationsPerNode, kernelsPerNode, store } = whole;
  const runtime = whole.runtime - (nodes - 1) * RUNTIME_BYTES_PER_THREAD;
  return { ...whole, relayed: 0, runtime, total: data + activationsPerNode + kernelsPerNode + store + runtime };
}

/**
 * Bytes that the server of a cluster needs at most for the outputs of a run: all that are kept at once, one that is being
 * replaced for each node, and what the server adds to a message.
 */
export function serverBytes(
  spec: RunSpec,
  { variant, nodes }: Pick<Execution, 'variant' | 'nodes'>,
  prepared: PreparedData,
  audited = false,
): number {
  const sizes = allStructures(networkStructure(spec, prepared.layout)).map((shape) =>
    wireBytes(spec, stateBytes(shape)),
  );
  const graph = graphShape(spec);
  const pipeline = variant === 'dff' ? 'sequential' : variant;
  const mostChapters = audited ? maxAuditedChapters : maxKeptChapters;
  const chapters = mostChapters(graph, pipeline, nodes, defaultWindow(graph, pipeline, nodes));
  const samples = prepared.sites[0]?.data.samples.count ?? 0;
  const labels =
    graph.predictedLabels === 'none'
      ? 0
      : (Math.min(spec.labelLag, spec.splits) + nodes) * samples * labelBytes(prepared.layout.suffix);
  const states = chapters * sizes.reduce((sum, size) => sum + size, 0) + nodes * Math.max(...sizes);
  const messages = (chapters + nodes) * (sizes.length + 1) + states / (1 << 20);
  return Math.ceil(states + labels + 300 * messages);
}

/** Bytes of memory that this machine (or its container) has. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < os.totalmem() ? constrained : os.totalmem();
}

/** @throws PffError `memory` if `bound` is more than there is, or than `most`, where that is given. */
export function checkMemory(bound: MemoryBound, nodes: number, most?: number): void {
  const available = Math.min(availableMemory(), most ?? Infinity);
  if (bound.total <= available) return;
  const limit = available === most ? 'it may use' : 'the machine has';
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  throw new PffError(
    'memory',
    `this run may need ${gb(bound.total)}, but ${limit} ${gb(available)}: data ${gb(bound.data)}, store ${gb(bound.store)}, ` +
      `and for each of ${nodes} node(s) activations ${gb(bound.activationsPerNode)} and kernels ${gb(bound.kernelsPerNode)}`,
    { hint: 'Choose smaller --layers, fewer --nodes or --train-samples, or more --splits than --epochs.' },
  );
}
