/** More classes than a byte can name: from a table to a model, its predictions and its exports, the same in every schedule. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as ort from 'onnxruntime-web';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { datasetFromArrays } from '../../src/data/arrays.js';
import { labelsIn, MOST_CLASSES, newLabels, sharedPick } from '../../src/data/label-array.js';
import { labelLayout } from '../../src/data/labels.js';
import { drawWrongLabels } from '../../src/data/negatives.js';
import { loadData } from '../../src/data/sources/own/load-data.js';
import { balancedAccuracy, classMeasures, macroF1 } from '../../src/model/class-measures.js';
import { ConfusionCounter, isMatrix, mistakesIn, pairsIn } from '../../src/model/confusion.js';
import { decodeModel } from '../../src/model/model-file.js';
import { RandomStream } from '../../src/random.js';
import { confusionBlock } from '../../src/report/summary.js';
import { exportModel } from '../../src/run/export.js';
import { loadModel } from '../../src/run/model.js';
import { evaluateRun } from '../../src/run/evaluate-run.js';
import { trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import type { Variant } from '../../src/schedule/assign.js';

const CLASSES = 300;
const EACH = 4;
const COLUMNS = 10;

let folder = '';
let table = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-classes-'));
  table = path.join(folder, 'species.csv');
  const centres = new Float32Array(CLASSES * COLUMNS);
  new RandomStream(1, 'test', 1).fillNormal(centres, 1);
  const noise = new Float32Array(CLASSES * EACH * COLUMNS);
  new RandomStream(1, 'test', 2).fillNormal(noise, 0.1);
  const names = Array.from({ length: COLUMNS }, (_, i) => `measure ${i + 1}`);
  const rows = Array.from({ length: CLASSES * EACH }, (_, row) => {
    const label = row % CLASSES;
    const cells = names.map((__, i) =>
      ((centres[label * COLUMNS + i] as number) + (noise[row * COLUMNS + i] as number)).toFixed(4),
    );
    return [...cells, `species ${String(label).padStart(3, '0')}`].join();
  });
  writeFileSync(table, [[...names, 'species'].join(), ...rows].join('\n'));
  ort.env.wasm.numThreads = 1;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (name: string, spec: PartialSpec, variant: Variant, nodes: number) =>
  trainToEnd({
    data: table,
    spec: { epochs: 2, splits: 2, batch: 60, ...spec },
    variant,
    nodes,
    out: path.join(folder, name),
  });

it('reads labels of 16 bits where a byte is not enough', async () => {
  const data = await loadData(table);
  expect(data.classes).toHaveLength(CLASSES);
  expect(data.train.labels).toBeInstanceOf(Uint16Array);
  expect(data.train.labels.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(Math.max(...data.train.labels)).toBe(CLASSES - 1);
  expect(data.test.count).toBeGreaterThan(0);
  expect(sharedPick(data.train.labels, [2, 0])).toEqual(
    Uint16Array.of(data.train.labels[2] as number, data.train.labels[0] as number),
  );
  expect((await loadData(table, { testShare: 0.3 })).digest).not.toBe(data.digest);
});

it('draws wrong labels over all classes', () => {
  const truth = newLabels(5000, CLASSES).fill(299);
  const wrong = newLabels(5000, CLASSES);
  drawWrongLabels(truth, CLASSES, { seed: 1, chapter: 0 }, wrong);
  expect(wrong.includes(299)).toBe(false);
  expect(Math.max(...wrong)).toBe(298);
  expect(labelsIn(wrong.buffer, CLASSES)).toEqual(wrong);
});

it('trains heads on 300 classes, and predicts, evaluates and exports them', async () => {
  const spec: PartialSpec = {
    objective: 'performance-optimized',
    labelMode: 'append',
    layers: [COLUMNS, 64, 48],
    epochs: 40,
    splits: 4,
    learningRate: 0.005,
    headLearningRate: 0.01,
  };
  const one = await train('heads', spec, 'sequential', 1);
  const two = await train('heads-2', spec, 'all-layers', 2);
  expect(two.modelDigest).toBe(one.modelDigest);
  expect(one.testAccuracy).toBeGreaterThan(0.5);
  expect(isMatrix(one.confusion)).toBe(false);
  expect(balancedAccuracy(one.confusion)).toBeCloseTo(one.testAccuracy, 1);

  const out = path.join(folder, 'heads');
  const again = await evaluateRun(out);
  expect(again.confusion).toEqual(one.confusion);
  const data = await loadData(table);
  const model = await loadModel(out);
  try {
    const ours = await model.predict(data.test.images);
    const right = ours.filter(({ label }, i) => label === data.test.labels[i]).length;
    expect(right / data.test.count).toBeCloseTo(one.testAccuracy, 10);
    expect(Math.max(...ours.map(({ label }) => label))).toBeGreaterThan(255);
    expect(ours[0]?.shares).toHaveLength(CLASSES);

    const { file } = await exportModel(out, { to: 'onnx' });
    const session = await ort.InferenceSession.create(readFileSync(file));
    const lines = readFileSync(table, 'utf8').split('\n').slice(1);
    const rows = lines.map((line) => line.split(',').slice(0, COLUMNS).map(Number));
    const given = new ort.Tensor('float64', Float64Array.from(rows.flat()), [rows.length, COLUMNS]);
    const { label } = await session.run({ rows: given });
    expect(Array.from(label?.data as BigInt64Array, Number)).toEqual(
      (await model.predictRows(rows)).map((each) => each.label),
    );
  } finally {
    await model.close();
  }
  expect(decodeModel(readFileSync(path.join(out, 'model.safetensors'))).classes).toEqual(data.classes);
  for (const to of ['npz', 'safetensors'] as const) expect((await exportModel(out, { to })).file).toBeTruthy();
});

it.each(['adaptive', 'sampled'] as const)(
  'sends %s negative labels of 16 bits from node to node',
  async (negatives) => {
    const spec: PartialSpec = {
      negatives,
      labelMode: 'append',
      layers: [COLUMNS, 24, 24],
      epochs: 3,
      splits: 3,
      batch: 200,
      labelLag: 2,
    };
    const sent = negatives === 'sampled' ? { ...spec, labelLag: 1 } : spec;
    const one = await train(`${negatives}-1`, sent, 'sequential', 1);
    const two = await train(`${negatives}-2`, sent, 'all-layers', 2);
    expect(two.modelDigest).toBe(one.modelDigest);
  },
);

it('counts many classes by the pairs that occurred, a few in a matrix', () => {
  const counters = [new ConfusionCounter(CLASSES), new ConfusionCounter(3)] as const;
  for (const counter of counters) {
    counter.add(2, 1);
    counter.add(0, 0);
    counter.add(2, 1);
    counter.add(1, 1);
  }
  const [many, few] = counters.map((counter) => counter.confusion());
  expect(few).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 2, 0],
  ]);
  expect(many).toEqual({
    classes: CLASSES,
    pairs: [
      [0, 0, 1],
      [1, 1, 1],
      [2, 1, 2],
    ],
  });
  for (const confusion of [many, few]) {
    if (!confusion) throw new Error('no confusion');
    expect(pairsIn(confusion)).toHaveLength(3);
    expect(mistakesIn(confusion)).toEqual([{ truth: 2, predicted: 1, n: 2 }]);
    expect(balancedAccuracy(confusion)).toBeCloseTo(2 / 3);
    expect(macroF1(confusion)).toBeCloseTo((1 + 0.5 + 0) / 3);
    expect(classMeasures(confusion)[2]).toEqual({ samples: 2, right: 0, recall: 0, precision: undefined, f1: 0 });
  }
  const names = Array.from({ length: CLASSES }, (_, i) => `kind ${i}`);
  expect(confusionBlock(many as NonNullable<typeof many>, names, String).join('\n')).toContain(
    'kind 2 taken for kind 1: 2',
  );
});

it('refuses more classes than labels can name, and more than goodness can try', async () => {
  const shape = { width: 4, height: 1, channels: 1 };
  expect(() => labelLayout(shape, MOST_CLASSES + 1, 'append')).toThrow('at most 65536');
  const count = 5000;
  const dataset = datasetFromArrays({
    name: 'numbered',
    shape,
    train: { images: new Uint8Array(count * 4), labels: Array.from({ length: count }, (_, i) => i) },
    test: { images: new Uint8Array(4), labels: [4999] },
  });
  expect(dataset.test.labels[0]).toBe(4999);
  const spec: PartialSpec = { dataset: 'numbered', layers: [4, 8, 8], labelMode: 'append', epochs: 1 };
  await expect(trainToEnd({ spec }, dataset)).rejects.toThrow('predicts by trying each of them');
});

it('takes neither row numbers, nor names of rows, nor measured whole numbers for classes', async () => {
  const refused = async (label: (row: number) => string): Promise<string> => {
    const file = path.join(folder, 'odd.csv');
    const rows = Array.from({ length: 2000 }, (_, row) => `${Math.sin(row)},${label(row)}`);
    writeFileSync(file, ['x,class', ...rows].join('\n'));
    return loadData(file).then(
      ({ classes }) => `${classes.length} classes`,
      (error: Error) => error.message,
    );
  };
  expect(await refused((row) => `name ${row}`)).toMatch(/2000 different values in 2000 rows/);
  expect(await refused((row) => String(1000 + 37 * (row % 700)))).toMatch(/700 different numbers, with gaps/);
  expect(await refused((row) => String(1 + (row % 400)))).toBe('400 classes');
});
