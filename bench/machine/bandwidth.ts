/**
 * What one core gets from memory and caches: streams that only read (memcmp of two equal arrays), only write (memset) or
 * copy (memcpy), all through functions of the C library that Node.js calls, so that JavaScript's own speed is no limit.
 */
import { summarise, type Summary } from '../statistics.js';

/** GB/s (10^9 bytes, read and written together). */
export interface Bandwidth {
  readonly where: string;
  /** Of all arrays together. */
  readonly bytes: number;
  readonly read: Summary;
  readonly write: Summary;
  readonly copy: Summary;
}

/** About this many bytes are moved in one measurement. */
const MOVED = 2 ** 28;

export function measureBandwidth(where: string, bytes: number, repetitions: number): Bandwidth {
  const half = bytes / 2;
  const [a, b] = [Buffer.alloc(half, 1), Buffer.alloc(half, 1)];
  const times = Math.max(1, Math.round(MOVED / bytes));
  const speeds: Record<'read' | 'write' | 'copy', number[]> = { read: [], write: [], copy: [] };
  const rate = (work: () => void): number => {
    const start = performance.now();
    for (let i = 0; i < times; i++) work();
    return (times * bytes) / (performance.now() - start) / 1e6;
  };
  const write = (value: number) => {
    a.fill(value);
    b.fill(value);
  };
  for (let repetition = -1; repetition < repetitions; repetition++) {
    const now = {
      write: rate(() => write(1)),
      copy: rate(() => b.set(a)),
      read: rate(() => {
        if (a.compare(b) !== 0) throw new Error('equal arrays differ');
      }),
    };
    if (repetition < 0) continue;
    for (const kind of ['read', 'write', 'copy'] as const) speeds[kind].push(now[kind]);
  }
  return { where, bytes, read: summarise(speeds.read), write: summarise(speeds.write), copy: summarise(speeds.copy) };
}

/** Half of a usual second-level cache, a good part of a third-level one, and far more than either. */
export function measureBandwidths(repetitions: number): Bandwidth[] {
  const places: [string, number][] = [
    ['second-level cache', 2 ** 19],
    ['third-level cache', 2 ** 23],
    ['memory', 2 ** 28],
  ];
  return places.map(([where, bytes]) => measureBandwidth(where, bytes, repetitions));
}
