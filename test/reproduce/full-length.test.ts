/** The record of trainings at full length stands beside the tables and docs/RESULTS.md, and says the same. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fullLengthRuns, fullLengthText } from '../../src/reproduce/full-length.js';
import { isTrained, readRecipes } from '../../src/reproduce/manifest.js';

const runs = fullLengthRuns();
const results = readFileSync(new URL('../../docs/RESULTS.md', import.meta.url), 'utf8');

it.each(runs)(
  '$row, seed $seed: a row of the tables, with the figure of docs/RESULTS.md',
  ({ row, accuracy, digest }) => {
    const rows = readRecipes().manifest.tables.flatMap((table) => table.rows.filter(isTrained).map(({ id }) => id));
    expect(rows).toContain(row);
    const lines = results.split('\n').filter((line) => line.includes(digest));
    expect(lines.filter((line) => line.includes(accuracy.toFixed(2)))).not.toEqual([]);
  },
);

it('gives the mean over the seeds of a row, and says where there is none', () => {
  const one = {
    row: 'a',
    schedule: 'sequential',
    precision: 'f32',
    seed: 1,
    accuracy: 98,
    date: '2026-01-02',
    digest: '0',
  } as const;
  expect(fullLengthText('a', [one])).toBe('98.00, 1 seed, 2026-01-02');
  expect(
    fullLengthText('a', [
      { ...one, date: '2026-01-01' },
      { ...one, seed: 2, accuracy: 99 },
    ]),
  ).toBe('98.50, 2 seeds, 2026-01-02');
  expect(fullLengthText('b', [one])).toBe('not yet');
});
