/** Tables of one's own as they come: columns that are empty in one part, names that come twice, no names at all. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ColumnInputs } from '../../src/data/columns.js';
import type { Dataset } from '../../src/data/dataset.js';
import { loadOwnData } from '../../src/data/sources/own/own-data.js';
import { placeText } from '../../src/data/sources/own/place.js';
import { USUAL_READING, type Reading } from '../../src/data/readers/reading.js';
import { describeError } from './helpers.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-tables-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const load = (where: string, reading: Partial<Reading> = {}): Promise<Dataset> =>
  loadOwnData(where, { ...USUAL_READING, ...reading });
const namesOf = (data: Dataset): string[] => (data.inputs as ColumnInputs).columns.map(({ name }) => name);

const BODY = Array.from({ length: 20 }, (_, i) => `${i % 7},${(i * 3) % 5},${i % 2 ? 'x' : 'y'}`).join('\n');

describe('a test file', () => {
  it('may have a column that is empty in it', async () => {
    const data = file('train.csv', `a,b,label\n${BODY}`);
    const test = file('hole.csv', 'b,a,label\n,1,x\n,2,y\n');
    const read = await load(placeText({ data, test }), { missing: 'fill' });
    // The mean, in scaled values.
    expect(read.test.images.filter((_, i) => i % 2 === 1)).toEqual(new Float32Array([0, 0]));
    expect(await describeError(() => load(placeText({ data, test })))).toContain('cells of column b are empty');
  });

  it('without names has the columns of the training file, or those of them that are used', async () => {
    const data = file('gap.csv', BODY.replaceAll(/^(\d),/gm, '$1,,'));
    const expected = await load(
      placeText({ data: file('full.csv', BODY), test: file('t3.csv', '1,2,x\n3,4,y\n5,1,x') }),
    );
    for (const rows of ['1,,2,x\n3,,4,y\n5,,1,x', '1,2,x\n3,4,y\n5,1,x'])
      expect((await load(placeText({ data, test: file('t4.csv', rows) }))).test.images).toEqual(expected.test.images);
  });

  it('keeps its first row where the label is named by its place from the end', async () => {
    const data = file('nameless.csv', BODY);
    const test = file('nameless-test.csv', '1,2,x\n3,4,y\n5,1,x\n');
    expect((await load(placeText({ data, test }), { labelColumn: '-1' })).test.count).toBe(3);
  });
});

describe('names that come twice', () => {
  const twice = file('twice.csv', `a,a,label\n${BODY}`);
  it('are refused, unless all columns of the name are left out', async () => {
    expect(await describeError(() => load(twice))).toContain('columns 1 and 2 are both called a');
    const other = file('other.csv', `a,a,b,label\n${BODY.replaceAll(/^/gm, '4,')}`);
    expect(namesOf(await load(other, { ignoreColumns: 'a' }))).toEqual(['b']);
    const label = file('label.csv', `a,label,label\n${BODY}`);
    expect(await describeError(() => load(label))).toContain('columns 2 and 3 are both called label');
  });
});

it('a table of texts without names keeps its first row, and says so', async () => {
  const rows = Array.from({ length: 20 }, (_, i) => `${i % 3 ? 'low' : 'high'},${i % 5 ? 'big' : 'small'},${i % 2}`);
  const data = await load(file('texts.csv', rows.join('\n')));
  expect(data.train.count + data.test.count).toBe(20);
  expect(data.notes).toContain('its first row is taken as a sample, not as names of columns: high, small, 0');
});

it('many empty cells are counted in a moment', async () => {
  const rows = Array.from({ length: 40_000 }, (_, i) => `${i % 7},${i % 2 ? '' : i},${i % 3 ? 'x' : 'y'}`);
  const many = file('many.csv', `a,b,label\n${rows.join('\n')}`);
  const started = performance.now();
  expect(await describeError(() => load(many))).toContain('20000 cells of column b are empty');
  expect(performance.now() - started).toBeLessThan(5000);
});
