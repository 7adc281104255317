/** Data of one's own, whatever they are: kinds told from the content, labels, parts, empty cells, columns and their scales. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import jpegEncode, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import webpEncode, { init as initWebp } from '@jsquash/webp/encode.js';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import type { ColumnInputs } from '../../src/data/columns.js';
import type { Dataset } from '../../src/data/dataset.js';
import { writeIdx } from '../../src/data/idx.js';
import { loadOwnData } from '../../src/data/sources/own/own-data.js';
import { placeText } from '../../src/data/sources/own/place.js';
import { USUAL_READING, type Reading } from '../../src/data/readers/reading.js';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { describeError } from './helpers.js';
import { wasmOf } from './wasm.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-own-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Uint8Array): string => {
  const whole = path.join(folder, name);
  mkdirSync(path.dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
};
const load = (where: string, reading: Partial<Reading> = {}): Promise<Dataset> =>
  loadOwnData(where, { ...USUAL_READING, ...reading });
const columnsOf = (data: Dataset): ColumnInputs['columns'] => (data.inputs as ColumnInputs).columns;

/** Rows of two numbers, a text and a class. */
const ROWS = Array.from({ length: 60 }, (_, i) => ({
  size: i % 7,
  weight: 100 + ((i * 13) % 17) / 2,
  colour: ['red', 'green', 'blue'][i % 3] as string,
  class: i % 2 === 0 ? 'cat' : 'dog',
}));
const HEAD = ['size', 'weight', 'colour', 'class'] as const;
const csv = (delimiter = ','): string =>
  [HEAD.join(delimiter), ...ROWS.map((row) => HEAD.map((name) => row[name]).join(delimiter))].join('\n');

describe('one table in many forms is the same data', () => {
  const forms: readonly (readonly [string, () => string | Uint8Array])[] = [
    ['table.csv', () => csv()],
    ['table.tsv', () => csv('\t')],
    ['semicolons.dat', () => `\uFEFF${csv(';')}`],
    ['table.csv.gz', () => gzipSync(csv())],
    ['packed.csv', () => gzipSync(csv())],
    ['table.jsonl', () => ROWS.map((row) => JSON.stringify(row)).join('\n')],
    ['table.json', () => JSON.stringify(ROWS)],
    [
      'table.parquet',
      () =>
        new Uint8Array(
          parquetWriteBuffer({ columnData: HEAD.map((name) => ({ name, data: ROWS.map((row) => row[name]) })) }),
        ),
    ],
  ];
  it.each(forms)('%s', async (name, content) => {
    const expected = await load(file('expected.csv', csv()));
    const data = await load(file(name, content()));
    expect([data.digest, data.classes, data.train.count, data.test.count]).toEqual([
      expected.digest,
      ['cat', 'dog'],
      48,
      12,
    ]);
    expect(columnsOf(data).map(({ name: column, kind }) => `${column}: ${kind}`)).toEqual([
      'size: number',
      'weight: number',
      'colour: text',
    ]);
  });
});

