/** What the contract of kernels.ts promises beyond equal bits, on every backend. */
import { afterAll, describe, expect, test } from 'vitest';
import { fma } from '../../src/kernels/reference/fma.js';
import { RandomStream } from '../../src/random.js';
import { backends, openBackend } from './backends.js';
import {
  emptyTensors,
  firstDifference,
  randomDelta,
  randomInput,
  randomTensors,
  rule,
  sgdRule,
  type Shape,
} from './layers.js';

const shape: Shape = {
  prefix: 37,
  suffix: 10,
  outputs: 53,
  batch: 11,
  variants: 3,
  activation: 'relu',
  delta: 'rowScale',
  optimizer: 'adam',
  gather: true,
  seed: 7,
  steps: 1,
};
const inputs = shape.prefix + shape.suffix;
const rows = shape.batch * shape.variants;

/** The same rows with the suffix inputs as ordinary ones, gathered and repeated: what sharing the prefix saves. */
function unshared(step: number): Float32Array {
  const input = randomInput(shape, step);
  const out = new Float32Array(rows * inputs);
  for (let r = 0; r < rows; r++) {
    const from = (input.rows?.[r % shape.batch] ?? 0) * shape.prefix;
    out.set(input.prefix.subarray(from, from + shape.prefix), r * inputs);
    out.set(input.suffix?.subarray(r * shape.suffix, (r + 1) * shape.suffix) ?? [], r * inputs + shape.prefix);
  }
  return out;
}

