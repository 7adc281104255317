/** `pff eval` and `pff predict` on a saved run. */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadDataset } from '../../src/data/sources.js';
import type { RunResult } from '../../src/run/events.js';
import { CONTROL, pff, tempFolder } from './helpers.js';

const { folder, drop } = tempFolder();
afterAll(drop);
let trained: RunResult;

beforeAll(async () => {
  const args = '--train-samples 4000 --test-samples 200 --layers 784,64 --epochs 1 --objective performance-optimized';
  const { stdout } = await pff(['train', ...args.split(' '), '--out', 'run', '--json'], folder);
  trained = JSON.parse(stdout) as RunResult;
});

it('eval finds what training measured', async () => {
  const { code, stdout } = await pff(['eval', 'run', '--test-samples', '200', '--json'], folder);
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as { accuracy: number; layerAccuracy: number[]; confusion: number[][] };
  expect(result.accuracy).toBe(trained.testAccuracy);
  expect(result.layerAccuracy).toEqual(trained.layerAccuracy);
  expect(result.confusion).toEqual(trained.confusion);
});

it('eval for people shows accuracy and confusion', async () => {
  const { stdout } = await pff(['eval', path.join('run', 'model.safetensors'), '--test-samples', '200'], folder);
  expect(stdout).toContain(`Test accuracy ${(100 * trained.testAccuracy).toFixed(2)} %`);
  expect(stdout).toContain('Confusion matrix');
  expect(stdout).not.toMatch(CONTROL);
});

it('predict gives an image file the label of the same image in the dataset', async () => {
  const { test, shape } = await loadDataset({ dataset: 'mnist' });
  const png = new PNG({ width: shape.width, height: shape.height, colorType: 0 });
  test.images.subarray(0, 784).forEach((value, i) => png.data.set([value, value, value, 255], 4 * i));
  writeFileSync(path.join(folder, 'first.png'), PNG.sync.write(png));
  const { code, stdout } = await pff(['predict', 'run', 'test:0', 'first.png', '--json'], folder);
  expect(code).toBe(0);
  const [byIndex, byFile] = JSON.parse(stdout) as {
    label: number;
    className: string;
    shares: number[];
    truth?: number;
  }[];
  expect(byIndex?.truth).toBe(7);
  expect(byFile?.truth).toBeUndefined();
  expect(byFile?.shares).toEqual(byIndex?.shares);
  expect(byIndex?.className).toBe(String(byIndex?.label));
  expect(byIndex?.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
});

it('predict for people shows the strongest three', async () => {
  const { stdout } = await pff(['predict', 'run', 'train:1', 'test:3'], folder);
  expect(stdout).toMatch(/^train:1 +\d +\d +(yes|no, \d) +(\d [\d.]+ %(, |$)){3}/m);
});

it('eval and predict load the plugin that the run was begun with, or the one that is named', async () => {
  const samples = (count: number): string =>
    `{ count: ${count}, images: new Uint8Array(new SharedArrayBuffer(${4 * count})), labels: new Uint8Array(new SharedArrayBuffer(${count})) }`;
  const dots = `{ name: 'dots', shape: { width: 2, height: 2, channels: 1 }, classes: ['a', 'b'], train: ${samples(64)}, test: ${samples(16)}, digest: 'd0' }`;
  writeFileSync(
    path.join(folder, 'dots.mjs'),
    `export default { datasets: { dots: () => Promise.resolve(${dots}) } };`,
  );
  const train = 'train --plugin dots.mjs --dataset dots --layers 4,8,8 --epochs 1 --out dotted --quiet';
  expect((await pff(train.split(' '), folder)).stderr).toBe('');
  for (const line of ['eval dotted', 'eval dotted/model.safetensors', 'predict dotted test:0'])
    expect(await pff(line.split(' '), folder)).toMatchObject({ code: 0, stderr: '' });
  rmSync(path.join(folder, 'dotted', 'checkpoint'), { recursive: true });
  expect((await pff(['eval', 'dotted'], folder)).stderr).toContain('unknown dataset "dots"');
  for (const line of ['eval dotted --plugin dots.mjs', 'predict dotted test:0 --plugin dots.mjs'])
    expect(await pff(line.split(' '), folder)).toMatchObject({ code: 0, stderr: '' });
});

it.each([
  ['predict run test:10000', 2, 'mnist has test:0 to test:9999'],
  ['predict run nowhere.png', 1, 'nowhere.png cannot be read'],
  ['predict run run/spec.json', 1, 'not a PNG image'],
  ['predict nowhere test:0', 1, 'there is no run nowhere'],
  ['eval run/spec.json', 1, 'not a usable safetensors file'],
])('pff %s fails with a message', async (line, expected, part) => {
  const { code, stdout, stderr } = await pff(line.split(' '), folder);
  expect(stderr).toContain(part);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
});
