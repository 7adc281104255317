/** `pff eval`, `pff predict` and other commands on a saved run. */
import { existsSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDataset } from '../../src/data/sources/load.js';
import type { RunResult } from '../../src/run/events.js';
import { Pff, sleep } from '../cluster/server.js';
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

describe('eval on samples held out of training', () => {
  it('finds what training measured on them', async () => {
    const args =
      '--train-samples 3000 --validation-samples 300 --layers 784,64 --epochs 1 --objective performance-optimized';
    const { stdout } = await pff(['train', ...args.split(' '), '--out', 'held', '--json'], folder);
    const run = JSON.parse(stdout) as RunResult;
    const again = await pff(['eval', 'held', '--on', 'validation', '--json'], folder);
    const result = JSON.parse(again.stdout) as RunResult & { accuracy: number };
    expect([result.evaluatedOn, result.confusion]).toEqual(['validation', run.confusion]);
    expect(result.accuracy).toBe(run.testAccuracy);
    const told = await pff(['eval', 'held', '--on', 'validation'], folder);
    expect(told.stdout).toContain(`Validation accuracy ${(100 * run.testAccuracy).toFixed(2)} %`);
  });

  it('refuses a run that has none, and other data beside them', async () => {
    const none = await pff(['eval', 'run', '--on', 'validation'], folder);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('run was trained on all of them');
    const both = await pff(['eval', 'run', '--on', 'validation', '--test-samples', '10'], folder);
    expect(both.code).toBe(2);
    expect(both.stderr).toContain('testSamples was given as well');
  });
});

it('eval adds the scores of mirror images if asked, and refuses that for tables', async () => {
  const accuracy = async (...args: string[]): Promise<number> => {
    const { stdout } = await pff(['eval', 'run', '--test-samples', '200', '--json', ...args], folder);
    return (JSON.parse(stdout) as { accuracy: number }).accuracy;
  };
  // Digits are not mirrored in training, and mean something else then.
  expect(await accuracy('--mirror')).toBeLessThan(await accuracy());
  writeFileSync(path.join(folder, 'points.csv'), `x,y,label\n${'0,1,a\n1,0,b\n'.repeat(20)}`);
  await pff(
    ['train', '--data', 'points.csv', '--layers', 'auto,8,8', '--epochs', '1', '--batch', '4', '--out', 'points'],
    folder,
  );
  const { code, stderr } = await pff(['eval', 'points', '--mirror'], folder);
  expect([code, stderr]).toEqual([2, expect.stringContaining('they are no images')]);
});

it('eval for people shows accuracy and confusion', async () => {
  const { stdout } = await pff(['eval', path.join('run', 'model.safetensors'), '--test-samples', '200'], folder);
  expect(stdout).toContain(`Test accuracy ${(100 * trained.testAccuracy).toFixed(2)} %`);
  expect(stdout).toContain('Confusion matrix');
  expect(stdout).not.toMatch(CONTROL);
});

describe('eval by another classifier', () => {
  const evaluated = async (run: string, ...args: string[]): Promise<number> => {
    const { stdout } = await pff(['eval', run, '--test-samples', '200', '--json', ...args], folder);
    return (JSON.parse(stdout) as { accuracy: number }).accuracy;
  };
  const small = '--train-samples 1500 --test-samples 200 --layers 784,32,32 --epochs 1'.split(' ');

  it.each([
    ['performance-optimized', 'all-heads', 'last-head'],
    ['goodness', 'softmax', 'goodness'],
  ])('%s: what was trained with %s has the accuracy of what was trained with %s', async (objective, one, other) => {
    const [first, second] = [`${objective}-${one}`, `${objective}-${other}`];
    const accuracies = [];
    for (const [run, classifier] of [
      [first, one],
      [second, other],
    ] as const) {
      const args = ['train', ...small, '--objective', objective, '--classifier', classifier, '--out', run, '--json'];
      const { stdout } = await pff(args, folder);
      accuracies.push((JSON.parse(stdout) as RunResult).testAccuracy);
    }
    expect(accuracies[0]).not.toBe(accuracies[1]);
    expect(await evaluated(first, '--classifier', other)).toBe(accuracies[1]);
    expect(await evaluated(first)).toBe(accuracies[0]);
  });

  it('says what the model was trained for', async () => {
    const { code, stderr } = await pff(['eval', 'run', '--classifier', 'goodness'], folder);
    expect(code).toBe(2);
    expect(stderr).toContain('classifier goodness was asked for, but the model was not trained for it');
    expect(stderr).toContain('it predicts by all-heads or last-head');
    const softmax = await pff(['eval', 'goodness-goodness', '--classifier', 'softmax'], folder);
    expect(softmax.code).toBe(2);
    expect(softmax.stderr).toContain('it predicts by goodness.');
    const { stdout } = await pff(['eval', 'run', '--test-samples', '200', '--classifier', 'last-head'], folder);
    expect(stdout).toContain('by last-head, mnist');
  });
});

