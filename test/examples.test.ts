/** Every numbered example runs to its end and says what it should. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));
const expected: Readonly<Record<string, RegExp>> = {
  '1-train.mjs': /accuracy 0\.[89]\d*, digest [0-9a-f]{64}/,
  '2-own-csv.mjs': /accuracy (0\.9\d+|1\.000) on 72 rows/,
  '3-resume-and-export.mjs': /interrupted after [23] of 6 chapters[^]*the same bits: true\nwritten: .*model\.onnx/,
  '4-own-store.mjs': /left in the folder: c1\.l0, c1\.l1\nthe same bits: true/,
  '5-cnn-on-pngs.mjs': /accuracy (0\.[89]\d+|1\.000)/,
  '6-own-objective.mjs': /accuracy 0\.[89]\d*, digest [0-9a-f]{64}/,
};

it('all examples are known here', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.mjs'))).toEqual(Object.keys(expected));
});

it.each(Object.entries(expected))('%s', async (name, output) => {
  const { stdout } = await promisify(execFile)(process.execPath, [folder + name]);
  expect(stdout).toMatch(output);
});

it('training on a CSV of one’s own with a goodness function of one’s own takes at most 30 lines', () => {
  expect(readFileSync(`${folder}2-own-csv.mjs`, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(30);
});

it('a convolutional network on a folder of PNGs takes at most 20 lines', () => {
  expect(readFileSync(`${folder}5-cnn-on-pngs.mjs`, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(20);
});
