/**
 * Where the time of our kernels goes: counted operations and bytes of each part against what this core can do at most, as
 * measured. After Williams, Waterman & Patterson, "Roofline" (2009), with both bounds given rather than only the larger.
 */
import type { Measured } from '../kernels/measure.js';
import { ADAM_PASS, FULL_SIZE } from '../kernels/step-cases.js';
import { imageValues, multiplyAdds as multiplyAddsOf, rowWidths } from '../../src/layers/sizes.js';
import type { RunResult } from '../../src/run/events.js';
import type { Bandwidth } from './bandwidth.js';

/** One part of the work: what it costs at least, and what it took. Seconds. */
export interface Part {
  readonly name: string;
  /** Multiply-adds of matrix products. */
  readonly multiplyAdds: number;
  /** Multiplications and multiply-adds of Adam: they take turns with the others. */
  readonly adam: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly arithmetic: number;
  readonly memory: number | undefined;
  readonly measured: number;
}

/** Multiplier operations of Adam for each weight, without decay: rule 5 of src/kernels/kernels.ts. */
const ADAM_OPERATIONS = 13;

export interface Ceilings {
  /** FLOP/s of one core. */
  readonly peak: number;
  readonly memory: Bandwidth | undefined;
}

/** Parts of the full-size step on one thread, 2000 → 2000 on 128 rows, from weights and moments in memory. */
export function stepParts(measured: readonly Measured[], ceilings: Ceilings): Part[] {
  const matrix = 2000 * 2000;
  const rows = 4 * 128 * 2000;
  const counts: [string, number, number, number, number][] = [
    // name, rows, Adam on how many weights, bytes read, bytes written
    [`${FULL_SIZE}: forward`, 128, 0, 4 * matrix + rows, rows],
    [`${FULL_SIZE}: gradient + Adam`, 128, matrix, 12 * matrix + 2 * rows, 12 * matrix],
    [`${FULL_SIZE}: whole step`, 256, matrix, 16 * matrix + 3 * rows, 12 * matrix + rows],
    [ADAM_PASS, 8, matrix, 12 * matrix, 12 * matrix],
  ];
  return counts.flatMap(([name, count, adam, bytesRead, bytesWritten]) => {
    const found = measured.find((one) => one.name === name && one.threads === 1 && one.precision === 'f32');
    if (!found) return [];
    const work = { multiplyAdds: count * matrix, adam: adam * ADAM_OPERATIONS, bytesRead, bytesWritten };
    return [part(name, work, found.milliseconds.median / 1000, ceilings)];
  });
}

/** Parts of one epoch of `result` on one thread: training, passing on, and the rest. */
export function epochParts(result: RunResult, samples: number, ceilings: Ceilings): Part[] {
  const inputs = imageValues(result.layers);
  const units = rowWidths(result.layers);
  const label = 10;
  // The image part of the first layer is computed once for both variants of a sample.
  const first = samples * (inputs - label) * (units[0] ?? 0);
  const upper = units.slice(1).map((outputs, i) => 2 * samples * outputs * (units[i] as number));
  const steps = Math.ceil(samples / result.spec.batch);
  const adam = steps * sum(multiplyAddsOf(result.layers));
  const { train, pass, labels, wait, other } = result.timeSplit;
  const passed = sum(upper.slice(0, -1));
  // A pass goes over rows in place: read, written and, the weights being in caches by then, little else. Training reads them.
  const rows = 2 * 4 * samples * sum(units.slice(0, -1));
  const trained = { multiplyAdds: 2 * (first + sum(upper)), adam: ADAM_OPERATIONS * adam };
  const none = { multiplyAdds: 0, adam: 0, bytesRead: 0, bytesWritten: 0 };
  return [
    part('train', { ...trained, bytesRead: 16 * adam + rows, bytesWritten: 12 * adam }, train, ceilings),
    part('pass', { multiplyAdds: first + passed, adam: 0, bytesRead: rows, bytesWritten: rows }, pass, ceilings),
    part('labels', none, labels, ceilings),
    part('wait and other', none, wait + other, ceilings),
  ];
}

type Counts = Pick<Part, 'multiplyAdds' | 'adam' | 'bytesRead' | 'bytesWritten'>;

/** What is read and written in place moves at the speed of a copy, what is only read at that of reading. */
function part(name: string, counts: Counts, measured: number, { peak, memory }: Ceilings): Part {
  const { multiplyAdds, adam, bytesRead, bytesWritten } = counts;
  const arithmetic = (2 * (multiplyAdds + adam)) / peak;
  const both = Math.min(bytesRead, bytesWritten);
  const bound = memory
    ? (2 * both) / (1e9 * memory.copy.median) + (bytesRead - both) / (1e9 * memory.read.median)
    : undefined;
  return { name, ...counts, arithmetic, memory: bound, measured };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