describe.each(backends)('%s', (name) => {
  const kernels = openBackend(name, 2);
  afterAll(() => kernels.close());
  const open = (suffixInputs: number, maxRows = rows, activation: 'relu' | 'linear' = 'relu') =>
    kernels.openDense(randomTensors(inputs, shape.outputs, 1), { activation, maxRows, suffixInputs });

  test('sharing the prefix between variants changes no bit of the forward pass', () => {
    const shared = open(shape.suffix);
    const plain = open(0);
    shared.forward(randomInput(shape, 0));
    plain.forward({ prefix: unshared(0), batch: rows, variants: 1 });
    const difference = firstDifference(
      new Map([['y', plain.activations().slice()]]),
      new Map([['y', shared.activations().slice()]]),
    );
    expect(difference).toBeUndefined();
    shared.close();
    plain.close();
  });

  test('and the update only by rounding', () => {
    const results = [open(shape.suffix), open(0)].map((dense, i) => {
      dense.forward(i === 0 ? randomInput(shape, 0) : { prefix: unshared(0), batch: rows, variants: 1 });
      dense.update(randomDelta(shape, rows, 0), rule);
      const tensors = emptyTensors(inputs, shape.outputs);
      dense.read(tensors);
      dense.close();
      return tensors.weightMoment1;
    });
    for (let i = 0; i < inputs * shape.outputs; i++) expect(results[0]?.[i]).toBeCloseTo(results[1]?.[i] ?? 0, 6);
  });

  test('a multiply-add is rounded once, also where that is delicate', () => {
    // One input and many outputs: y[o] = fma(x, w[o], bias[o]). Few digits and close exponents make ties common.
    const stream = new RandomStream(3, 'test');
    const coarse = () => Math.fround((stream.below(2 ** 14) - 2 ** 13) * 2 ** (stream.below(40) - 26));
    const special = [0, -0, Infinity, -Infinity, 2 ** -149, 2 ** -126, 3.4028234663852886e38, 2 ** 103, -(2 ** 103)];
    for (const x of [1, Math.fround(1 + 2 ** -12), Math.fround(1 / 3), 2 ** -30, 2 ** 100]) {
      const tensors = emptyTensors(1, 4000);
      for (let o = 0; o < 4000; o++) {
        tensors.weights[o] = o < 200 ? (special[o % 9] ?? 0) : coarse();
        tensors.bias[o] = o < 200 ? (special[o % 8] ?? 0) : o % 3 === 0 ? coarse() * 2 ** -24 : coarse();
      }
      const expected = tensors.weights.map((w, o) => fma(x, w, tensors.bias[o] ?? 0));
      const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 1, suffixInputs: 0 });
      dense.forward({ prefix: Float32Array.of(x), batch: 1, variants: 1 });
      expect(dense.activations()).toEqual(expected);
      dense.close();
    }
  });

  test('an empty batch changes nothing but the moments', () => {
    const tensors = randomTensors(5, 4, 1);
    const dense = kernels.openDense(tensors, { activation: 'relu', maxRows: 6, suffixInputs: 0 });
    dense.forward({ prefix: new Float32Array(0), batch: 0, variants: 1 }, new Float32Array(0));
    dense.update({ rowScale: new Float32Array(0) }, { ...rule, stepSize: 0, keep: 1 });
    dense.inputGradient({ rowScale: new Float32Array(0) }, new Float32Array(0));
    dense.infer({ prefix: new Float32Array(0), batch: 0, variants: 1 }, { sumSquares: new Float32Array(0) });
    const after = emptyTensors(5, 4);
    dense.read(after);
    expect(after.weights).toEqual(tensors.weights);
    expect(after.weightMoment1[0]).toBe(Math.fround(Math.fround(0.9) * (tensors.weightMoment1[0] ?? 0)));
    dense.close();
  });

  test('infer may write over its own input', () => {
    const dense = kernels.openDense(randomTensors(40, 40, 3), { activation: 'relu', maxRows: 0, suffixInputs: 0 });
    const x = new Float32Array(300 * 40);
    new RandomStream(1, 'test').fillNormal(x, 1);
    const apart = new Float32Array(300 * 40);
    const input = { prefix: x, batch: 300, variants: 1 };
    dense.infer(input, { activations: apart, normalise: true });
    dense.infer(input, { activations: x, normalise: true });
    expect(firstDifference(new Map([['y', apart]]), new Map([['y', x]]))).toBeUndefined();
    for (let r = 0; r < 300; r++) {
      const length = Math.hypot(...x.subarray(r * 40, (r + 1) * 40));
      expect(length).toBeCloseTo(1, 5);
    }
    dense.close();
  });

  test('infer gives what forward gives, whichever outputs are asked for, and leaves the kept batch alone', () => {
    const dense = open(shape.suffix);
    const input = randomInput(shape, 0);
    const sums = new Float32Array(rows);
    dense.forward(input, sums);
    const activations = new Float32Array(rows * shape.outputs);
    const both = new Float32Array(rows);
    const alone = new Float32Array(rows);
    dense.infer(randomInput(shape, 1), { sumSquares: both });
    dense.infer(input, { activations, sumSquares: both });
    dense.infer(input, { sumSquares: alone });
    expect(both).toEqual(sums);
    expect(alone).toEqual(sums);
    expect(dense.activations()).toEqual(activations);
    dense.close();
  });

  test('read gives back what was opened, moments only if they are kept', () => {
    const tensors = randomTensors(inputs, shape.outputs, 9);
    const trained = kernels.openDense(tensors, { activation: 'relu', maxRows: 8, suffixInputs: 3 });
    const all = emptyTensors(inputs, shape.outputs);
    trained.read(all);
    expect(all).toEqual(tensors);
    trained.close();
    const used = kernels.openDense(tensors, { activation: 'relu', maxRows: 0, suffixInputs: 3 });
    const some = emptyTensors(inputs, shape.outputs);
    used.read(some);
    expect(some).toEqual({ ...emptyTensors(inputs, shape.outputs), weights: tensors.weights, bias: tensors.bias });
    used.close();
  });

  test('tensors and rows may lie in shared memory, at any offset', () => {
    const own = randomTensors(inputs, shape.outputs, 9);
    const share = (a: Float32Array) => {
      const shared = new Float32Array(new SharedArrayBuffer(a.byteLength + 4), 4, a.length);
      shared.set(a);
      return shared;
    };
    const shared = {
      ...own,
      weights: share(own.weights),
      bias: share(own.bias),
      weightMoment1: share(own.weightMoment1),
      weightMoment2: share(own.weightMoment2),
      biasMoment1: share(own.biasMoment1),
      biasMoment2: share(own.biasMoment2),
    };
    const input = randomInput(shape, 0);
    const results = [own, shared].map((tensors, i) => {
      const options = { activation: 'relu', maxRows: rows, suffixInputs: shape.suffix } as const;
      const dense = kernels.openDense(tensors, options);
      dense.forward(i === 0 ? input : { ...input, prefix: share(input.prefix) });
      dense.update(randomDelta(shape, rows, 0), rule);
      dense.read(tensors);
      dense.close();
      return [...tensors.weights];
    });
    expect(results[1]).toEqual(results[0]);
  });

  test('a NaN shows, and tiny values vanish instead of turning subnormal', () => {
    const tensors = emptyTensors(2, 3);
    tensors.weights.set([Number.NaN, 1, -1, 0, 0, 0]);
    tensors.weightMoment1.set([0, 2 ** -94, 2 ** -96, 0, 0, 0]);
    const options = { activation: 'relu', maxRows: 1, suffixInputs: 0 } as const;
    const dense = kernels.openDense(tensors, options);
    dense.forward({ prefix: Float32Array.of(1, 0), batch: 1, variants: 1 });
    expect([...dense.activations()]).toEqual([Number.NaN, 1, 0]);
    dense.update({ values: Float32Array.of(0, 2 ** -41, 2 ** -39) }, { ...rule, keep: 1 });
    dense.read(tensors);
    // Output 1: the delta is too small to count, the moment decays; output 2: not active, its moment is too small.
    expect(tensors.weightMoment1[1]).toBe(Math.fround(2 ** -94 * Math.fround(0.9)));
    expect(tensors.weightMoment1[2]).toBe(0);
    expect(tensors.weightMoment2[2]).toBe(2 ** -95);
    dense.close();
  });

  test('Adam does what Kingma and Ba say, to f32 precision', () => {
    const tensors = emptyTensors(1, 1);
    tensors.weights[0] = 0.5;
    const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 1, suffixInputs: 0 });
    let w = 0.5;
    let m = 0;
    let v = 0;
    for (let t = 1; t <= 50; t++) {
      const g = Math.fround(Math.cos(t));
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      const root = Math.sqrt(1 - 0.999 ** t);
      const stepSize = (0.01 * root) / (1 - 0.9 ** t);
      w = w * 0.9999 - (stepSize * m) / Math.sqrt(v + (1e-8 * root) ** 2);
      dense.forward({ prefix: Float32Array.of(1), batch: 1, variants: 1 });
      const step = {
        kind: 'adam' as const,
        beta1: 0.9,
        beta2: 0.999,
        stepSize,
        epsilonSquared: (1e-8 * root) ** 2,
        keep: 0.9999,
      };
      dense.update({ values: Float32Array.of(g) }, step);
    }
    dense.read(tensors);
    expect(tensors.weights[0]).toBeCloseTo(w, 5);
    dense.close();
  });

  test('SGD does what Sutskever et al. say, to f32 precision, and leaves the second moments alone', () => {
    const tensors = emptyTensors(1, 1);
    tensors.weights[0] = 0.5;
    tensors.bias[0] = 0.25;
    tensors.weightMoment2[0] = 7;
    const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 1, suffixInputs: 0 });
    let w = 0.5;
    let b = 0.25;
    let m = 0;
    for (let t = 1; t <= 50; t++) {
      const g = Math.fround(Math.cos(t));
      m = 0.9 * m + g;
      w = w * 0.9999 - 0.01 * m;
      b -= 0.01 * m;
      dense.forward({ prefix: Float32Array.of(1), batch: 1, variants: 1 });
      dense.update({ values: Float32Array.of(g) }, sgdRule);
    }
    dense.read(tensors);
    expect(tensors.weights[0]).toBeCloseTo(w, 5);
    expect(tensors.bias[0]).toBeCloseTo(b, 5);
    expect(tensors.weightMoment1[0]).toBeCloseTo(m, 5);
    expect([tensors.weightMoment2[0], tensors.biasMoment2[0]]).toEqual([7, 0]);
    dense.close();
  });

  test('without momentum and decay it is plain gradient descent; a momentum that is too small to count ends as 0', () => {
    const tensors = emptyTensors(1, 2);
    tensors.weights.set([1, 1]);
    tensors.weightMoment1.set([2 ** -96, 2 ** -94]);
    const dense = kernels.openDense(tensors, { activation: 'linear', maxRows: 1, suffixInputs: 0 });
    dense.forward({ prefix: Float32Array.of(2), batch: 1, variants: 1 });
    dense.update({ values: Float32Array.of(0, 0) }, { ...sgdRule, keep: 1 });
    dense.read(tensors);
    expect([...tensors.weightMoment1]).toEqual([0, Math.fround(2 ** -94 * Math.fround(0.9))]);
    dense.update({ values: Float32Array.of(0.5, -0.5) }, { kind: 'sgd', momentum: 0, stepSize: 0.25, keep: 1 });
    dense.read(tensors);
    expect([...tensors.weights]).toEqual([0.75, 1.25]);
    dense.close();
  });

  test('stageBytes scales the rows it is asked for', () => {
    const bytes = Uint8Array.from({ length: 5 * 7 }, (_, i) => (i * 37) % 256);
    const scale = Float32Array.of(1, 0.5, 1 / 3, 2, 1 / 255);
    const out = new Float32Array(3 * 5);
    kernels.stageBytes(bytes, 7, 2, Uint32Array.of(4, 2, 4), scale, out);
    const expected = [4, 2, 4].flatMap((row) =>
      [2, 3, 4, 5, 6].map((j) => Math.fround((bytes[row * 7 + j] ?? 0) * (scale[row] ?? 0))),
    );
    expect([...out]).toEqual(expected);
  });
});
