/**
 * Rule 7 of kernels.ts in plain TypeScript: which values a dropout mask keeps. The mask is counter-based, so it costs no
 * memory and any row of it can be had by itself.
 */
import { philox } from '../random.js';

/** Values of a row that are decided on together: 16 Philox blocks of 8 half-words each. */
export const DROPOUT_GROUP = 128;
const BLOCKS = DROPOUT_GROUP / 8;

/** Names a mask and says how much it keeps. */
export interface DropoutMask {
  /** [5]: the Philox key (2 words), and words 1, 2 and 3 of its counter; see `philoxName`. */
  readonly name: Uint32Array;
  /** 0 … 65535: a value is dropped if its half-word is below; so the share dropped is threshold / 65536. */
  readonly threshold: number;
}

/** Rows to drop values from. */
export interface DropoutRows {
  /** [any, width] */
  readonly values: Float32Array;
  readonly width: number;
  /** R */
  readonly count: number;
  /** [R]: which rows of `values`, in order; without it rows 0 … R-1. */
  readonly rows?: Uint32Array | undefined;
  /** Rows are planes of so many channels, channels last, that are dropped whole; it divides `width`. Without it values are dropped one by one. */
  readonly channels?: number | undefined;
}

/** The mask that drops a share `rate` (0 … 1) of all values, to the nearest 1/65536. */
export function dropoutMask(name: Uint32Array, rate: number): DropoutMask {
  return { name, threshold: Math.min(65535, Math.round(rate * 65536)) };
}

/** What kept values are multiplied by, so that their expected sum stays as it was. */
export function dropoutScale({ threshold }: DropoutMask): number {
  return Math.fround(65536 / (65536 - threshold));
}

/** Rule 7 for one group of a row: writes 1 or 0 for each of its 128 values to `kept`. */
export function keptOfGroup(mask: DropoutMask, group: number, kept: Uint8Array): void {
  const [key0 = 0, key1 = 0, c1 = 0, c2 = 0, c3 = 0] = mask.name;
  const words = new Uint32Array(4);
  for (let block = 0; block < BLOCKS; block++) {
    philox([group * BLOCKS + block, c1, c2, c3], key0, key1, words);
    for (const [w, word] of words.entries()) {
      kept[w * 32 + block * 2] = (word & 0xffff) >= mask.threshold ? 1 : 0;
      kept[w * 32 + block * 2 + 1] = word >>> 16 >= mask.threshold ? 1 : 0;
    }
  }
}

/** Rule 7. `out` [R, width] may be `values` itself where `rows` is absent. */
export function dropRows(input: DropoutRows, mask: DropoutMask, out: Float32Array): void {
  const { values, width, count, rows, channels = width } = input;
  const groups = Math.ceil(channels / DROPOUT_GROUP);
  const scale = dropoutScale(mask);
  const kept = new Uint8Array(DROPOUT_GROUP);
  for (let r = 0; r < count; r++) {
    const from = (rows?.[r] ?? r) * width;
    for (let group = 0; group < groups; group++) {
      keptOfGroup(mask, r * groups + group, kept);
      const end = Math.min(channels, (group + 1) * DROPOUT_GROUP);
      for (let position = 0; position < width; position += channels)
        for (let c = group * DROPOUT_GROUP; c < end; c++)
          out[r * width + position + c] =
            kept[c % DROPOUT_GROUP] === 1 ? (values[from + position + c] ?? 0) * scale : 0;
    }
  }
}
