/** A model on data that came later: tables by the names of their columns, images scaled to its size, classes by their names. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { RandomStream } from '../../src/random.js';
import type { EvaluationResult } from '../../src/run/evaluate-run.js';
import { writeIdx } from '../../src/data/idx.js';
import { pff } from './helpers.js';

let folder = '';
const write = (name: string, content: string | Uint8Array): void => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), content);
};
/** Three kinds of leaves, told by two measures and a text. */
const leaves = Array.from({ length: 180 }, (_, i) => {
  const stream = new RandomStream(1, 'test', 8, i);
  const kind = i % 3;
  return {
    long: (10 + 6 * kind + stream.uniform()).toFixed(2),
    wide: (3 + 2 * (2 - kind) + stream.uniform()).toFixed(2),
    edge: ['smooth', 'toothed', 'lobed'][kind] as string,
    tree: ['beech', 'elm', 'oak'][kind] as string,
  };
});
type Leaf = (typeof leaves)[number];
const csv = (rows: readonly Leaf[], columns: readonly (keyof Leaf)[] = ['long', 'wide', 'edge', 'tree']): string =>
  [columns.join(), ...rows.map((row) => columns.map((column) => row[column]).join())].join('\n');
/** A bright half: left or right; of 8 x 8 or 16 x 16 pixels. */
function half(right: boolean, side: number, i: number): Uint8Array {
  return Uint8Array.from({ length: side * side }, (_, p) =>
    p % side >= side / 2 === right ? 200 + (i % 40) : (p + i) % 30,
  );
}
function png(pixels: Uint8Array, side: number): Uint8Array {
  const image = new PNG({ width: side, height: side });
  pixels.forEach((value, p) => image.data.set([value, value, value, 255], 4 * p));
  return PNG.sync.write(image);
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-eval-'));
  write('leaves.csv', csv(leaves.slice(0, 120)));
  for (let i = 0; i < 60; i++) write(`halves/${i % 2 ? 'right' : 'left'}/${i}.png`, png(half(i % 2 === 1, 8, i), 8));
  for (const [data, run] of [
    ['leaves.csv', 'leaves'],
    ['halves', 'sides'],
  ]) {
    const { code, stderr } = await pff(
      [
        'train',
        '--data',
        data as string,
        '--layers',
        'auto,32,32,32',
        '--epochs',
        '40',
        '--out',
        run as string,
        '--quiet',
      ],
      folder,
    );
    expect([code, stderr]).toEqual([0, expect.any(String)]);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function evaluated(run: string, data: string): Promise<EvaluationResult & { readonly told: string }> {
  const { code, stdout, stderr } = await pff(['eval', run, '--data', data, '--json'], folder);
  expect([code, stderr.includes('pff: cannot')]).toEqual([0, false]);
  return { ...(JSON.parse(stdout) as EvaluationResult), told: stderr };
}

it('takes columns by their names, scaled as in training, and all rows of a table', async () => {
  write('later.csv', csv(leaves.slice(120), ['tree', 'wide', 'edge', 'long']));
  const later = await evaluated('leaves', 'later.csv');
  expect([later.samples, later.accuracy, later.dataset, later.notes]).toEqual([60, 1, 'later.csv', []]);
  const lines = leaves.slice(120).map((row) => JSON.stringify(row));
  write('later.jsonl', lines.join('\n'));
  expect((await evaluated('leaves', 'later.jsonl')).confusion).toEqual(later.confusion);
  // Of one class, and of one row: nothing that could be trained on.
  write('one.csv', csv(leaves.slice(121, 122)));
  expect((await evaluated('leaves', 'one.csv')).confusion).toEqual([
    [0, 0, 0],
    [0, 1, 0],
    [0, 0, 0],
  ]);
  const { stdout } = await pff(['eval', 'leaves', '--data', 'later.csv'], folder);
  expect(stdout).toMatch(/^Test accuracy 100(\.0+)? % .*\n[^]*later\.csv, /);
});

it('says which classes it does not know, and leaves their samples out', async () => {
  const [a, b, ...others] = leaves.slice(120);
  write('strange.csv', csv([{ ...(a as Leaf), tree: 'lime' }, { ...(b as Leaf), tree: 'palm' }, ...others]));
  const strange = await evaluated('leaves', 'strange.csv');
  expect([strange.samples, strange.accuracy]).toEqual([58, 1]);
  const note = 'strange.csv: 2 of 60 samples are of classes that are not known: lime (1), palm (1); they are left out';
  expect(strange.notes).toEqual([note]);
  expect(strange.told).toContain(note);
  write('all.csv', csv(leaves.slice(120).map((row) => ({ ...row, tree: 'lime' }))));
  const { code, stderr } = await pff(['eval', 'leaves', '--data', 'all.csv'], folder);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/60 of 60 samples .*lime \(60\)[^]*Known are beech, elm, oak/),
  ]);
});

