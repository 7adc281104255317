/** How a run is carried out: everything that does not change its bits. */
import type { Place } from '../data/sources/own/place.js';
import { PffError } from '../errors.js';
import { usableCores } from './cores.js';
import type { KernelsChoice } from '../kernels/open.js';
import type { DieAt } from '../node/threads/dying-store.js';
import { pluginUrl } from '../node/threads/plugins.js';
import type { Variant } from '../schedule/assign.js';
import type { ClusterOptions } from './cluster/options.js';
import type { PartialSpec, RunSpec } from '../spec/spec.js';
import { storeOpener, type OwnStore } from '../store/own-store.js';
import { isBackprop, usesNegatives, usesPredictedLabels } from '../spec/spec.js';

/** What to train and how to carry it out. All may be left out. */
export interface TrainOptions {
  /** Any part of a spec; the rest is filled in (spec/spec.ts). */
  readonly spec?: PartialSpec | undefined;
  /**
   * Data of one's own, by path: a table (CSV, TSV, JSON lines, Parquet), NumPy arrays, a folder of images or of IDX files; or a table
   * with files of its own for testing and validation. The spec says how they are read (`labelColumn`, `missing`, `testShare`, …).
   */
  readonly data?: string | Place | undefined;
  readonly variant?: Variant | undefined;
  /** N: worker threads that are nodes. */
  readonly nodes?: number | undefined;
  /** Kernel threads of each node; by default the cores are divided between the nodes. */
  readonly threadsPerNode?: number | undefined;
  readonly kernels?: KernelsChoice | undefined;
  /**
   * A GPU for each of the first nodes, by number or name, or `all` that there are; the other nodes compute with `kernels`. Without `nodes`
   * there is one for each GPU.
   */
  readonly gpus?: 'all' | readonly string[] | undefined;
  /** Folder of the dataset's files; without it the dataset's own place. */
  readonly dataDir?: string | undefined;
  /**
   * Federated with private data: a folder for each shard, whose training samples only the shard's node reads. What
   * `dataDir` has is only tested on.
   */
  readonly shardDirs?: readonly string[] | undefined;
  /** The run folder to make; without it nothing is written. */
  readonly out?: string | undefined;
  /** Words and a note by which people find the run again, kept in its folder (tags.json). They change no bits and no digest. */
  readonly tags?: readonly string[] | undefined;
  readonly note?: string | undefined;
  /**
   * The folder of a run that stopped (or finished), to go on with. Its spec holds; `spec` may only raise `epochs`, which begins a new
   * phase where learning rates have followed the old end already. How it is carried out may change, such as the number of nodes.
   */
  readonly resume?: string | undefined;
  /**
   * The model that training begins with, a run folder or a safetensors file, where all shapes fit. Its digest becomes `init` of the
   * spec. Nodes of a cluster are given it too (pff node --init).
   */
  readonly init?: string | undefined;
  /** Modules that register own parts which the spec names (node/threads/plugins.ts); paths or URLs. */
  readonly plugins?: readonly string[] | undefined;
  /** Where published layers are kept: `memory` (the default), a store registered by name, or one of one's own as it is. */
  readonly store?: string | OwnStore | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Submit the run to a cluster, or follow one there, instead of training in this process. */
  readonly cluster?: ClusterOptions | undefined;
  /**
   * Looks into the network at the end of every so many chapters, and at the end: `analysis` events. `seldom`: as often as adds
   * at most 0.3 % to the arithmetic. On a cluster at the end only.
   */
  readonly analyseEvery?: number | 'seldom' | undefined;
  /**
   * Measures accuracy on held-out samples at the end of every so many chapters (0 for never): `validation` events. By default so seldom
   * that it is planned to add at most 0.6 % to the arithmetic, which is less than 1 % of the time. On a cluster who follows a run
   * measures, at most 20 times unless asked, what is there.
   */
  readonly validateEvery?: number | undefined;
  /** How many of the held-out samples that takes; by default as many as that allows, from 200 to 2000. */
  readonly validateSamples?: number | undefined;
  /**
   * The share of tasks, 0 to 1, that a node does twice, comparing the bits: finds memory and processors that compute wrongly now and then.
   * None unless given. Nodes of a cluster have it as their own option.
   */
  readonly repeat?: number | undefined;
  /** Tells it (`notice`) when measured accuracy falls by more than this share below the best so far. */
  readonly maxDrop?: number | undefined;
  /** For fault tests: worker threads that are to die, by node. Each entry serves once. */
  readonly faults?: readonly Fault[] | undefined;
}

