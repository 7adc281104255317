/** Rows for a model that there is: columns by their names, or by their places where a file has no names. */
import { describe, expect, it } from 'vitest';
import type { Cell, ColumnInputs } from '../../src/data/columns.js';
import { fileKind } from '../../src/data/readers/file-kind.js';
import { rowsForInputs, type FileRow } from '../../src/data/readers/rows-for-inputs.js';
import { describeError } from './helpers.js';

const model = (names: readonly string[], label: string): ColumnInputs => ({
  kind: 'columns',
  columns: names.map((name) => ({ name, kind: 'number', mean: 0, deviation: 1 })),
  label,
  fill: true,
});
const NAMED = model(['age', 'height', 'weight'], 'kind');
const NUMBERED = model(['1', '2', '3'], '4');

function rows(text: string, inputs: ColumnInputs): Promise<FileRow[]> {
  const bytes = new TextEncoder().encode(text);
  const kind = fileKind(bytes, 'file');
  if (kind === 'npz' || kind === 'npy') throw new Error('no table');
  return rowsForInputs({ kind, bytes }, 'file', inputs);
}
const cells = async (text: string, inputs = NAMED): Promise<(readonly Cell[])[]> =>
  (await rows(text, inputs)).map((row) => row.cells);
const refusal = (text: string, inputs = NAMED): Promise<string> => describeError(() => rows(text, inputs));

describe('a model whose columns have names', () => {
  it('takes a column that is empty in the file as empty cells, in whatever order', async () => {
    expect(await cells('id,age,height,weight\n7,50,,80\n8,51,,81\n')).toEqual([
      ['50', null, '80'],
      ['51', null, '81'],
    ]);
    expect(await cells('weight,height,age\n80,,50\n')).toEqual([['50', null, '80']]);
    expect(await cells('{"weight": 80, "height": null, "age": 50}\n')).toEqual([[50, null, 80]]);
  });

  it('takes no column by its place where the file has names', async () => {
    expect(await refusal('weight,hieght,age\n80,160,50\n')).toContain('has no column height, which the model takes');
    expect(await refusal('a,b,c\n80,160,50\n')).toContain('has no column age, height, weight');
    expect(await refusal('{"a": 80, "b": 160, "c": 50}\n')).toContain('has no column age, height, weight');
    expect(await refusal('age,weight\n80,160\n')).toContain('has 2 columns, but the model takes 3, and height is not');
    expect(await refusal('age,height,weight,age\n1,2,3,4\n')).toContain('columns 1 and 4 are both called age');
  });

  it('takes commas for points in its numbers, and leaves its texts as they are', async () => {
    expect(await cells('0,5;1,25;2')).toEqual([['0.5', '1.25', '2']]);
    const texts: ColumnInputs = { ...NAMED, columns: [{ name: 'age', kind: 'text', values: ['0,5', 'x'] }] };
    expect(await cells('id;age\n1;0,5\n', texts)).toEqual([['0,5']]);
  });

  it('takes rows without names in its order, empty cells and a comma at the end among them', async () => {
    expect(await cells('50,160,80\n')).toEqual([['50', '160', '80']]);
    expect(await cells('50,,80\n51,,81\n')).toEqual([
      ['50', null, '80'],
      ['51', null, '81'],
    ]);
    expect(await cells('50,160,80,\n')).toEqual([['50', '160', '80']]);
    expect(await refusal('50,160,80,90\n')).toContain('has 4 columns, but the model takes 3');
  });
});

describe('a model whose columns have no names', () => {
  it('takes a single row as a row, and not as names', async () => {
    expect(await cells('30,150,50\n', NUMBERED)).toEqual([['30', '150', '50']]);
    expect(await cells('3,1,2\n1,2,3\n', NUMBERED)).toEqual([
      ['3', '1', '2'],
      ['1', '2', '3'],
    ]);
  });

  it('takes the label with the rest, as in the file that was trained on', async () => {
    expect(await rows('30,150,50,a\n', NUMBERED)).toEqual([{ place: 1, cells: ['30', '150', '50'], truth: 'a' }]);
  });

  it('passes over names', async () => {
    expect(await cells('p,q,r\n30,150,50\n', NUMBERED)).toEqual([['30', '150', '50']]);
    expect(await cells('1,2,3\n30,150,50\n', NUMBERED)).toEqual([['30', '150', '50']]);
  });
});
