/** Tables of one's own as they come: columns that are empty in one part, names that come twice, no names at all. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ColumnInputs } from '../../src/data/columns.js';
import type { Dataset } from '../../src/data/dataset.js';
import { loadOwnData } from '../../src/data/sources/own/own-data.js';
import { parsePlace, placeText } from '../../src/data/sources/own/place.js';
import { datasetFromTables } from '../../src/data/sources/own/table-data.js';
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

it('counts empty cells in a time that grows with their number alone', async () => {
  const rows = Array.from({ length: 300_000 }, (_, i) => [i % 7, null, i % 3 ? 'x' : 'y']);
  rows[0] = [1, 2, 'x'];
  const train = {
    name: 'many',
    columns: ['a', 'b', 'label'],
    hasNames: true,
    rows,
    places: rows.map((_, i) => i),
    notes: [],
  };
  const started = performance.now();
  expect(await describeError(() => datasetFromTables('many', { train }, USUAL_READING))).toContain(
    '299999 cells of column b are empty',
  );
  // To copy the list for each of them takes minutes.
  expect(performance.now() - started).toBeLessThan(15_000);
});

describe('classes', () => {
  it('may be called none, or -, while NA is no class', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `${i % 7},${['none', 'some', '-'][i % 3]}`);
    const data = await load(file('none.csv', `a,label\n${rows.join('\n')}`));
    expect(data.classes).toEqual(['-', 'none', 'some']);
    const lines = rows.map((row) => JSON.stringify({ a: Number(row.split(',')[0]), label: row.split(',')[1] }));
    expect((await load(file('none.jsonl', lines.join('\n')))).digest).toBe(data.digest);
    const missing = file('na.csv', `a,label\n${rows.join('\n')}\n3,NA`);
    expect(await describeError(() => load(missing))).toContain('a cell of column label is empty, in row 32');
  });

  it('that are whole numbers beyond what f64 holds are not merged', async () => {
    const rows = Array.from(
      { length: 30 },
      (_, i) => `${i % 7},${['9007199254740993', '9007199254740992', '5.0'][i % 3]}`,
    );
    const data = await load(file('long.csv', `a,label\n${rows.join('\n')}`));
    expect(data.classes).toEqual(['5', '9007199254740992', '9007199254740993']);
  });
});

it('a column of very large numbers has a mean and a deviation', async () => {
  const rows = Array.from({ length: 20 }, (_, i) => `${i % 2 ? '1e308' : '-1e308'},${i % 3},${i % 2 ? 'x' : 'y'}`);
  const data = await load(file('large.csv', `a,b,label\n${rows.join('\n')}`));
  expect(namesOf(data)).toEqual(['a', 'b']);
  expect((data.inputs as ColumnInputs).columns[0]).toMatchObject({ mean: 0, deviation: 1e308 });
});

it('paths of parts may have the signs that part them', async () => {
  for (const name of ['a&b.csv', 'a?b.csv', '100%25.csv'])
    expect(
      (
        await load(
          placeText({ data: file('data.csv', `a,b,label\n${BODY}`), test: file(name, `a,b,label\n1,2,x\n2,1,y\n`) }),
        )
      ).test.count,
    ).toBe(2);
  expect(parsePlace('/d.csv?test=/a%26b.csv&validation=/c%3Fd')).toEqual({
    data: '/d.csv',
    test: '/a&b.csv',
    validation: '/c?d',
  });
});