/** @throws PffError `usage` */
export function checkShare(name: string, share: number | undefined): void {
  if (share === undefined || (share >= 0 && share <= 1)) return;
  throw new PffError('usage', `${name} must be a share of 0 to 1, but is ${share}`);
}

/** A worker thread that is to die, for tests: which one, and when. */
export interface Fault extends DieAt {
  readonly node: number;
}

export interface Execution {
  readonly variant: Variant;
  readonly nodes: number;
  readonly threadsPerNode: number;
  readonly kernels: KernelsChoice;
  /** GPUs of the first nodes. */
  readonly gpus?: readonly string[];
  /** URLs of the plugins that every thread loads. */
  readonly plugins?: readonly string[];
  /** Name of the store, where it is not the usual one. */
  readonly store?: string;
}

/** Fills in how a run is carried out; `gpus` are named ones (gpus.ts). @throws PffError `usage` where the parts contradict each other. */
export function resolveExecution(options: TrainOptions): Execution {
  const { shardDirs } = options;
  const nodes = options.nodes ?? (options.variant === 'sequential' ? 1 : (shardDirs?.length ?? 1));
  const variant = options.variant ?? (shardDirs ? 'federated' : nodes > 1 ? 'all-layers' : 'sequential');
  if (!Number.isInteger(nodes) || nodes < 1)
    throw new PffError('usage', `nodes must be a whole number of at least 1, but is ${nodes}`);
  if (options.cluster && variant === 'dff')
    throw new PffError('usage', 'variant dff is a baseline and does not run on a cluster', {
      hint: 'Leave --server out.',
    });
  if (variant === 'sequential' && nodes > 1)
    throw new PffError('usage', `variant sequential runs on one node, but nodes is ${nodes}`, {
      hint: 'Choose --variant all-layers or single-layer, or leave --nodes out.',
    });
  checkShare('repeat', options.repeat);
  checkShare('maxDrop', options.maxDrop);
  if (options.cluster && options.repeat !== undefined)
    throw new PffError('usage', 'repeat was given, but nodes of a cluster decide themselves what they do twice', {
      hint: 'Leave --repeat out; pff node --repeat RATE has it.',
    });
  if (options.cluster && options.threadsPerNode !== undefined)
    throw new PffError('usage', 'threadsPerNode was given, but nodes of a cluster choose their own', {
      hint: 'Leave --threads-per-node out; pff node --threads N has it.',
    });
  if (options.maxDrop !== undefined && options.validateEvery === 0)
    throw new PffError('usage', 'maxDrop was given, but accuracy is never measured', {
      hint: 'Leave --validate-every 0 out.',
    });
  const every = options.analyseEvery;
  if (typeof every === 'number' && (!Number.isInteger(every) || every < 1))
    throw new PffError('usage', `the network can be analysed every 1, 2, … chapters, but not every ${every}`);
  if (shardDirs && options.cluster)
    throw new PffError('usage', 'folders of shards were given, but nodes of a cluster bring their own', {
      hint: 'Leave --shard-dirs out; pff node --data-dir FOLDER --slot K gives a node its data.',
    });
  if (shardDirs && variant !== 'federated' && variant !== 'sequential')
    throw new PffError('usage', `folders of shards were given, but in variant ${variant} every node reads all shards`, {
      hint: 'Choose --variant federated, or sequential for the same on one node.',
    });
  const gpus = options.gpus === 'all' ? [] : (options.gpus ?? []);
  // A node with a GPU leaves the arithmetic to it.
  const sharing = gpus.length < nodes ? nodes - gpus.length : nodes;
  const cores = Math.max(1, usableCores() - (gpus.length < nodes ? gpus.length : 0));
  const threads = options.threadsPerNode ?? Math.max(1, Math.floor(cores / sharing));
  if (!Number.isInteger(threads) || threads < 1 || threads > 256)
    throw new PffError('usage', `threads per node must be a whole number from 1 to 256, but is ${threads}`);
  const plugins = (options.plugins ?? []).map(pluginUrl);
  const kernels = options.kernels ?? 'auto';
  return {
    variant,
    nodes,
    threadsPerNode: threads,
    kernels,
    ...(gpus.length > 0 ? { gpus } : {}),
    ...(plugins.length > 0 ? { plugins } : {}),
    ...storeName(options),
  };
}

