/**
 * Keyed counter-based randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11).
 * A stream is named by (seed, purpose, indices); the same name gives the same numbers wherever and whenever it is asked.
 */
import { log } from './math.js';

/** What a stream is for. Two purposes never share numbers. */
export type Purpose =
  | 'weights'
  | 'shuffle'
  | 'negatives'
  | 'shards'
  | 'augment'
  | 'deform'
  | 'cutout'
  | 'patterns'
  | 'dropout'
  | 'dropout-inputs'
  | 'simulate'
  | 'probe'
  | 'split'
  | 'draw'
  | 'sweep'
  | 'plugin-check'
  | 'test';

const PURPOSE_CODES: Record<Purpose, number> = {
  weights: 1,
  shuffle: 2,
  negatives: 3,
  shards: 4,
  augment: 5,
  dropout: 6,
  simulate: 7,
  'dropout-inputs': 8,
  deform: 9,
  probe: 10,
  split: 11,
  sweep: 12,
  cutout: 13,
  patterns: 14,
  'plugin-check': 15,
  draw: 16,
  test: 255,
};

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of the unsigned product of two 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** One Philox4x32-10 block: counter (4 words) and key (2 words) to four random words, written to `out`. */
export function philox(
  counter: readonly [number, number, number, number],
  key0: number,
  key1: number,
  out: Uint32Array,
): void {
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ key0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ key1) >>> 0;
    c3 = low0;
    key0 = (key0 + WEYL_0) >>> 0;
    key1 = (key1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A stream's name as Philox takes it: its key (2 words), and words 1, 2 and 3 of the counter, whose word 0 counts blocks. */
export function philoxName(seed: number, purpose: Purpose, ...indices: readonly number[]): Uint32Array {
  return Uint32Array.of(seed, PURPOSE_CODES[purpose], indices[0] ?? 0, indices[1] ?? 0, indices[2] ?? 0);
}

/** A stream of random numbers, fixed by its name. */
export class RandomStream {
  readonly #key0: number;
  readonly #key1: number;
  readonly #counter: [number, number, number, number];
  readonly #block = new Uint32Array(4);
  #used = 4;

  /** `indices` are up to three unsigned 32-bit integers, such as chapter, layer, step. */
  constructor(seed: number, purpose: Purpose, ...indices: readonly number[]) {
    const [key0 = 0, key1 = 0, ...rest] = philoxName(seed, purpose, ...indices);
    this.#key0 = key0;
    this.#key1 = key1;
    this.#counter = [0, rest[0] ?? 0, rest[1] ?? 0, rest[2] ?? 0];
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    if (this.#used === 4) {
      philox(this.#counter, this.#key0, this.#key1, this.#block);
      this.#counter[0]++;
      this.#used = 0;
    }
    return this.#block[this.#used++] as number;
  }

  /** A double in [0, 1) with 32 random bits. */
  uniform(): number {
    return this.uint32() / 4294967296;
  }

  /** An integer in [0, bound), without bias. `bound` is at most 2^32. */
  below(bound: number): number {
    const limit = 4294967296 - (4294967296 % bound);
    for (;;) {
      const value = this.uint32();
      if (value < limit) return value % bound;
    }
  }

  /** Fills `out` with N(0, standardDeviation^2), by Marsaglia's polar method. */
  fillNormal(out: Float32Array, standardDeviation: number): void {
    for (let i = 0; i < out.length;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const factor = standardDeviation * Math.sqrt((-2 * log(s)) / s);
      out[i++] = u * factor;
      if (i < out.length) out[i++] = v * factor;
    }
  }

  /** A random order of 0 … n-1 (Fisher-Yates). */
  permutation(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      const j = this.below(i + 1);
      order[i] = order[j] as number;
      order[j] = i;
    }
    return order;
  }
}