describe('columns', () => {
  it('are scaled by the training rows alone, in f32, and an odd cell counts as ten deviations', async () => {
    const train = file('fit/train.csv', 'x,y\n1,a\n2,b\n3,a\n4,b\n');
    const test = file('fit/other.csv', 'x,y\n2.5,a\n1e9,b\n');
    const data = await load(placeText({ data: train, test }));
    expect(columnsOf(data)).toEqual([{ name: 'x', kind: 'number', mean: 2.5, deviation: Math.sqrt(1.25) }]);
    expect([...data.test.images]).toEqual([0, 10]);
    expect(data.train.images[0]).toBe(Math.fround(-1.5 / Math.sqrt(1.25)));
  });

  it('that say nothing are left out, and the notes say so', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i + 1},7,name ${i},${i % 5},${i % 2}`);
    const data = await load(file('useless.csv', ['id,same,who,x,target', ...rows].join('\n')));
    expect(columnsOf(data).map(({ name }) => name)).toEqual(['x']);
    expect(data.notes).toEqual([
      'column id was left out: it only numbers the rows',
      'column same was left out: it is the same in all training rows',
      'column who was left out: its 32 different texts say nothing of new rows',
    ]);
    const fewer = await load(file('ignored.csv', csv()), { ignoreColumns: 'colour, weight' });
    expect(columnsOf(fewer).map(({ name }) => name)).toEqual(['size']);
  });

  it('are counted as the file has them, whatever is left out', async () => {
    // As pandas writes a table: its first column has no name, and numbers the rows.
    const rows = Array.from({ length: 24 }, (_, i) => [i, i % 5, '', `g${i % 2}`, `k${i % 3}`].join());
    const place = file('places.csv', [',a,empty,grade,kind', ...rows].join('\n'));
    expect((await load(place, { labelColumn: '4' })).classes).toEqual(['g0', 'g1']);
    expect((await load(place, { labelColumn: '5' })).classes).toEqual(['k0', 'k1', 'k2']);
    expect((await load(place, { labelColumn: '-2' })).classes).toEqual(['g0', 'g1']);
    expect(await describeError(() => load(place, { labelColumn: '6' }))).toContain('has no column 6');
  });

  it('of numbers with a comma for the point are numbers, where cells are parted by something else', async () => {
    const rows = (point: string): string[] =>
      Array.from({ length: 24 }, (_, i) => `${i % 5}${point}5;${i % 3};${i % 2 === 0 ? 'x' : 'y'};${i % 4},${i % 3} m`);
    const text = (point: string): string => ['a;b;class;remark', ...rows(point)].join('\n');
    const [commas, points] = [
      await load(file('commas.csv', text(',')), { labelColumn: 'class' }),
      await load(file('points.csv', text('.')), { labelColumn: 'class' }),
    ];
    const note = ': commas in numbers are read as decimal points: column a';
    expect(commas.notes?.some((each) => each.endsWith(note))).toBe(true);
    expect([commas.inputs, commas.digest]).toEqual([points.inputs, points.digest]);
    expect(columnsOf(commas).map(({ kind }) => kind)).toEqual(['number', 'number', 'text']);
  });

  it('of numbers whose commas may be thousands are texts, and it is said', async () => {
    const rows = Array.from({ length: 24 }, (_, i) => `1,${500 + (i % 4)};0,${125 + (i % 3)};${i % 2}`);
    const data = await load(file('thousands.csv', ['a;b;class', ...rows].join('\n')), { labelColumn: 'class' });
    expect(columnsOf(data).map(({ kind }) => kind)).toEqual(['text', 'number']);
    expect(data.notes?.join()).toMatch(/numbers such as 1,234 may have a decimal comma or thousands.*: column a/);
  });

  it('are numbers in each part by what stands there', async () => {
    const rows = (point: string, part: string): string[] =>
      Array.from({ length: 24 }, (_, i) => [`${i % 5}${point}${1 + (i % 7)}`, i % 2].join(part));
    const train = file('parts/train.csv', ['a,class', ...rows('.', ',')].join('\n'));
    file('parts/test.csv', ['a;class', ...rows(',', ';')].join('\n'));
    const data = await load(path.dirname(train), { labelColumn: 'class' });
    expect([...data.test.images]).toEqual([...data.train.images]);
  });

  it('of hexadecimal numbers are texts', async () => {
    const rows = Array.from({ length: 24 }, (_, i) => [i % 5, i % 2 === 0 ? '0x10' : '16'].join());
    expect((await load(file('hex.csv', ['x,class', ...rows].join('\n')))).classes).toEqual(['0x10', '16']);
  });

  it('of bytes are an image', async () => {
    const rows = Array.from({ length: 30 }, (_, i) =>
      [i % 3, ...Array.from({ length: 64 }, (__, p) => (i * p * 5 + p) % 256)].join(),
    );
    const data = await load(file('pixels.csv', rows.join('\n')), { labelColumn: '1' });
    expect([data.inputs, data.classes]).toEqual([
      { kind: 'image', shape: { width: 8, height: 8, channels: 1 }, label: '1' },
      ['0', '1', '2'],
    ]);
    expect(data.train.images).toBeInstanceOf(Uint8Array);
  });
});

describe('empty cells', () => {
  const holes = file('holes.csv', csv().replace('3,', ',').replace('red', 'NA').replace(/dog$/, ''));
  it('are refused, dropped or filled, as asked', async () => {
    expect(await describeError(() => load(holes))).toContain(
      'a cell of column class is empty, in row 61; so are some of 2 more columns',
    );
    const dropped = await load(holes, { missing: 'drop' });
    expect(dropped.train.count + dropped.test.count).toBe(57);
    const filled = await load(holes, { missing: 'fill' });
    // A row without a label teaches nothing.
    expect(filled.train.count + filled.test.count).toBe(59);
    expect(filled.notes).toContain(`${holes}: empty cells of colour, size count as the column's mean, or as no text`);
  });
});

