/** Models out and in again with the same digest; NPY as NumPy writes it; TensorBoard and CSV parsed back; traces. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeNpy, parseNpy } from '../../src/formats/npy.js';
import { encodeNpz, parseNpz } from '../../src/formats/npz.js';
import { decodeSafetensors } from '../../src/formats/safetensors.js';
import { crc32c } from '../../src/formats/tensorboard.js';
import { traceOfRun } from '../../src/report/trace.js';
import { PffError } from '../../src/errors.js';
import { exportModel, importModel, type ExportOptions, type ImportOptions } from '../../src/run/export.js';
import { MetricsLog } from '../../src/run/metrics-log.js';
import { loadModel, predictImages } from '../../src/run/model.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

let folder = '';
let run = '';
let digest = '';
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-export-'));
  run = path.join(folder, 'run');
  const metrics = new MetricsLog(['csv', 'tensorboard']);
  const spec = toySpec({ objective: 'performance-optimized' });
  for await (const event of train({ spec, out: run, nodes: 2, threadsPerNode: 1 }, toyDataset())) {
    metrics.observe(event);
    if (event.type === 'finished') digest = event.result.modelDigest;
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('networks of convolutions', () => {
  // Together, every kind of operation, and heads of several kinds.
  it.each<[string, PartialSpec]>([
    [
      'pools, strides, groups, norms over a position and a sample, leaky',
      { layers: ['1x6x6', 'avg2+ln+conv8s1g1+ln2d+leaky0.2', 'conv8g4+rms+max2'], objective: 'pred' },
    ],
    [
      'a norm after the ReLU, a pattern for each label, negatives',
      { layers: ['1x6x6', 'conv8+relu+bn', 'rms+conv8s2+gn2', 8], labelMode: 'pattern', classifier: 'softmax' },
    ],
    ['groups of channels for each class', { layers: ['1x6x6', 'conv8+bn', 'conv8+bn+max2'], objective: 'cwc' }],
  ])('%s: out and in again with the same digest and predictions', async (name, asked) => {
    const cnn = path.join(folder, name.replaceAll(' ', '-'));
    const { modelDigest } = await trainToEnd({ spec: toySpec(asked), out: cnn, threadsPerNode: 1 }, toyDataset());
    const { shape, classes, test } = toyDataset();
    const images = test.images.subarray(0, 8 * shape.width * shape.height);
    const expected = await predictImages(cnn, images, shape, classes);
    for (const to of ['npz', 'safetensors'] as const) {
      const out = `${cnn}-from-${to}`;
      const { file } = await exportModel(cnn, { to });
      expect(await importModel(file, { out })).toMatchObject({ modelDigest });
      expect(await predictImages(out, images, shape, classes)).toEqual(expected);
    }
  });

  it('tell images in PNG files as they tell those of the dataset', async () => {
    const cnn = path.join(folder, 'cnn');
    const dataset = toyDataset();
    const spec = toySpec({ layers: ['1x6x6', 'conv4+bn+max2', 'conv6+gn2', 8], objective: 'predsim' });
    const { modelDigest } = await trainToEnd({ spec, out: cnn, threadsPerNode: 1 }, dataset);
    for (const to of ['npz', 'safetensors'] as const) {
      const { file } = await exportModel(cnn, { to });
      const out = path.join(folder, `cnn-from-${to}`);
      expect(await importModel(file, { out })).toMatchObject({ modelDigest });
    }
    const { shape, classes, test } = dataset;
    const size = shape.width * shape.height;
    const images = test.images.subarray(0, 4 * size);
    const expected = await predictImages(cnn, images, shape, classes);
    const model = await loadModel(path.join(folder, 'cnn-from-safetensors'));
    for (const [i, each] of expected.entries()) {
      const png = new PNG({ width: shape.width, height: shape.height, colorType: 0 });
      for (let at = 0; at < size; at++) {
        const value = Number(images[i * size + at]);
        png.data.set([value, value, value, 255], 4 * at);
      }
      expect(await model.predictImage(PNG.sync.write(png))).toMatchObject(each);
    }
    await model.close();
    expect(new Set(expected.map(({ label }) => label)).size).toBeGreaterThan(1);
  });
});

describe('models', () => {
  it.each(['npz', 'safetensors'] as const)('%s: there and back, the same digest', async (to) => {
    const { file, modelDigest } = await exportModel(run, { to });
    expect(modelDigest).toBe(digest);
    const back = await importModel(file, { out: path.join(folder, `from-${to}`) });
    expect(back.modelDigest).toBe(digest);
    expect(readFileSync(path.join(folder, `from-${to}`, 'spec.json'), 'utf8')).toBe(
      readFileSync(path.join(run, 'spec.json'), 'utf8'),
    );
  });

  it('tensors of 16 bits, as other programs save them', async () => {
    const { tensors, metadata } = decodeSafetensors(readFileSync(path.join(run, 'model.safetensors')));
    let at = 0;
    const entries = tensors.map(({ name, shape, values }) => {
      const entry = { dtype: 'BF16', shape, data_offsets: [at, (at += 2 * values.length)] };
      return [name, entry] as const;
    });
    const upper = tensors.map(({ values }) =>
      Uint16Array.from(new Uint32Array(values.slice().buffer), (bits) => bits >>> 16),
    );
    const header = Buffer.from(
      JSON.stringify({
        __metadata__: { spec: metadata['spec'], classes: metadata['classes'] },
        ...Object.fromEntries(entries),
      }),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const file = path.join(folder, 'half.safetensors');
    writeFileSync(file, Buffer.concat([length, header, ...upper.map(({ buffer }) => Buffer.from(buffer))]));
    const out = path.join(folder, 'from-half');
    writeFileSync(path.join(folder, 'taken'), '');
    await expect(importModel(file, { out: path.join(folder, 'taken') })).rejects.toThrow(
      /^cannot make the run folder .*taken/,
    );
    await importModel(file, { out });
    const back = decodeSafetensors(readFileSync(path.join(out, 'model.safetensors'))).tensors;
    const bits = (values: Float32Array): number[] => [...new Uint32Array(values.slice().buffer)];
    expect(back.map(({ name, values }) => [name, bits(values)])).toEqual(
      tensors.map(({ name, values }) => [name, bits(values).map((each) => (each & 0xffff0000) >>> 0)]),
    );
  });

  it('a file without a spec, a missing tensor, a file that is none', async () => {
    const { file } = await exportModel(run, { to: 'npz' });
    const files = Object.fromEntries(
      [...(await parseNpz(readFileSync(file), file))].map(([name, bytes]) => [
        name.endsWith('.json') ? name : `${name}.npy`,
        bytes,
      ]),
    );
    const out = path.join(folder, 'refused');
    const refusal = async (name: string, bytes: Uint8Array): Promise<unknown> => {
      const place = path.join(folder, name);
      writeFileSync(place, bytes);
      return importModel(place, { out }).catch((error: unknown) => String(error));
    };
    const { 'spec.json': note, ...arrays } = files;
    expect(await refusal('a.npz', await encodeNpz(arrays))).toMatch(/does not say what its network is/);
    const { 'layer2.bias.npy': _, ...fewer } = files;
    expect(await refusal('b.npz', await encodeNpz(fewer))).toMatch(
      /the model needs tensor layer2.bias \[20\], but it is not there/,
    );
    expect(await refusal('c.npz', note as Uint8Array)).toMatch(/not an NPZ file/);
    expect(await refusal('c.safetensors', note as Uint8Array)).toMatch(/not a usable safetensors file/);
  });
});

describe('options and places that cannot be', () => {
  const said = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'accepted',
      (error: unknown) =>
        error instanceof PffError ? `${error.code}: ${error.message} | ${error.hint}` : String(error),
    );

  it.each([
    [{ to: 'ONNX' }, /^usage: to must be one of onnx, safetensors, npz, but is "ONNX" \| Did you mean onnx\?/],
    [{ to: 'foo' }, /^usage: to must be one of onnx, safetensors, npz, but is "foo" \| Formats are onnx/],
    [{}, /^usage: to must be one of onnx, safetensors, npz, but is missing \|/],
    [{ to: 'npz', out: '' }, /^usage: out of exportModel, the file to write, is "", which is no path/],
    [{ to: 'npz', out: 5 }, /^usage: out of exportModel, the file to write, is 5, which is no path/],
  ])('of an export: %j', async (options, message) => {
    expect(await said(exportModel(run, options as ExportOptions))).toMatch(message);
  });

  it('of an import: no folder to make', async () => {
    const model = path.join(run, 'model.safetensors');
    expect(await said(importModel(model, {} as ImportOptions))).toMatch(
      /^usage: out of importModel, the run folder to make, is missing/,
    );
  });

  it('a folder that is not there, and one that is in the place of the file', async () => {
    const out = (name: string): Promise<string> => said(exportModel(run, { to: 'npz', out: path.join(folder, name) }));
    expect(await out('no/where.npz')).toMatch(
      /^files: cannot write .*ENOENT.* \| There is no folder \S+no: make it first/,
    );
    expect(await out('.')).toMatch(/^files: cannot write .*EISDIR.* \| A folder is there: give the name of a file/);
  });
});

describe('an export over what is there', () => {
  const attempt = (from: string, out: string): Promise<unknown> => exportModel(from, { to: 'npz', out });

  it('is refused where that is the model that is read, whatever it is called', async () => {
    const model = path.join(run, 'model.safetensors');
    const before = readFileSync(model);
    const link = path.join(folder, 'linked');
    symlinkSync(run, link);
    const copy = path.join(folder, 'copy.safetensors');
    writeFileSync(copy, before);
    const refused = { code: 'usage', message: expect.stringMatching(/is the file that is read/) as string };
    await expect(attempt(run, model)).rejects.toMatchObject(refused);
    await expect(attempt(run, path.join(link, 'model.safetensors'))).rejects.toMatchObject(refused);
    await expect(attempt(model, path.join(run, '.', 'model.safetensors'))).rejects.toMatchObject(refused);
    await expect(attempt(copy, copy)).rejects.toMatchObject(refused);
    expect(readFileSync(model).equals(before)).toBe(true);
  });

  it('goes through a link, and into a pipe, and puts nothing in their place', async () => {
    const target = path.join(folder, 'target.npz');
    const link = path.join(folder, 'link.npz');
    writeFileSync(target, 'before');
    symlinkSync(target, link);
    await attempt(run, link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const whole = readFileSync(target);
    expect(whole.length).toBeGreaterThan(100);
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const copied = path.join(folder, 'copied.npz');
    // A program of its own: who writes waits for who reads.
    const reader = spawn('cp', [pipe, copied], { stdio: 'inherit' });
    const ended = once(reader, 'exit');
    await attempt(run, pipe);
    await ended;
    expect(readFileSync(copied).length).toBe(whole.length);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    await attempt(run, '/dev/null');
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('may be beside files of that name that are of no run', async () => {
    const project = path.join(folder, 'project');
    mkdirSync(path.join(project, 'checkpoint'), { recursive: true });
    writeFileSync(path.join(project, 'spec.json'), '{}');
    const out = path.join(project, 'model.safetensors');
    await attempt(run, out);
    expect(readFileSync(out).length).toBeGreaterThan(0);
  });

  it.each(['spec.json', 'events.jsonl', 'result.json', 'metrics.csv', 'checkpoint/run.json', 'checkpoint'])(
    'is refused where that is %s of a run',
    async (name) => {
      const copy = path.join(folder, 'another.safetensors');
      copyFileSync(path.join(run, 'model.safetensors'), copy);
      for (const from of [run, copy])
        await expect(attempt(from, path.join(run, name))).rejects.toMatchObject({
          code: 'usage',
          message: expect.stringMatching(/is a file of a run's own/) as string,
        });
    },
  );
});

describe('NPY', () => {
  it('has the header that NumPy writes', () => {
    const bytes = encodeNpy([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(new TextDecoder('latin1').decode(bytes.subarray(0, 128))).toBe(
      `\u0093NUMPY\u0001\u0000\u0076\u0000${"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117)}\n`,
    );
    expect(parseNpy(bytes, 'x')).toEqual({ shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expect(parseNpy(encodeNpy([2], BigInt64Array.of(-1n, 5n)), 'x').values).toEqual(BigInt64Array.of(-1n, 5n));
  });

  it('says what is wrong', () => {
    const bytes = encodeNpy([4], Float32Array.of(1, 2, 3, 4));
    expect(() => parseNpy(bytes.subarray(0, 130), 'x')).toThrow('x: [4] of <f4 needs 16 bytes, but there are 2');
    expect(() => parseNpy(Uint8Array.of(1, 2), 'x')).toThrow('x: not an NPY file');
    const complex = Buffer.from(bytes);
    complex.write('<c8', 21);
    expect(() => parseNpy(complex, 'x')).toThrow('x: holds values of type <c8');
  });
});

/** Fields of a protobuf message: [number, value] with varints as numbers, the rest as bytes. */
function fields(bytes: Uint8Array): [number, number | Uint8Array][] {
  const found: [number, number | Uint8Array][] = [];
  let at = 0;
  const varint = (): number => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = key % 8;
    const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
    const value = wire === 0 ? varint() : bytes.slice(at, (at += length));
    found.push([(key - wire) / 8, value]);
  }
  return found;
}

