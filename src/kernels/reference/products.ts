/** The sums of products of rules 1, 4 and 6 of kernels.ts: one chain, or in the blocks of bf16-tile. */
import { fma } from './fma.js';

/** Terms of a block in tile order. */
export const TILE_TERMS = 32;

/** to[at + o] = fma(x, from[start + o], to[at + o]) for o < n. */
export function addScaled(to: Float32Array, at: number, x: number, from: Float32Array, start: number, n: number): void {
  for (let o = 0; o < n; o++) to[at + o] = fma(x, from[start + o] ?? 0, to[at + o] ?? 0);
}

/** `count` rows of n values, row k scaled by x[xAt + k · xStep], that are to be added up. */
export interface ScaledRows {
  readonly x: Float32Array;
  readonly xAt: number;
  readonly xStep: number;
  /** [count, n] */
  readonly rows: Float32Array;
  readonly count: number;
}

/** to[at + o] = to[at + o] + the sum over the rows k of their value o, for o < n; in tile order if `tile`, else as one chain. */
export function addProducts(to: Float32Array, at: number, n: number, from: ScaledRows, tile: boolean): void {
  const { x, xAt, xStep, rows, count } = from;
  if (!tile) {
    for (let k = 0; k < count; k++) addScaled(to, at, x[xAt + k * xStep] ?? 0, rows, k * n, n);
    return;
  }
  const chains = [new Float32Array(n), new Float32Array(n)] as const;
  for (let first = 0; first < count; first += TILE_TERMS) {
    for (const chain of chains) chain.fill(0);
    const end = Math.min(first + TILE_TERMS, count);
    for (let k = first; k < end; k++)
      addScaled(chains[k % 2 === 0 ? 0 : 1], 0, x[xAt + k * xStep] ?? 0, rows, k * n, n);
    for (let o = 0; o < n; o++) to[at + o] = (to[at + o] ?? 0) + Math.fround((chains[0][o] ?? 0) + (chains[1][o] ?? 0));
  }
}

/** The sum over o < n of a[o] · b[at + o] from 0. */
export function dot(a: Float32Array, b: Float32Array, at: number, n: number, tile: boolean): number {
  const terms = tile ? TILE_TERMS : n;
  let acc = 0;
  for (let first = 0; first < n; first += terms) {
    const chains: [number, number] = [tile ? 0 : acc, 0];
    for (let o = first; o < Math.min(first + terms, n); o++) {
      const chain = tile && o % 2 === 1 ? 1 : 0;
      chains[chain] = fma(a[o] ?? 0, b[at + o] ?? 0, chains[chain]);
    }
    acc = tile ? Math.fround(acc + Math.fround(chains[0] + chains[1])) : chains[0];
  }
  return acc;
}