describe('parts', () => {
  it('are set aside of each class, by a key, and do not overlap', async () => {
    const source = file('parts.csv', csv());
    const data = await load(source, { testShare: 0.2, validationShare: 0.1 });
    const counts = [data.train, data.validation, data.test].map((part) => [
      part?.count,
      part?.labels.filter((label) => label === 0).length,
    ]);
    expect(counts).toEqual([
      [42, 21],
      [6, 3],
      [12, 6],
    ]);
    const again = await load(source, { testShare: 0.2, validationShare: 0.1 });
    const other = await load(source, { testShare: 0.2, validationShare: 0.1, splitSeed: 2 });
    expect([again.digest === data.digest, other.digest === data.digest]).toEqual([true, false]);
  });

  it('of a class with one sample stay in training', async () => {
    const data = await load(file('rare.csv', `${csv()}\n1,100,red,owl`), { testShare: 0.3 });
    expect([data.classes, [...data.train.labels].includes(2), [...data.test.labels].includes(2)]).toEqual([
      ['cat', 'dog', 'owl'],
      true,
      false,
    ]);
  });

  it('may be files of a folder', async () => {
    for (const [name, rows] of [
      ['train', 40],
      ['val', 10],
      ['test', 10],
    ] as const)
      file(
        `divided/${name}.csv`,
        csv()
          .split('\n')
          .slice(0, rows + 1)
          .join('\n'),
      );
    const data = await load(path.join(folder, 'divided'));
    expect([data.train.count, data.validation?.count, data.test.count]).toEqual([40, 10, 10]);
  });
});

