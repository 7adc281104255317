/** Misuse of the kernels is refused with a clear error on every backend, and never reaches foreign memory. */
import { afterAll, describe, expect, test } from 'vitest';
import { PffError } from '../../src/errors.js';
import { loadAddon } from '../../src/kernels/native/addon.js';
import { backends, instructionSets, openBackend } from './backends.js';
import { emptyTensors, randomTensors, rule } from './layers.js';

const floats = (n: number) => new Float32Array(n);

describe.each(backends)('%s', (name) => {
  const kernels = openBackend(name, 1);
  afterAll(() => kernels.close());
  const open = (suffixInputs = 0) =>
    kernels.openDense(randomTensors(5, 4, 1), { activation: 'relu', maxRows: 6, suffixInputs });
  const input = { prefix: floats(15), batch: 3, variants: 1 };

  test.each([
    ['a tensor of the wrong length', { ...emptyTensors(5, 4), bias: floats(3) }, 'bias [O] needs 4 values, got 3'],
    ['no outputs', emptyTensors(5, 0), 'outputs must be a whole number from 1'],
  ])('openDense: %s', (_, tensors, message) => {
    const options = { activation: 'relu', maxRows: 1, suffixInputs: 0 } as const;
    expect(() => kernels.openDense(tensors, options)).toThrow(message);
  });

  test('openDense: more suffix inputs than inputs', () => {
    expect(() => open(6)).toThrow('suffixInputs 6 is more than the 5 inputs');
  });

  test.each([
    ['a short prefix', { ...input, prefix: floats(14) }, 'prefix [B, P] needs at least 15 values, got 14'],
    ['a row that is not there', { ...input, rows: Uint32Array.of(0, 3, 1) }, 'rows[1] is 3, but prefix'],
    ['too few rows', { ...input, rows: Uint32Array.of(0, 1) }, 'rows [B] needs at least 3 values, got 2'],
    ['variants without a suffix', { ...input, variants: 2 }, '2 variants need suffix inputs'],
    ['a fractional batch', { ...input, batch: 1.5 }, 'batch must be a whole number'],
  ])('forward and infer: %s', (_, bad, message) => {
    const dense = open();
    expect(() => dense.forward(bad)).toThrow(message);
    expect(() => dense.infer(bad, { sumSquares: floats(9) })).toThrow(message);
    dense.close();
  });

  test('a missing or short suffix', () => {
    const dense = open(2);
    expect(() => dense.forward({ ...input, variants: 2 })).toThrow('suffix [V · B, 2] is missing');
    const short = { ...input, variants: 2, suffix: floats(11) };
    expect(() => dense.forward(short)).toThrow('suffix [V · B, C] needs at least 12 values, got 11');
    dense.close();
  });

  test('outputs that do not fit', () => {
    const dense = open();
    expect(() => dense.forward(input, floats(2))).toThrow('sumSquares [R] needs at least 3 values');
    expect(() => dense.infer(input, { activations: floats(11) })).toThrow('activations [R, O] needs at least 12');
    expect(() => dense.infer(input, { normalise: true })).toThrow('normalise needs activations');
    expect(() => dense.forward({ prefix: floats(35), batch: 7, variants: 1 })).toThrow(
      '7 rows, but the layer was opened for at most 6',
    );
    const memory = floats(40);
    expect(() =>
      dense.infer({ ...input, prefix: memory.subarray(1, 16) }, { activations: memory.subarray(8, 20) }),
    ).toThrow('activations may overlap prefix only if');
    dense.close();
  });

  test('update before forward, and deltas that do not fit', () => {
    const dense = open();
    expect(() => dense.update({ rowScale: floats(3) }, rule)).toThrow('update: there is no kept batch');
    dense.forward(input);
    expect(() => dense.update({ rowScale: floats(2) }, rule)).toThrow('rowScale [R] needs at least 3 values');
    expect(() => dense.update({ values: floats(11) }, rule)).toThrow('values [R, O] needs at least 12 values');
    expect(() => dense.inputGradient({ values: floats(12) }, floats(14))).toThrow('out [R, P + C] needs at least 15');
    expect(() => dense.update({ values: floats(12) }, { ...rule, stepSize: Number.NaN })).toThrow(
      'stepSize of the rule must be a finite number, got NaN',
    );
    expect(() => dense.read(emptyTensors(4, 5))).toThrow('the layer is [5, 4], the tensors are [4, 5]');
    dense.close();
  });

  test('a layer for inference only takes no batch to train on, not even one of no rows', () => {
    for (const suffixInputs of [0, 2]) {
      const dense = kernels.openDense(randomTensors(5, 4, 1), { activation: 'relu', maxRows: 0, suffixInputs });
      const none = { prefix: floats(0), batch: 0, variants: 1, suffix: floats(0) };
      expect(() => dense.forward(none)).toThrow('the layer was opened for inference only');
      expect(() => dense.update({ rowScale: floats(0) }, rule)).toThrow('there is no kept batch');
      dense.infer(none, { sumSquares: floats(0) });
      dense.close();
    }
    const trained = open();
    trained.forward({ prefix: floats(0), batch: 0, variants: 1 });
    trained.update({ rowScale: floats(0) }, rule);
    trained.close();
  });

  test('anything after close; closing twice is fine', () => {
    const dense = open();
    dense.close();
    dense.close();
    expect(() => dense.forward(input)).toThrow('this dense kernel was closed');
    expect(() => dense.activations()).toThrow('this dense kernel was closed');
  });

  test('stageBytes out of range', () => {
    const stage = (row: number, skip: number) =>
      kernels.stageBytes(new Uint8Array(6), 3, skip, Uint32Array.of(row), floats(2), floats(3));
    expect(() => stage(2, 0)).toThrow('rows[0] is 2, but there are only 2 rows');
    expect(() => stage(0, 4)).toThrow('skip 4 is more than the width 3');
  });
});