/** @throws PffError `usage` where outputs are kept by a server already, or nobody has registered the store. */
function storeName({ store, cluster }: TrainOptions): Pick<Execution, 'store'> {
  if (store === undefined || store === 'memory') return {};
  if (cluster)
    throw new PffError('usage', 'a run on a cluster keeps its layers on the server, but a store was named', {
      hint: 'Leave --store out.',
    });
  if (typeof store !== 'string') return {};
  storeOpener(store);
  return { store };
}

/** @throws PffError `usage` where a baseline outside the pipeline is asked to run in it, or the other way round. */
export function checkFit(spec: RunSpec, { variant, nodes, store }: Execution, cluster = false): void {
  const wrong = (message: string, hint: string): never => {
    throw new PffError('usage', message, { hint });
  };
  if (store !== undefined && (variant === 'dff' || isBackprop(spec.objective)))
    wrong(`store is ${store}, but baselines outside the pipeline publish nothing`, 'Leave --store out.');
  if (isBackprop(spec.objective)) {
    if (cluster)
      wrong(`objective ${spec.objective} is a baseline and does not run on a cluster`, 'Leave --server out.');
    if (variant !== 'sequential')
      wrong(
        `objective ${spec.objective} is outside the pipeline, but variant is ${variant}`,
        'Leave --variant and --nodes out.',
      );
    if (spec.shards > 1)
      wrong(`objective ${spec.objective} has no shards, but shards is ${spec.shards}`, 'Leave --shards out.');
  }
  if (variant === 'federated') checkShards(spec);
  if (variant === 'federated' && cluster && spec.shards !== nodes)
    wrong(
      `a federated cluster has one shard a node, but shards is ${spec.shards} and nodes ${nodes}`,
      'Leave --shards out.',
    );
  if (variant !== 'dff') return;
  if (spec.freeze.length > 0) wrong('variant dff trains all layers, but some are frozen', 'Leave --freeze out.');
  if (spec.wire !== 'f32')
    wrong(`wire is ${spec.wire}, but variant dff publishes no layer states`, 'Leave --wire out.');
  if (nodes > 1)
    wrong(
      `variant dff is carried out on one node, but nodes is ${nodes}`,
      'Leave --nodes out; pff simulate --variant dff shows its pipeline.',
    );
  if (!usesNegatives(spec.objective) || usesPredictedLabels(spec.negatives) || spec.classifier !== 'goodness')
    wrong(
      'variant dff trains on goodness with fixed or random negatives and predicts by goodness',
      'Give --negatives random --classifier goodness.',
    );
  if (spec.dropout > 0) wrong('variant dff has no dropout', 'Leave --dropout out.');
  if (spec.augmentPer === 'layer')
    wrong(
      'augmentPer is layer, but variant dff passes each image through all layers at once',
      'Give --augment-per chapter.',
    );
  if (spec.splits !== spec.epochs || spec.shards > 1)
    wrong('variant dff exchanges after each epoch and has no shards', 'Leave --splits and --shards out.');
}

/** @throws PffError `usage` where a federated run would leave data out */
export function checkShards({ splits, shards }: RunSpec): void {
  if (splits >= shards) return;
  throw new PffError(
    'usage',
    `each chapter trains on one shard: with splits ${splits} and shards ${shards}, only the first ${splits} of the shards would ever be trained on`,
    { hint: `Give at least --splits ${shards}, or fewer --shards.` },
  );
}

/** The spec's fields that default by how the run is carried out: they become part of the spec, and so of its bits. */
export function defaultsOfExecution(
  given: PartialSpec,
  execution: Execution,
  shardDirs?: readonly string[],
): PartialSpec {
  const spec: PartialSpec = { ...given };
  if (shardDirs) spec.shards ??= shardDirs.length;
  if (execution.variant === 'federated') spec.shards ??= execution.nodes;
  // AdaptiveNEG reads all layers: in a pipeline, labels of the chapter before would make every node wait for the last
  // layer of that chapter, so the paper takes labels N chapters old. Sampled labels read layer 1 only, which is there.
  if (spec.negatives === 'adaptive') spec.labelLag ??= execution.nodes;
  if (execution.variant === 'dff') spec.negatives ??= 'random';
  return spec;
}
