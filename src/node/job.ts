/** What a node needs to know of a run, besides the store: all of it is the same on every node, but for private data. */
import type { LabelLayout } from '../data/labels.js';
import { PffError } from '../errors.js';
import { initialState, viewState, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import type { LabelledData } from '../model/labelled-data.js';
import { assign, type PffVariant, type Placement } from '../schedule/assign.js';
import { graphShape } from '../schedule/shape.js';
import type { RunSpec } from '../spec/spec.js';

/** What the chapters of one shard train on. */
export interface Site {
  /** Over SharedArrayBuffers, so that it can be handed to a worker thread without a copy. */
  readonly data: LabelledData;
  /** Indices of the shard's samples in `data`. */
  readonly samples: Uint32Array;
}

export interface Job {
  readonly spec: RunSpec;
  readonly variant: PffVariant;
  /** N; with a placement, its places. */
  readonly nodes: number;
  /** [N]: which node has each place, where nodes are not equally fast. */
  readonly placement?: Placement | undefined;
  readonly layout: LabelLayout;
  readonly classes: number;
  /** [shards]: chapter c trains on site c mod shards. Undefined where this node has no chapter of that shard. */
  readonly sites: readonly (Site | undefined)[];
  /** [layers, and the classifier]: buffers of the states that layers begin with, where those are a model's. */
  readonly initial?: readonly ArrayBufferLike[] | undefined;
  /** How many digests of parameters on the way each output of a training carries (audit/chain.ts); none unless given. */
  readonly cuts?: number | undefined;
  /** The share of tasks, 0 to 1, that a node does twice and compares (repetition.ts); none unless given. */
  readonly repeat?: number | undefined;
  /** When the run began, in milliseconds of Unix time: what times of spans count from. */
  readonly startedMs: number;
}

/** @throws PffError `data` where this node must not train on the chapter, as it has not got its data. */
export function siteOf({ sites }: Job, chapter: number): Site {
  const site = sites[chapter % sites.length];
  if (site === undefined)
    throw new PffError(
      'data',
      `chapter ${chapter + 1} trains on shard ${(chapter % sites.length) + 1}, which is not here`,
    );
  return site;
}

/** The state that a layer begins with: keyed random parameters, or those of the model that the run begins with. */
export function beginning({ spec, initial }: Pick<Job, 'spec' | 'initial'>, structure: LayerStructure): LayerState {
  const buffer = initial?.[structure.layer];
  return buffer ? viewState(structure, 0, buffer) : initialState(structure, spec.seed);
}

/** The job as node `node` gets it: without the data of shards on which it never trains. */
export function jobOfNode(job: Job, node: number): Job {
  const chapters = (assign(graphShape(job.spec), job.variant, job.nodes, job.placement)[node] ?? []).map(
    ({ chapter }) => chapter,
  );
  const own = new Set(chapters.map((chapter) => chapter % job.sites.length));
  return { ...job, sites: job.sites.map((site, shard) => (own.has(shard) ? site : undefined)) };
}
