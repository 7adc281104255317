/** Names of run folders that nobody gave. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { newRunFolder } from '../../src/cli/flags/run-name.js';
import { tempFolder } from './helpers.js';

const { folder, drop } = tempFolder();
afterAll(drop);

it('trainings that begin in the same second have folders of their own, which are empty', () => {
  const now = new Date(2026, 0, 2, 15, 4, 5);
  const runs = path.join(folder, 'runs');
  const names = Array.from({ length: 3 }, () => newRunFolder('mnist', 'goodness', now, runs));
  expect(names).toEqual(['', '-2', '-3'].map((again) => path.join(runs, `20260102-150405-mnist-goodness${again}`)));
  for (const name of names) expect(existsSync(name) && readdirSync(name)).toEqual([]);
});