it('refuses what the model does not take, naming file, row and column', async () => {
  const told = async (...args: string[]): Promise<[number | null, string]> => {
    const { code, stderr } = await pff(['eval', ...args], folder);
    return [code, stderr];
  };
  const [a, ...others] = leaves.slice(120);
  write('bad.csv', csv([...others, { ...(a as Leaf), wide: 'broad' }]));
  expect(await told('leaves', '--data', 'bad.csv')).toEqual([
    1,
    expect.stringContaining('bad.csv: row 61, column wide: "broad" is no number'),
  ]);
  write('hole.csv', csv([{ ...(a as Leaf), long: '' }, ...others]));
  expect(await told('leaves', '--data', 'hole.csv')).toEqual([1, expect.stringContaining('row 2, column long')]);
  write('narrow.csv', csv(others, ['long', 'tree']));
  expect(await told('leaves', '--data', 'narrow.csv')).toEqual([
    1,
    expect.stringMatching(/has 1 columns?, but the model takes 3, and wide, edge are not among them/),
  ]);
  write('nameless.csv', csv(others, ['long', 'wide', 'edge']));
  expect(await told('leaves', '--data', 'nameless.csv')).toEqual([1, expect.stringContaining('says no class')]);
  expect(await told('leaves', '--data', 'halves')).toEqual([1, expect.stringContaining('rows of 3 columns are taken')]);
  expect(await told('leaves', '--data', 'nowhere.csv')).toEqual([1, expect.stringContaining('no file or folder')]);
  expect(await told('leaves', '--data', 'bad.csv', '--dataset', 'mnist')).toEqual([
    2,
    expect.stringContaining('dataset mnist as well'),
  ]);
});

it('takes images in folders, arrays and IDX files, in the scale of training', async () => {
  for (let i = 0; i < 20; i++)
    write(`new/test/${i % 2 ? 'right' : 'left'}/${i}.png`, png(half(i % 2 === 1, 16, i), 16));
  for (let i = 0; i < 4; i++)
    write(`new/train/${i % 2 ? 'right' : 'left'}/${i}.png`, png(half(i % 2 === 0, 16, i), 16));
  // The part to test on, scaled to the model's size: the part to train on would be all wrong.
  const images = await evaluated('sides', 'new');
  expect([images.samples, images.accuracy]).toEqual([20, 1]);

  const pixels = Uint8Array.from(Array.from({ length: 20 }, (_, i) => [...half(i % 2 === 1, 8, i)]).flat());
  const names = Array.from({ length: 20 }, (_, i) => (i % 2 ? 'right' : 'left'));
  write('idx/t10k-images-idx3-ubyte', writeIdx({ dims: [20, 8, 8], data: pixels }));
  write(
    'idx/t10k-labels-idx1-ubyte',
    writeIdx({ dims: [20], data: Uint8Array.from(names, (name) => (name === 'right' ? 1 : 0)) }),
  );
  const { code, stderr } = await pff(['eval', 'sides', '--data', 'idx'], folder);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/20 of 20 samples are of classes that are not known: 0 \(10\), 1 \(10\)/),
  ]);

  const npz = async (name: string, side: number, labels: readonly number[]): Promise<void> =>
    write(
      name,
      await encodeNpz({
        'x_test.npy': encodeNpy([20, side, side], pixels.slice(0, 20 * side * side)),
        'y_test.npy': encodeNpy([20], BigInt64Array.from(labels, BigInt)),
      }),
    );
  await npz(
    'small.npz',
    4,
    names.map(() => 1),
  );
  expect((await pff(['eval', 'sides', '--data', 'small.npz'], folder)).stderr).toContain(
    'small.npz has images of 4 x 4 x 1, but such of 8 x 8 x 1 are taken',
  );
});