it('a finished run that is resumed says that nothing was left, and has the same digest', async () => {
  const { code, stdout } = await pff(['train', '--resume', 'run'], folder);
  expect(code).toBe(0);
  expect(stdout).toContain('nothing was left to train');
  expect(stdout).toContain(trained.modelDigest);
  expect(stdout).not.toContain('NaN');
});

it('a run on data of one’s own is resumed with the shares that it has, and with no others', async () => {
  writeFileSync(path.join(folder, 'shares.csv'), `x,y,label\n${'0,1,a\n1,0,b\n'.repeat(20)}`);
  const data = '--data shares.csv --test'.split(' ');
  const layers = '0.25 --layers auto,8,8 --epochs 1 --batch 4 --out shares'.split(' ');
  expect((await pff(['train', ...data, ...layers], folder)).code).toBe(0);
  const { code, stderr } = await pff(['train', '--resume', 'shares', ...data, '0.4'], folder);
  expect([code, stderr]).toEqual([2, expect.stringContaining('has testShare 0.25, not 0.4')]);
  expect((await pff(['train', '--resume', 'shares', ...data, '0.25'], folder)).code).toBe(0);
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

describe('a run with parts of a plugin', () => {
  /** Notes that it was run. */
  const marker = (): string => path.join(folder, 'plugin-ran');
  beforeAll(async () => {
    const dots = fileURLToPath(new URL('../library/dots-plugin.mjs', import.meta.url));
    writeFileSync(
      path.join(folder, 'my-dots.mjs'),
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(marker())}, '');
       export { default } from ${JSON.stringify(pathToFileURL(dots).href)};`,
    );
    const train =
      'train --plugin my-dots.mjs --dataset dots --goodness activity --layers 4,8,8 --epochs 2 --out dotted --quiet';
    expect((await pff(train.split(' '), folder)).stderr).toBe('');
  });

  it.each([
    'eval dotted',
    'eval dotted/model.safetensors',
    'predict dotted test:0',
    'train --resume dotted --quiet',
    'report dotted',
    'export dotted --to npz',
    'import dotted/model.npz --out imported',
    'simulate --config dotted/spec.json --costs equal',
  ])('pff %s runs a plugin only where it is given', async (line) => {
    rmSync(marker(), { force: true });
    const without = await pff(line.split(' '), folder);
    expect(existsSync(marker())).toBe(false);
    if (line.startsWith('export')) expect(without).toMatchObject({ code: 0, stderr: '' });
    else if (line.startsWith('simulate')) expect(without.stderr).toMatch(/goodness must be one of .*--plugin FILE/s);
    else if (line.startsWith('import'))
      expect(without.stderr).toMatch(/has the goodness activity, which is of a plugin .*--plugin FILE/s);
    else {
      expect(without.code).toBe(line.startsWith('report') ? 0 : 2);
      expect(without.stderr).toMatch(/dotted\S* has the (goodness activity|dataset dots), which is of a plugin/);
      expect(without.stderr).toContain(`--plugin ${path.join(realpathSync(folder), 'my-dots.mjs')}`);
    }
    rmSync(path.join(folder, 'imported'), { recursive: true, force: true });
    const given = await pff([...line.split(' '), '--plugin', 'my-dots.mjs'], folder);
    expect(given).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(marker())).toBe(true);
  });

  it('the page says what is missing, and has it where the plugin is given', async () => {
    rmSync(marker(), { force: true });
    /** All that the page of `pff watch` gets until `end`. */
    const watched = async (end: string, ...more: string[]): Promise<string> => {
      const page = new Pff('watch', path.join(folder, 'dotted'), '--no-open', '--port', '0', ...more);
      let url: string | undefined;
      while ((url = /http:\S+/.exec(page.out)?.[0]) === undefined) await sleep(20);
      const { body } = await fetch(`${url}events`);
      const decoder = new TextDecoder();
      let text = '';
      for await (const chunk of body as ReadableStream<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
        if (text.includes(end)) break;
      }
      page.child.kill('SIGINT');
      expect(await page.exited).toBe(0);
      return text;
    };
    expect(await watched('could not be analysed')).toMatch(/has the dataset dots, which is of a plugin.*my-dots\.mjs/);
    expect(existsSync(marker())).toBe(false);
    expect(await watched('"type":"analysis"', '--plugin', path.join(folder, 'my-dots.mjs'))).toContain(
      '"type":"analysis"',
    );
  });
});

it.each([
  ['predict run test:10000', 2, 'mnist has test:0 to test:9999'],
  ['predict run nowhere.png', 1, 'nowhere.png cannot be read'],
  ['predict run run/spec.json', 1, 'columns, but the model takes 784'],
  ['predict nowhere test:0', 1, 'there is no run nowhere'],
  ['eval run/spec.json', 1, 'run/spec.json is no model: models are safetensors or NPZ'],
])('pff %s fails with a message', async (line, expected, part) => {
  const { code, stdout, stderr } = await pff(line.split(' '), folder);
  expect(stderr).toContain(part);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
});
