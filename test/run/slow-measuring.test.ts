/** Measuring that is slower than training, and that fails. Own process: it changes code of classes. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { PffError } from '../../src/errors.js';
import { Predictor } from '../../src/model/predictor.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { ValidationFolder } from '../../src/run/validation-folder.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-measuring-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => void vi.restoreAllMocks());
const dataset = toyDataset();
const TOY_SPEC = toySpec();

it.each([1, 2])(
  'a disk that fills up ends a run that is to stop early with an error, and nothing else (%s nodes)',
  async (nodes) => {
    const out = path.join(folder, `full-${nodes}`);
    const spec = { ...TOY_SPEC, validationSamples: 40, earlyStop: 2 };
    vi.spyOn(ValidationFolder.prototype, 'keep').mockImplementation(() => {
      throw new PffError('files', 'no space is left');
    });
    await expect(trainToEnd({ spec, nodes, out }, dataset)).rejects.toThrow('no space is left');
  },
);

it('states do not pile up where measuring is slower than training', async () => {
  let [published, measured, most] = [0, 0, 0];
  const open = Predictor.open.bind(Predictor);
  vi.spyOn(Predictor, 'open').mockImplementation(async (...given) => {
    await setTimeout(40);
    measured++;
    return open(...given);
  });
  const spec = { ...TOY_SPEC, epochs: 20, splits: 20 };
  for await (const event of train({ spec, nodes: 2, validateEvery: 1 }, dataset)) {
    if (event.type !== 'task-finished' || event.task.layer !== spec.layers.length - 2) continue;
    most = Math.max(most, ++published - measured);
  }
  expect(published).toBe(20);
  expect(most).toBeLessThan(8);
});
