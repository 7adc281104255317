/**
 * What the tasks of a run would cost on this machine: measured by training the same layers on a few batches, at two
 * lengths, which tells what a task costs by itself from what each batch costs.
 */
import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/sources/load.js';
import { readingOf } from '../data/readers/reading.js';
import { PffError } from '../errors.js';
import type { KernelsChoice } from '../kernels/open.js';
import type { Costs } from '../simulate/costs.js';
import { loadedPlugins } from '../node/threads/plugins.js';
import { graphShape } from '../schedule/shape.js';
import type { Span } from '../schedule/timeline.js';
import { isBackprop, usesPredictedLabels, type RunSpec } from '../spec/spec.js';
import { measuredCosts } from './measured-costs.js';
import { train } from './train.js';

export interface CalibrateOptions {
  /** Kernel threads of a node; default 1. */
  readonly threads?: number | undefined;
  /** Measure while so many nodes compute at once, as threads of this machine: they share its memory. Default 1. */
  readonly nodes?: number | undefined;
  readonly kernels?: KernelsChoice | undefined;
  readonly dataDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Calibration {
  readonly costs: Costs;
  readonly kernels: string;
  readonly kernelsReason: string | undefined;
  /** Training samples of the whole run. */
  readonly samples: number;
  /** What measuring took. */
  readonly seconds: number;
}

/** Chapters of each node. Its first one warms up and is not counted. */
const CHAPTERS = 3;
/** Batches of a chapter in the shorter run. */
const SHORT = 8;
/**
 * Bounds for the longer run's. The longer, the better: rows that no longer fit into caches cost what they do in earnest.
 * Small layers, where that shows most, are also the quick ones.
 */
const [LEAST_LONG, MOST_LONG] = [96, 256];
/** What the longer run may take, roughly. */
const LONG_SECONDS = 8;

/** @throws PffError as `train`; `usage` for objectives outside the pipeline. */
export async function calibrate(spec: RunSpec, options: CalibrateOptions = {}, given?: Dataset): Promise<Calibration> {
  if (isBackprop(spec.objective))
    throw new PffError('usage', `objective ${spec.objective} is outside the pipeline: there is nothing to simulate`, {
      hint: 'Choose goodness, symba or performance-optimized.',
    });
  const began = performance.now();
  const dataset =
    given ?? (await loadDataset({ dataset: spec.dataset, dataDir: options.dataDir, reading: readingOf(spec) }));
  const all = (spec.trainSamples || dataset.train.count) - spec.validationSamples;
  const shard = Math.floor(all / spec.shards);
  const short = await measure(spec, options, dataset, SHORT);
  const perBatch = sumOf(short.costs) / short.batches;
  const affordable = Math.floor(LONG_SECONDS / (CHAPTERS * perBatch));
  const long = await measure(spec, options, dataset, Math.min(MOST_LONG, Math.max(LEAST_LONG, affordable)));
  const batches = (Math.ceil(shard / spec.batch) * spec.epochs) / spec.splits;
  // A chapter of several epochs passes its samples on only once.
  const passed = Math.min(Math.ceil(shard / spec.batch), batches);
  const at = (length: number) => (a: number, b: number) => extrapolate(short.batches, a, long.batches, b, length);
  const zip = (a: readonly number[], b: readonly number[], to: (a: number, b: number) => number): number[] =>
    a.map((value, i) => to(value, b[i] ?? 0));
  const costs: Costs = {
    train: zip(short.costs.train, long.costs.train, at(batches)),
    pass: zip(short.costs.pass, long.costs.pass, at(passed)),
    head: at(batches)(short.costs.head, long.costs.head),
    labels: at(passed)(short.costs.labels, long.costs.labels),
    stateBytes: long.costs.stateBytes,
    labelBytes: usesPredictedLabels(spec.negatives) ? all : 0,
  };
  return {
    costs,
    kernels: long.kernels,
    kernelsReason: long.kernelsReason,
    samples: all,
    seconds: (performance.now() - began) / 1000,
  };
}

interface Measured {
  readonly batches: number;
  readonly costs: Costs;
  readonly kernels: string;
  readonly kernelsReason: string | undefined;
}

async function measure(spec: RunSpec, options: CalibrateOptions, dataset: Dataset, batches: number): Promise<Measured> {
  const { signal, threads = 1, nodes = 1 } = options;
  const samples = Math.min(batches * spec.batch, dataset.train.count);
  const small: RunSpec = {
    ...spec,
    trainSamples: samples,
    validationSamples: 0,
    testSamples: 1,
    epochs: CHAPTERS * nodes,
    splits: CHAPTERS * nodes,
    // With a shorter lag nodes would stand waiting instead of computing at once.
    labelLag: usesPredictedLabels(spec.negatives) ? nodes : 1,
    shards: 1,
    skew: 0,
    // How long the whole run is, and what it begins with, costs a task nothing.
    earlyStop: 0,
    phases: [],
    init: '',
  };
  const spans: Span[] = [];
  let [kernels, reason]: [string, string | undefined] = ['', undefined];
  const plugins = loadedPlugins();
  const run = train(
    { spec: small, nodes, threadsPerNode: threads, kernels: options.kernels, plugins, signal },
    dataset,
  );
  for await (const event of run) {
    if (event.type === 'started') [kernels, reason] = [event.kernels, event.kernelsReason];
    if (event.type === 'task-finished' && event.task.chapter >= nodes) spans.push(...event.spans);
  }
  const costs = measuredCosts(graphShape(small), spans);
  return { batches: Math.ceil(samples / spec.batch), costs, kernels, kernelsReason: reason };
}

function sumOf({ train: trained, pass, head, labels }: Costs): number {
  return [...trained, ...pass, head, labels].reduce((sum, seconds) => sum + seconds, 0);
}

/** The line through two measurements, at `length`. */
function extrapolate(short: number, a: number, long: number, b: number, length: number): number {
  const perBatch = long > short && b > a ? (b - a) / (long - short) : b / long;
  return Math.max(0, b - perBatch * long) + perBatch * length;
}
