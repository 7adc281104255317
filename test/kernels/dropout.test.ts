/** Rule 7 of kernels.ts: which values a mask keeps, on every backend, and layers whose bias stays as it is. */
import { afterAll, describe, expect, test } from 'vitest';
import { dropoutMask, dropoutScale, type DropoutMask } from '../../src/kernels/dropout.js';
import { philoxName, RandomStream } from '../../src/random.js';
import { backends, openBackend } from './backends.js';
import { emptyTensors, firstDifference, randomTensors, rule } from './layers.js';

/** The rule as it is written, from the numbers of an ordinary stream. */
function plainDropout(values: Float32Array, width: number, count: number, rate: number): Float32Array {
  const stream = new RandomStream(21, 'dropout', 3, 1, 4);
  const threshold = Math.round(rate * 65536);
  const groups = Math.ceil(width / 128);
  const words = Uint32Array.from({ length: count * groups * 64 }, () => stream.uint32());
  return Float32Array.from({ length: count * width }, (_, at) => {
    const [r, i] = [Math.floor(at / width), at % width];
    const j = i % 128;
    const block = 16 * (r * groups + Math.floor(i / 128)) + ((j & 31) >> 1);
    const word = words[4 * block + (j >> 5)] ?? 0;
    const half = j % 2 === 0 ? word % 65536 : Math.floor(word / 65536);
    return half < threshold ? 0 : Math.fround(values[at] ?? 0) * Math.fround(65536 / (65536 - threshold));
  });
}

function normal(length: number): Float32Array {
  const values = new Float32Array(length);
  new RandomStream(5, 'test').fillNormal(values, 1);
  return values;
}

const name = philoxName(21, 'dropout', 3, 1, 4);

describe.each(backends)('%s', (backend) => {
  const kernels = openBackend(backend, 2);
  afterAll(() => kernels.close());
  const compare = (expected: Float32Array, found: Float32Array) =>
    expect(firstDifference(new Map([['out', expected]]), new Map([['out', found]]))).toBeUndefined();

  test.each([1, 7, 127, 128, 129, 300, 1000])('drops what the rule says in rows of %i values', (width) => {
    for (const rate of [0, 0.1, 0.5, 0.9]) {
      const values = normal(37 * width);
      const out = new Float32Array(37 * width);
      kernels.dropout({ values, width, count: 37 }, dropoutMask(name, rate), out);
      compare(plainDropout(values, width, 37, rate), out);
    }
  });

  test.each([
    [1, 9],
    [6, 5],
    [130, 4],
  ])('drops whole channels, %i of planes of %i positions', (channels, positions) => {
    const width = channels * positions;
    const values = normal(11 * width);
    const expected = new Float32Array(11 * width);
    const byChannel = plainDropout(new Float32Array(11 * channels).fill(1), channels, 11, 0.4);
    for (let i = 0; i < values.length; i++) {
      const kept = byChannel[Math.floor(i / width) * channels + (i % channels)] ?? 0;
      expected[i] = kept === 0 ? 0 : (values[i] ?? 0) * kept;
    }
    const out = new Float32Array(11 * width);
    kernels.dropout({ values, width, count: 11, channels }, dropoutMask(name, 0.4), out);
    compare(expected, out);
  });

  test('gathers rows, works in place, and sums the squares of what is left', () => {
    const values = normal(20 * 50);
    const rows = Uint32Array.of(4, 19, 4, 0);
    const gathered = Float32Array.from(
      { length: 200 },
      (_, i) => values[(rows[Math.floor(i / 50)] ?? 0) * 50 + (i % 50)] ?? 0,
    );
    const expected = plainDropout(gathered, 50, 4, 0.3);
    const out = new Float32Array(200);
    kernels.dropout({ values, rows, width: 50, count: 4 }, dropoutMask(name, 0.3), out);
    compare(expected, out);
    const sums = new Float32Array(4);
    kernels.dropout({ values: gathered, width: 50, count: 4 }, dropoutMask(name, 0.3), gathered, sums);
    compare(expected, gathered);
    for (const [r, sum] of sums.entries())
      expect(sum).toBeCloseTo(
        expected.subarray(r * 50, (r + 1) * 50).reduce((total, each) => total + each * each, 0),
        3,
      );
  });

  test('drops the share asked for, independently of step, layer and place, and keeps the expected sum', () => {
    const count = 200;
    const width = 1000;
    const ones = new Float32Array(count * width).fill(1);
    const keptBy = (mask: DropoutMask) => {
      const out = new Float32Array(count * width);
      kernels.dropout({ values: ones, width, count }, mask, out);
      return out;
    };
    const first = keptBy(dropoutMask(name, 0.25));
    const dropped = first.filter((each) => each === 0).length;
    // 200,000 draws: a standard deviation of 0.001.
    expect(Math.abs(dropped / first.length - 0.25)).toBeLessThan(0.005);
    expect(first.reduce((sum, each) => sum + each, 0) / first.length).toBeCloseTo(1, 1);
    const both = keptBy(dropoutMask(philoxName(21, 'dropout', 3, 1, 5), 0.25)).filter(
      (each, i) => each === 0 && first[i] === 0,
    );
    expect(Math.abs(both.length / first.length - 0.0625)).toBeLessThan(0.003);
    const columns = Array.from({ length: width }, (_, i) => {
      let kept = 0;
      for (let r = 0; r < count; r++) if (first[r * width + i] !== 0) kept++;
      return kept / count;
    });
    expect(Math.min(...columns)).toBeGreaterThan(0.58);
    expect(Math.max(...columns)).toBeLessThan(0.92);
  });

  test('refuses what does not fit', () => {
    const values = new Float32Array(12);
    const mask = dropoutMask(name, 0.5);
    const out = new Float32Array(12);
    expect(() => kernels.dropout({ values, width: 4, count: 4 }, mask, out)).toThrow(
      'values [R, width] needs at least 16',
    );
    expect(() => kernels.dropout({ values, width: 4, count: 3 }, mask, new Float32Array(11))).toThrow('out [R, width]');
    expect(() => kernels.dropout({ values, width: 4, count: 1, rows: Uint32Array.of(3) }, mask, out)).toThrow(
      'rows[0] is 3, but values [any, 4] has only 3 rows',
    );
    expect(() => kernels.dropout({ values, width: 4, count: 3, channels: 3 }, mask, out)).toThrow(
      '3 channels do not divide the width 4',
    );
    expect(() => kernels.dropout({ values, width: 4, count: 3 }, { name, threshold: 65536 }, out)).toThrow('threshold');
    expect(() => kernels.dropout({ values, width: 4, count: 1 }, mask, values.subarray(1))).toThrow('overlap');
  });

  test('a layer with a fixed bias learns its weights only', () => {
    const tensors = randomTensors(9, 20, 3);
    const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 4, suffixInputs: 0, fixedBias: true });
    dense.forward({ prefix: normal(36), batch: 4, variants: 1 });
    dense.update({ values: normal(80) }, rule);
    const after = emptyTensors(9, 20);
    dense.read(after);
    dense.close();
    expect(after.bias).toEqual(tensors.bias);
    expect(after.biasMoment1).toEqual(tensors.biasMoment1);
    expect(after.weights).not.toEqual(tensors.weights);
  });
});

test('the scale undoes the share dropped, as it is after rounding', () => {
  expect(dropoutScale(dropoutMask(name, 0.5))).toBe(2);
  expect(dropoutScale(dropoutMask(name, 0))).toBe(1);
  expect(dropoutMask(name, 0.1).threshold).toBe(6554);
});
