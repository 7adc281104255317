/** Which samples a chapter trains on, in which batches: a pure function of the spec, the shard and the chapter. */
import { PffError } from '../errors.js';
import { RandomStream } from '../random.js';
import type { RunSpec } from '../spec/spec.js';

export interface Batch {
  /** [B]: places in the chapter's `samples`. */
  readonly positions: Uint32Array;
  /** Share of its phase (of the run, where that has one only) before this batch, 0 … 1: what the learning rate follows. */
  readonly progress: number;
  readonly phase: Phase;
}

/** A phase of the run (the run itself, where that has one only): its length in epochs and in chapters. */
export type Phase = Pick<RunSpec, 'epochs' | 'splits'>;

export interface ChapterPlan {
  /** Indices into the training data. A chapter of one epoch or more holds its whole shard, a shorter one only what it uses. */
  readonly samples: Uint32Array;
  /** The batches of the chapter, in order; the same for every layer. */
  readonly batches: readonly Batch[];
}

/**
 * Chapter `chapter` of the run covers epochs [chapter · E / S, (chapter + 1) · E / S) of its shard, both ends rounded down to whole batches.
 * Each epoch has its own keyed order; its last batch may be smaller.
 * @param shard indices of the shard's samples in the training data.
 * @throws PffError `usage` if there are fewer batches than chapters.
 */
export function chapterPlan(spec: RunSpec, shard: Uint32Array, chapter: number): ChapterPlan {
  const batchesPerEpoch = Math.ceil(shard.length / spec.batch);
  const total = spec.epochs * batchesPerEpoch;
  if (total < spec.splits)
    throw new PffError(
      'usage',
      `${spec.splits} splits were asked for, but ${spec.epochs} epochs of ${shard.length} samples have only ${total} batches`,
      {
        hint: 'Lower --splits, or raise --epochs.',
      },
    );
  const first = Math.floor((chapter * total) / spec.splits);
  const end = Math.floor(((chapter + 1) * total) / spec.splits);
  const whole = end - first >= batchesPerEpoch;
  const borders = [0, ...spec.phases, spec.epochs].map((epochs) => epochs * batchesPerEpoch);
  let phase: Phase = spec;

  let epoch = -1;
  let order: Uint32Array = new Uint32Array(0);
  const used: number[] = [];
  const batches: Batch[] = [];
  for (let b = first; b < end; b++) {
    const now = Math.floor(b / batchesPerEpoch);
    if (now !== epoch) {
      epoch = now;
      phase = phaseAt(spec, epoch);
      order = new RandomStream(spec.seed, 'shuffle', epoch, chapter % spec.shards).permutation(shard.length);
    }
    const start = (b % batchesPerEpoch) * spec.batch;
    const places = order.subarray(start, start + spec.batch);
    const progress = progressOf(b, borders);
    if (whole) {
      batches.push({ positions: places, progress, phase });
    } else {
      batches.push({ positions: Uint32Array.from(places, (_, i) => used.length + i), progress, phase });
      // Not by spreading: there may be more than a call takes.
      for (const place of places) used.push(place);
    }
  }
  return { samples: whole ? shard : Uint32Array.from(used, (place) => shard[place] as number), batches };
}

/** The phase that an epoch, from 0, is in. */
export function phaseAt(
  { epochs, splits, phases }: Pick<RunSpec, 'epochs' | 'splits' | 'phases'>,
  epoch: number,
): Phase {
  const [start, end] = around(epoch, [0, ...phases, epochs]);
  return { epochs: end - start, splits: (splits * (end - start)) / epochs };
}

/** How much of its phase lies before `b`, a batch or an epoch; `borders`: where each phase begins, and the end of the last. */
export function progressOf(b: number, borders: readonly number[]): number {
  const [start, end] = around(b, borders);
  return (b - start) / (end - start);
}

/** The borders of the phase that `b` is in. */
function around(b: number, borders: readonly number[]): readonly [start: number, end: number] {
  const next = borders.findIndex((border) => b < border);
  return [borders[next - 1] as number, borders[next] as number];
}