describe('NumPy', () => {
  const images = Uint8Array.from({ length: 20 * 36 }, (_, i) => (i * 7) % 256);
  const labels = BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i % 2));

  it('as MedMNIST has it: three parts, labels [n, 1], channels last', async () => {
    const content = Object.fromEntries(
      ['train', 'val', 'test'].flatMap((part) => [
        [`${part}_images.npy`, encodeNpy([20, 4, 3, 3], images)],
        [`${part}_labels.npy`, encodeNpy([20, 1], labels)],
      ]),
    ) as Record<string, Uint8Array>;
    const data = await load(file('medical.npz', await encodeNpz(content)));
    expect([data.shape, data.train.count, data.validation?.count, data.test.count, data.classes]).toEqual([
      { width: 3, height: 4, channels: 3 },
      20,
      20,
      20,
      ['0', '1'],
    ]);
    expect([...data.train.images.subarray(0, 3)]).toEqual([images[0], images[3], images[6]]);
  });

  it('as files of a folder: texts as labels, and half floats, big-endian, in Fortran order', async () => {
    const npy = (descr: string, order: 'True' | 'False', shape: string, values: Uint8Array): Uint8Array => {
      const head = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`.padEnd(117) + '\n';
      return Buffer.concat([
        Buffer.from([0x93]),
        Buffer.from('NUMPY\x01\x00'),
        Buffer.from([118, 0]),
        Buffer.from(head),
        values,
      ]);
    };
    // Column by column: 1 … 4, then 0.5, 0.5, 0.5, 2.
    const halves = [0x3c00, 0x4000, 0x4200, 0x4400, 0x3800, 0x3800, 0x3800, 0x4000];
    file('arrays/x.npy', npy('>f2', 'True', '4, 2', Buffer.from(halves.flatMap((half) => [half >> 8, half & 0xff]))));
    const words = ['up', 'down', 'up', 'down'].flatMap((word) =>
      Array.from({ length: 4 }, (_, i) => word.codePointAt(i) ?? 0),
    );
    file('arrays/y.npy', npy('<U4', 'False', '4,', new Uint8Array(Uint32Array.from(words).buffer)));
    const data = await load(path.join(folder, 'arrays'), { testShare: 0.5 });
    const [first, second] = columnsOf(data);
    expect([data.classes, data.train.count, first?.name, second?.name]).toEqual([['down', 'up'], 2, '1', undefined]);
  });

  it('one-hot labels, and floats beyond 0 … 1', async () => {
    const oneHot = Uint8Array.from({ length: 60 }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0));
    const floats = Float32Array.from({ length: 20 * 36 }, (_, i) => -1000 + (i % 36) * 100);
    const data = await load(
      file(
        'floats.npz',
        await encodeNpz({ 'x.npy': encodeNpy([20, 6, 6], floats), 'y.npy': encodeNpy([20, 3], oneHot) }),
      ),
    );
    expect([data.classes, data.inputs, Math.max(...data.train.images)]).toEqual([
      ['0', '1', '2'],
      { kind: 'image', shape: { width: 6, height: 6, channels: 1 }, range: [-1000, 2500] },
      255,
    ]);
  });

  it.each<[string, Float32Array | BigInt64Array, readonly [number, number], number]>([
    ['fractions within 0 … 1', Float32Array.of(0.2, 0.5, 0.6, 0.8), [0, 1], 4],
    ['fractions a little beyond 1', Float32Array.of(0.25, 0.5, 0.75, 1.25), [0, 1.25], 4],
    ['fractions below 0', Float32Array.of(-0.25, 0.5, 0.75, 1), [-0.25, 1], 4],
    ['whole floats', Float32Array.of(0, 1, 2, 40), [0, 255], 4],
    ['whole numbers', BigInt64Array.of(0n, 1n, 2n, 40n), [0, 255], 4],
    ['fractions beyond 255', Float32Array.of(800.5, 1000, 1200, 1300.5), [800.5, 1300.5], 4],
  ])('%s keep their values apart', async (name, four, range, distinct) => {
    const values = four.constructor as typeof Float32Array;
    const tiled = new values(20 * 36).map((_, i) => four[i % 4] as number);
    const x = encodeNpy([20, 6, 6], tiled);
    const data = await load(file(`${name}.npz`, await encodeNpz({ 'x.npy': x, 'y.npy': encodeNpy([20], labels) })));
    expect(data.inputs).toMatchObject({ kind: 'image', range });
    expect(new Set(data.train.images).size).toBe(distinct);
  });
});

describe('folders', () => {
  it('of images of three kinds, scaled to one size', async () => {
    await initJpeg(wasmOf('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'));
    await initWebp(wasmOf('@jsquash/webp/codec/enc/webp_enc.wasm'));
    const picture = (side: number, bright: number) => ({
      width: side,
      height: side,
      data: Uint8ClampedArray.from({ length: 4 * side * side }, (_, i) =>
        i % 4 === 3 ? 255 : i % 4 === 0 ? bright : 20,
      ),
      colorSpace: 'srgb' as const,
      pixelFormat: 'rgba-unorm8' as const,
    });
    for (const [label, bright] of [
      ['dark', 40],
      ['light', 200],
    ] as const)
      for (let i = 0; i < 4; i++) {
        const { width, height, data } = picture(8, bright);
        const png = new PNG({ width, height });
        png.data = Buffer.from(data);
        file(`mixed/${label}/${i}.png`, PNG.sync.write(png));
        file(`mixed/${label}/${i}.jpg`, new Uint8Array(await jpegEncode(picture(16, bright))));
        file(`mixed/${label}/${i}.webp`, new Uint8Array(await webpEncode(picture(8, bright))));
      }
    const root = path.join(folder, 'mixed');
    expect(await describeError(() => load(root))).toContain('0.png: the image is 8 x 8 pixels, but others are 16 x 16');
    const data = await load(root, { imageSize: '8x8' });
    expect([data.shape, data.classes, data.train.count + data.test.count]).toEqual([
      { width: 8, height: 8, channels: 3 },
      ['dark', 'light'],
      24,
    ]);
    // The red of the bright ones, whatever the kind of the file: lossy ones to within a few levels.
    data.train.labels.forEach((label, i) =>
      expect(Math.abs((data.train.images[i * 192] as number) - (label === 1 ? 200 : 40))).toBeLessThan(6),
    );
    const grey = await load(root, { imageSize: '4x4x1' });
    expect(grey.shape).toEqual({ width: 4, height: 4, channels: 1 });
  });

  it('of IDX files', async () => {
    for (const [name, count] of [
      ['train', 20],
      ['t10k', 10],
    ] as const) {
      file(
        `idx/${name}-images-idx3-ubyte`,
        writeIdx({ dims: [count, 2, 2], data: Uint8Array.from({ length: count * 4 }, (_, i) => i * 3) }),
      );
      file(
        `idx/${name}-labels-idx1-ubyte`,
        writeIdx({ dims: [count], data: Uint8Array.from({ length: count }, (_, i) => i % 2) }),
      );
    }
    const data = await load(path.join(folder, 'idx'), { validationShare: 0.2 });
    expect([data.train.count, data.validation?.count, data.test.count]).toEqual([16, 4, 10]);
  });
});

describe('what cannot be learned from is refused', () => {
  it.each<[string, string | Uint8Array, string, Partial<Reading>?]>([
    [
      'values.csv',
      ['x,y', ...Array.from({ length: 30 }, (_, i) => `${i % 3},${i / 7}`)].join('\n'),
      'these are values, not classes',
    ],
    [
      'mostly.csv',
      csv().replace('100,', 'heavy,'),
      'column weight: "heavy" is no number, but most of the column are (1 is not)',
    ],
    ['one-class.csv', 'x,y\n1,a\n2,a\n3,a\n', 'has one class only, a'],
    ['nothing.csv', '  \n', 'is empty'],
    ['picture.png', Buffer.from('89504e470d0a1a0a', 'hex'), 'is one image'],
    ['digits.idx', Uint8Array.of(0, 0, 8, 3, 0), 'is one IDX file'],
    ['noise.bin', Uint8Array.of(1, 2, 0, 3), 'is none of the files that are read'],
    ['table.csv', csv(), 'has no column kind', { labelColumn: 'kind' }],
    ['table.csv', csv(), 'has no column smell to ignore', { ignoreColumns: 'smell' }],
    ['latin1.csv', Buffer.from('x,y\n1,\xe9\n2,\xe8\n3,a\n', 'latin1'), 'is no text in UTF-8'],
    ['lines.jsonl', '{"a": 1}\n{"a":\n', 'line 2 is not JSON'],
    ['damaged.parquet', 'PAR1 and no more', 'truncated or damaged Parquet file'],
  ])('%s: %3$s', async (name, content, message, reading = {}) => {
    expect(await describeError(() => load(file(name, content), reading))).toContain(message);
  });

  it('a path that is not there', async () => {
    expect(await describeError(() => load(path.join(folder, 'nowhere')))).toMatch(/^data: there is no file or folder/);
  });
});