describe.skipIf(instructionSets.length === 0)('the addon by itself (skipped where it is not built)', () => {
  const loaded = loadAddon();
  if (!('addon' in loaded)) return;
  const { addon } = loaded;
  const backend = addon.openBackend('portable', 1, 0, 'f32');
  const six = (inputs: number, outputs: number) => {
    const t = emptyTensors(inputs, outputs);
    const { weights, bias, weightMoment1, weightMoment2, biasMoment1, biasMoment2 } = t;
    return [weights, bias, weightMoment1, weightMoment2, biasMoment1, biasMoment2] as const;
  };
  const bad = expect.objectContaining({ code: 'PFF_BAD_CALL' });

  test('checks every length again', () => {
    expect(() => addon.openDense(backend, 3, 5, 0, 4, true, false, ...six(5, 2))).toThrow(bad);
    const dense = addon.openDense(backend, 5, 2, 0, 4, true, false, ...six(5, 2));
    const y = floats(8);
    expect(() => addon.update(dense, y, floats(4), undefined, 0, 0, 0, 0, 1)).toThrow(bad);
    expect(() => addon.forward(dense, floats(19), undefined, 4, 1, undefined, y, undefined)).toThrow(bad);
    expect(() => addon.forward(dense, floats(25), undefined, 5, 1, undefined, floats(10), undefined)).toThrow(bad);
    expect(() => addon.forward(dense, floats(20), undefined, 4, 1, undefined, floats(7), undefined)).toThrow(bad);
    expect(() => addon.forward(dense, floats(20), Uint32Array.of(0, 4), 2, 1, undefined, y, undefined)).toThrow(bad);
    expect(() => addon.forward(dense, floats(20), undefined, 1, 2, undefined, y, undefined)).toThrow(bad);
    expect(() => addon.infer(dense, floats(20), undefined, 4, 1, undefined, floats(7), false, undefined)).toThrow(bad);
    expect(() => addon.infer(dense, floats(20), undefined, 4, 1, undefined, undefined, false, floats(3))).toThrow(bad);
    addon.forward(dense, floats(20), undefined, 4, 1, undefined, y, undefined);
    expect(() => addon.update(dense, floats(7), floats(4), undefined, 0, 0, 0, 0, 1)).toThrow(bad);
    expect(() => addon.update(dense, y, floats(3), undefined, 0, 0, 0, 0, 1)).toThrow(bad);
    expect(() => addon.update(dense, y, undefined, undefined, 0, 0, 0, 0, 1)).toThrow(bad);
    expect(() => addon.updateSgd(dense, y, floats(3), undefined, 0, 0, 1)).toThrow(bad);
    expect(() => addon.inputGradient(dense, y, floats(4), undefined, floats(19))).toThrow(bad);
    expect(() => addon.read(dense, ...six(2, 5))).toThrow(bad);
    addon.closeDense(dense);
    expect(() => addon.read(dense, ...six(5, 2))).toThrow(bad);
    addon.closeDense(dense);
  });

  test('knows its handles and instruction sets', () => {
    expect(() => addon.openBackend('mmx', 1, 0, 'f32')).toThrow(bad);
    expect(() => addon.openBackend('portable', 0, 0, 'f32')).toThrow(bad);
    const closed = addon.openBackend('portable', 2, 0, 'f32');
    addon.closeBackend(closed);
    expect(() => addon.openDense(closed, 5, 2, 0, 4, true, false, ...six(5, 2))).toThrow(bad);
  });
});

describe('no memory', () => {
  test.each(instructionSets)('is said with the sizes that were asked for: %s', (name) => {
    const kernels = openBackend(name, 1);
    const options = { activation: 'relu', maxRows: 2 ** 31 - 1, suffixInputs: 0 } as const;
    let caught: unknown;
    try {
      // 70,000 x 2^31 values: more than the address space is worth, refused before anything is touched.
      kernels.openDense(randomTensors(70_000, 1, 1), options);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(PffError);
    expect(caught).toMatchObject({ code: 'memory' });
    expect(String(caught)).toContain('not enough memory for a layer of 70000 inputs and 1 units, 2147483647 rows');
    kernels.close();
  });
});