describe('metrics', () => {
  it('CRC-32C gives the check value of its definition', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });

  /** Rows of the CSV by what they are of: trained layers, and validations. */
  function rowsOfCsv(): { readonly header: string[]; readonly layers: string[][]; readonly validations: string[][] } {
    const [header = [], ...rows] = readFileSync(path.join(run, 'metrics.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const isValidation = ([, layer]: string[]): boolean => layer === 'validation';
    return {
      header,
      layers: rows.filter((row) => !isValidation(row)),
      validations: rows.filter((row) => isValidation(row)),
    };
  }

  it('CSV has a row for each trained layer of each chapter, and one for each validation', () => {
    const { header, layers, validations } = rowsOfCsv();
    expect(header.slice(0, 5)).toEqual(['chapter', 'layer', 'node', 'samples', 'loss']);
    expect(layers.length).toBe(4 * 3);
    for (const row of layers) expect(Number(row[4])).toBeGreaterThan(0);
    expect(validations.map(([chapter]) => chapter)).toContain('4');
    const accuracy = header.indexOf('heldOutAccuracy');
    for (const row of validations) expect(Number(row[accuracy])).toBeGreaterThan(0);
  });

  it('TensorBoard records have right checksums, and the values of the CSV', () => {
    const name = readdirSync(run).find((each) => each.startsWith('events.out.tfevents.')) as string;
    const bytes = readFileSync(path.join(run, name));
    const mask = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
    const tags = new Map<string, number>();
    let records = 0;
    for (let at = 0; at < bytes.length; records++) {
      const length = Number(bytes.readBigUInt64LE(at));
      expect(bytes.readUInt32LE(at + 8)).toBe(mask(crc32c(bytes.subarray(at, at + 8))));
      const data = bytes.subarray(at + 12, at + 12 + length);
      expect(bytes.readUInt32LE(at + 12 + length)).toBe(mask(crc32c(data)));
      at += 16 + length;
      const event = new Map(fields(data));
      const version = event.get(3);
      if (records === 0) expect(new TextDecoder().decode(version as Uint8Array)).toBe('brain.Event:2');
      for (const [, value] of fields((event.get(5) ?? new Uint8Array()) as Uint8Array)) {
        const scalar = new Map(fields(value as Uint8Array));
        const tag = `${String(event.get(2))} ${new TextDecoder().decode(scalar.get(1) as Uint8Array)}`;
        tags.set(tag, Buffer.from(scalar.get(2) as Uint8Array).readFloatLE());
      }
    }
    const { layers, validations } = rowsOfCsv();
    expect(records).toBe(1 + 4 * 3 + validations.length + 1);
    for (const [chapter, layer, , , loss] of layers) {
      expect(tags.get(`${chapter} layer${layer}/loss`)).toBe(Math.fround(Number(loss)));
    }
    expect(tags.has('4 validation/accuracy')).toBe(true);
    expect(tags.has('4 testAccuracy')).toBe(true);
  });
});

describe('a trace', () => {
  it('has every span, on named threads, in microseconds', () => {
    const { traceEvents } = traceOfRun(run);
    const names = traceEvents.flatMap((event) => (event.ph === 'M' ? [event.args['name']] : []));
    expect(names.map(String).toSorted()).toEqual(['node 1', 'node 1 transfers', 'node 2', 'node 2 transfers']);
    const trained = traceEvents.filter((event) => event.cat === 'train');
    expect(trained.length).toBe(4 * 3);
    for (const { ts, dur } of trained) expect([(ts ?? -1) >= 0, (dur ?? 0) > 10]).toEqual([true, true]);
  });

  it('of a folder that is no run is refused', () => {
    expect(() => traceOfRun(folder)).toThrow(/cannot read the events of/);
  });
});
