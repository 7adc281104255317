/** The typed events of a run: what the CLI, the event log and pages are made from. Plain JSON data. */
import type { AuditReport } from './cluster/audit-report.js';
import type { Numerics } from '../kernels/numerics.js';
import type { LayerSize } from '../layers/sizes.js';
import type { NetworkAnalysis } from '../model/analysis/analysis.js';
import type { Evaluation } from '../model/predictor.js';
import type { NodeEvent } from '../node/events.js';
import type { DatasetFacts } from '../node/prepare.js';
import type { TaskRef, TimelineSummary } from '../schedule/timeline.js';
import type { RunSpec } from '../spec/spec.js';
import type { Measured } from './measured.js';
import type { Execution } from './options.js';

/** All from what the tasks of the run itself took, averaged by layer. */
export interface PipelineFigures {
  /** What one such node alone would have taken. */
  readonly aloneSeconds: number;
  /** The shortest that this schedule allows on as many nodes, transfers free (simulate/bound.ts). */
  readonly boundSeconds: number;
  /** aloneSeconds / the run's makespan. */
  readonly speedUp: number;
  /** boundSeconds / the run's makespan, 0 … 1. */
  readonly reached: number;
  /** What kept the nodes from computing, in seconds over all nodes, largest first (schedule/timeline.ts). */
  readonly idle: TimelineSummary['idle'];
}

/** What a finished run was and gave; what `pff train --json` prints. */
export interface RunResult {
  /** Share of the test samples (or validation samples, see `evaluatedOn`) predicted right, 0 … 1. */
  readonly testAccuracy: number;
  readonly evaluatedOn: 'test' | 'validation';
  readonly layerAccuracy: readonly number[];
  readonly confusion: Evaluation['confusion'];
  /** Wall-clock seconds from the first task's start to the last one's end. */
  readonly trainSeconds: number;
  /** Of a run that was gone on with: the same of its parts before this one, by its log. */
  readonly earlierSeconds?: number | undefined;
  readonly evaluateSeconds: number;
  /** SHA-256 over every layer's little-endian f32 weights and biases, in order. */
  readonly modelDigest: string;
  readonly dataDigest: string;
  readonly dataset: string;
  readonly kernels: string;
  /** The arithmetic that it was computed in; digests compare only where it is exact. */
  readonly numerics: Numerics;
  readonly layers: readonly LayerSize[];
  readonly epochs: number;
  readonly splits: number;
  readonly negatives: string;
  readonly classifier: string;
  readonly objective: string;
  readonly variant: string;
  readonly nodes: number;
  readonly threadsPerNode: number;
  readonly seed: number;
  readonly peakRssBytes: number;
  /** The most bytes of published outputs that the store held at once. */
  readonly peakStoreBytes: number;
  /** The run was done by nodes of a cluster: nothing is known here of their threads and their store. */
  readonly followed?: true | undefined;
  /** The most memory that the run could need, as computed before it began (run/memory.ts). */
  readonly memoryBoundBytes: number;
  /** Where the time went, over all nodes, in seconds. */
  readonly timeSplit: Readonly<Record<'train' | 'pass' | 'labels' | 'wait' | 'other', number>>;
  readonly utilisation: number;
  /** How near a pipeline of several nodes came to its bound; absent for one node and for the baselines. */
  readonly pipeline?: PipelineFigures;
  /** Payload bytes that nodes took from each other. */
  readonly bytesMoved: number;
  /** The same on the validation samples, where the dataset has some besides the test samples. */
  readonly validationAccuracy?: number;
  /** With early stopping: the chapter (from 0) whose layers the model has, and the share of the validation samples that it got right. */
  readonly best?: { readonly chapter: number; readonly accuracy: number };
  readonly folder: string | undefined;
  readonly spec: RunSpec;
}

/** What happens in a run, as it happens: what `train` yields, and each line of events.jsonl. */
export type RunEvent =
  | {
      readonly type: 'started';
      readonly time: string;
      readonly version: string;
      readonly spec: RunSpec;
      readonly execution: Execution;
      readonly kernels: string;
      /** Absent in logs of earlier versions, as is `network`. */
      readonly numerics?: Numerics | undefined;
      /** The layers in short form: `784-500-500`. */
      readonly network?: string | undefined;
      /** Why slower kernels are used than the native ones, where they were not asked for. */
      readonly kernelsReason: string | undefined;
      readonly dataset: DatasetFacts;
      readonly folder: string | undefined;
      /** Folders of data that were given, in full; a log of an earlier version has none. */
      readonly dataDir?: string | undefined;
      readonly shardDirs?: readonly string[] | undefined;
    }
  /** The run goes on where it stopped: follows `started`. */
  | {
      readonly type: 'resumed';
      /** Tasks that need not be done again. */
      readonly done: readonly TaskRef[];
      /** Files of the checkpoint that could not be used; what they held is trained again. */
      readonly damaged: readonly { readonly file: string; readonly reason: string }[];
    }
  | NodeEvent
  /** The checkpoint could not be written; the run goes on, and so do the attempts. */
  | { readonly type: 'checkpoint-failed'; readonly reason: string }
  /** `at`: seconds since the start, as in spans. */
  | {
      readonly type: 'node-died';
      readonly node: number;
      readonly reason: string;
      readonly deaths: number;
      readonly at: number;
    }
  /** Something that a person should read: nodes of a cluster that come and go, refusals, a server or a disk that is away. */
  | { readonly type: 'notice'; readonly text: string; readonly at: number }
  /** On a cluster whose results are audited: what came of it so far. */
  | (AuditReport & { readonly type: 'audits' })
  /** A look into the network as it was at the end of `chapter`, on held-out samples. */
  | {
      readonly type: 'analysis';
      readonly chapter: number;
      /** Seconds since the start, of the end of the look. */
      readonly at: number;
      /** Seconds that the look took, on this process's clock. */
      readonly seconds: number;
      readonly analysis: NetworkAnalysis;
    }
  /** Accuracy at the end of `chapter` on samples that are held out. */
  | (Measured & {
      readonly type: 'validation';
      /** Seconds since the start, of the end of the measuring, and what that took. */
      readonly at: number;
      readonly seconds: number;
    })
  | { readonly type: 'trained'; readonly seconds: number; readonly summary: TimelineSummary }
  | { readonly type: 'evaluating'; readonly done: number; readonly samples: number }
  | { readonly type: 'interrupted'; readonly chapters: number; readonly savedModel: string | undefined }
  | { readonly type: 'finished'; readonly result: RunResult };
