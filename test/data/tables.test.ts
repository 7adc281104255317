/** CSV as programs write it: quotes, line breaks, delimiters, marks, headers; and tables that are refused. */
import { expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { datasetFromCsv, type CsvOptions } from '../../src/data/sources/csv.js';
import type { Dataset } from '../../src/data/dataset.js';

const PLAIN = '0.5,1,cat\n2,3,dog\n4,5,owl\n0,1,cat\n3,3,dog\n';
const read = (text: string, options: CsvOptions = {}): Dataset => datasetFromCsv(text, { testShare: 0.2, ...options });
const said = (text: string, options: CsvOptions = {}): string => {
  try {
    read(text, options);
    return 'accepted';
  } catch (error) {
    return error instanceof PffError ? `${error.code}: ${error.message}` : String(error);
  }
};
const { digest } = read(PLAIN);

it.each<[string, string, CsvOptions?]>([
  ['semicolons', PLAIN.replaceAll(',', ';')],
  ['tabs', PLAIN.replaceAll(',', '\t')],
  ['bars', PLAIN.replaceAll(',', '|')],
  ['another delimiter that is named', PLAIN.replaceAll(',', ':'), { delimiter: ':' }],
  ['a byte-order mark', `\uFEFF${PLAIN}`],
  ['carriage returns', PLAIN.replaceAll('\n', '\r\n')],
  ['a header', `a,b,class\n${PLAIN}`],
  ['a header of numbers under a word', `0,1,label\n${PLAIN}`],
  ['a byte-order mark before a quoted header', `\uFEFF"a","b","class"\n${PLAIN}`],
  ['quoted cells', PLAIN.replaceAll(/\w+$/gm, '"$&"')],
  ['a comma at the end of each row', `a,b,class,\n${PLAIN.replaceAll('\n', ',\n')}`],
  [
    'a column of row numbers without a name',
    `,a,b,class\n${PLAIN.trimEnd()
      .split('\n')
      .map((row, i) => `${i},${row}`)
      .join('\n')}`,
  ],
  [
    'a column of row numbers as pandas names it',
    `Unnamed: 0,a,b,class\n${PLAIN.trimEnd()
      .split('\n')
      .map((row, i) => `${i},${row}`)
      .join('\n')}`,
  ],
  ['empty lines', `\n${PLAIN.replaceAll('\n', '\n\n')}`],
])('%s: the same data', (_, text, options) => {
  const data = read(text, options);
  expect([data.classes, data.shape.width, data.digest]).toEqual([['cat', 'dog', 'owl'], 2, digest]);
});

it('line breaks, delimiters and quotes within quotes', () => {
  const { classes } = read('1,"big\ncat"\n2,"a, b"\n3,"the ""dog"""\n4,x\n5,y\n');
  expect(classes).toEqual(['a, b', 'big\ncat', 'the "dog"', 'x', 'y']);
});

it('an empty first cell is a cell', () => {
  expect(said(',1,cat\n2,3,dog\n4,5,owl\n', { header: false })).toBe('data: csv: row 1, column 1: the cell is empty');
});

it('1 and 1.0 are one class, and numbers are sorted as numbers', () => {
  expect(read('1,1\n2,1.0\n3,10\n4,2\n5,2.00\n').classes).toEqual(['1', '2', '10']);
});

it('what was left out is said', () => {
  expect(read(`,a,b,class,\n0,1,2,x,\n1,3,4,y,\n2,5,6,x,\n3,1,1,y,\n`).notes).toEqual(
    expect.arrayContaining(['column 1 was left out: it only numbers the rows', 'column 5 was left out: it is empty']),
  );
});

it('a column in which one value is far off is said to be nearly constant', () => {
  const rows = Array.from({ length: 60 }, (_, i) => `${i === 7 ? 1e9 : i},${i},${i % 2}`).join('\n');
  expect(read(`a,b,class\n${rows}`).notes).toEqual([
    'column a: its 60 different values fall on 2 of 256 levels, because some lie far from the others',
  ]);
});

it.each([
  [
    'an empty label',
    'a,class\n1,x\n2,\n3,y\n4,\n',
    'data: csv: 2 rows have no label in column class, the first in row 3',
  ],
  ['a missing value', 'a,b,class\n1,2,x\n,3,y\n4,5,x\n', 'data: csv: row 3, column a: the cell is empty'],
  ['NA', 'a,b,class\n1,2,x\nNA,3,y\n4,5,x\n', 'data: csv: row 3, column a: "NA" is no number'],
  [
    'a feature of words',
    'a,colour,class\n1,red,x\n2,blue,y\n3,red,x\n',
    'data: csv: row 2, column colour: "red" is no number',
  ],
  [
    'a value to predict',
    `a,target\n${Array.from({ length: 60 }, (_, i) => `${i},${i / 7}`).join('\n')}`,
    'data: csv: column target has 60 different numbers, not all of them whole: these are values, not classes',
  ],
  ['one class', '1,x\n2,x\n3,x\n', 'data: csv: column 2 has one class only, x'],
  ['one column', '1\n2\n3\n', 'data: csv: has one column only, 1'],
  ['a quote that is never closed', 'a,class\n1,"x\n2,y\n3,x\n', /^data: csv: .*[Qq]uote/],
  ['an uneven row', 'a,b,class\n1,2,x\n3,y\n4,5,x\n', 'data: csv: row 3 has 2 cells, but the first has 3'],
])('%s is refused', (_, text, message) => {
  expect(said(text)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
});

it('many different labels are refused at once', () => {
  const started = performance.now();
  const text = Array.from({ length: 40_000 }, (_, i) => `1,name${i}`).join('\n');
  expect(said(`a,class\n${text}`)).toBe(
    'data: csv: column class has more than 256 different values, and there can be at most so many classes',
  );
  expect(performance.now() - started).toBeLessThan(8000);
});
