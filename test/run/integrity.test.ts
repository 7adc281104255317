/** Digests and checksums that files carry: whatever is altered in a model, an archive or a checkpoint is noticed. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNpz } from '../../src/data/sources/npz.js';
import { messageOf, PffError } from '../../src/errors.js';
import { encodeNpy } from '../../src/formats/npy.js';
import { encodeNpz } from '../../src/formats/npz.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/formats/safetensors.js';
import { exportModel, importModel } from '../../src/run/export.js';
import { datasetOfRun, readModel } from '../../src/run/saved-model.js';
import { predictImages } from '../../src/run/model.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { RunSpec, SpecField } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const dataset = toyDataset();
let folder = '';
let run = '';
let digest = '';
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-integrity-'));
  run = path.join(folder, 'run');
  digest = (await trainToEnd({ spec: toySpec({ cooldownAfter: 1 }), out: run }, dataset)).modelDigest;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let copies = 0;
function copy(): string {
  const to = path.join(folder, `copy-${copies++}`);
  cpSync(run, to, { recursive: true });
  return to;
}

const said = (work: Promise<unknown> | (() => unknown)): Promise<string> =>
  (typeof work === 'function' ? Promise.resolve().then(work) : work).then(
    () => 'accepted',
    (error: unknown) => (error instanceof PffError ? `${error.code}: ${error.message}` : `defect: ${messageOf(error)}`),
  );

/** Every reader of a model. */
async function readers(file: string, verify?: boolean): Promise<string[]> {
  const image = dataset.test.images.subarray(0, 36);
  const out = path.join(folder, `out-${copies++}`);
  return Promise.all([
    said(predictImages(file, image, dataset.shape, dataset.classes, { verify })),
    said(exportModel(file, { to: 'npz', out: `${out}.npz`, verify })),
    said(exportModel(file, { to: 'onnx', out: `${out}.onnx`, verify })),
    said(importModel(file, { out, verify })),
  ]);
}

describe('a model file', () => {
  it('with one flipped bit in its weights is refused by every reader, and read with verify: false', async () => {
    const file = path.join(copy(), 'model.safetensors');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 50) ^ 1, bytes.length - 50);
    writeFileSync(file, bytes);
    for (const message of await readers(file))
      expect(message).toMatch(
        new RegExp(`^files: .* is damaged: the digest of its weights is [0-9a-f]{64}, but it says ${digest}`),
      );
    expect(await readers(file, false)).toEqual(Array<string>(4).fill('accepted'));
  });

  it.each([
    ['another threshold', 'spec', (text: string) => text.replace('"threshold":1', '"threshold":2')],
    ['other classes', 'classes', (text: string) => text.replace('top left', 'top lift')],
    ['another digest of the data', 'dataDigest', (text: string) => `0${text.slice(1)}`.replace(/^00/, '10')],
  ])('with %s in its metadata is refused by every reader', async (_, entry, change) => {
    const file = path.join(copy(), 'model.safetensors');
    const { tensors, metadata } = decodeSafetensors(readFileSync(file));
    const changed = change(metadata[entry] as string);
    expect(changed).not.toBe(metadata[entry]);
    writeFileSync(file, encodeSafetensors({ tensors, metadata: { ...metadata, [entry]: changed } }));
    for (const message of await readers(file)) expect(message).toMatch(/^files: .*metadata do not match their digest/);
    expect(await readers(file, false)).toEqual(Array<string>(4).fill('accepted'));
  });

  it('of an earlier version, which has the digest of its weights only, is read', async () => {
    const file = path.join(copy(), 'model.safetensors');
    const { tensors, metadata } = decodeSafetensors(readFileSync(file));
    const { metadataDigest: _, ...earlier } = metadata;
    writeFileSync(file, encodeSafetensors({ tensors, metadata: earlier }));
    expect(await readers(file)).toEqual(Array<string>(4).fill('accepted'));
  });

  it('whose metadata are not what pff writes there is said to be so, with verify: false too', async () => {
    const file = path.join(copy(), 'model.safetensors');
    const { tensors, metadata } = decodeSafetensors(readFileSync(file));
    for (const [entry, text] of [
      ['spec', '[1]'],
      ['spec', 'null'],
      ['spec', '{'],
      ['spec', '{"layers":"x"}'],
      ['classes', '3'],
      ['classes', '["a"]'],
      ['classes', '{}'],
      ['classes', '[1,2]'],
      ['classes', '['],
      ['interruptedAfterChapters', 'many'],
    ] as const) {
      writeFileSync(file, encodeSafetensors({ tensors, metadata: { ...metadata, [entry]: text } }));
      expect(await said(() => readModel(file, { verify: false }))).toMatch(
        new RegExp(`^files: .*${entry} in the metadata of the model `),
      );
      expect(await said(datasetOfRun(file, undefined, { verify: false }))).toMatch(/^files: /);
    }
  });
});

it('a run whose name has a dot is exported into its own folder', async () => {
  const dotted = path.join(folder, 'run.v1.2');
  cpSync(run, dotted, { recursive: true });
  expect((await exportModel(dotted, { to: 'npz' })).file).toBe(path.join(dotted, 'model.npz'));
});

describe('an NPZ archive', () => {
  it('with a flipped bit is refused as a model, and as data', async () => {
    const { file } = await exportModel(run, { to: 'npz' });
    expect(await said(importModel(file, { out: path.join(folder, 'whole') }))).toBe('accepted');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000);
    const bad = path.join(folder, 'bad.npz');
    writeFileSync(bad, bytes);
    expect(await said(importModel(bad, { out: path.join(folder, 'bad') }))).toMatch(/^data: .*CRC-32/);

    const x = encodeNpy(
      [4, 2, 2],
      Uint8Array.from({ length: 16 }, (_, i) => i),
    );
    const data = await encodeNpz({ 'x_train.npy': x, 'y_train.npy': encodeNpy([4], Uint8Array.of(0, 1, 0, 1)) });
    const own = path.join(folder, 'own.npz');
    writeFileSync(own, data);
    expect((await loadNpz(own, { testShare: 0.5 })).train.count).toBe(2);
    data[170] = 99;
    writeFileSync(own, data);
    expect(await said(loadNpz(own, { testShare: 0.5 }))).toMatch(/^data: .*CRC-32/);
    expect(await said(loadNpz(own, { testShare: 0.5, verify: false }))).toBe('accepted');
  });
});

describe('a spec.json that was changed between stop and resume', () => {
  const resumed = async (changed: string): Promise<string> =>
    said(async () => {
      for await (const _ of train({ resume: changed }, dataset));
    });

  function edited(change: Partial<RunSpec>): string {
    const to = copy();
    const file = path.join(to, 'spec.json');
    const spec = JSON.parse(readFileSync(file, 'utf8')) as RunSpec;
    writeFileSync(file, JSON.stringify({ ...spec, ...change }));
    return to;
  }

  it.each<Partial<RunSpec>>([
    { seed: 4 },
    { learningRate: 0.03 },
    { threshold: 1.5 },
    { batch: 8 },
    { trainSamples: 100 },
    { negatives: 'random' },
    { cooldownAfter: 0.9 },
    { optimizer: 'sgd' },
    { splits: 2 },
    { epochs: 2, splits: 2 },
  ])('%j is refused as the same flag is', async (change) => {
    const [field] = Object.keys(change) as [SpecField];
    const byFlag = await said(async () => {
      for await (const _ of train({ resume: run, spec: change }, dataset));
    });
    expect(byFlag).toMatch(new RegExp(`^usage: .*(${field}|chapters|epochs)`));
    const byFile = await resumed(edited(change));
    expect(byFile).toContain('spec.json was changed since the run trained by it');
    expect(byFile).toContain(byFlag.replace(/^usage: /, ''));
  });

  it('more epochs are allowed, as by the flag, with the bits of the long run', async () => {
    const to = edited({ epochs: 8, splits: 8 });
    const long = await trainToEnd({ spec: toySpec({ cooldownAfter: 1, epochs: 8 }) }, dataset);
    expect((await trainToEnd({ resume: to }, dataset)).modelDigest).toBe(long.modelDigest);
  });
});

describe('a checkpoint', () => {
  const noteOf = (to: string): string => path.join(to, 'checkpoint', 'run.json');

  it('of another version, of another format, or with a note that was altered, is refused', async () => {
    const cases: readonly [(text: string) => string, RegExp][] = [
      [(text) => text.replace('"nodes": 1', '"nodes": 2'), /^files: .*run\.json is damaged/],
      [(text) => text.replace('"spec": {', '"spec": 7, "x": {'), /^files: .*run\.json is damaged/],
      [
        (text) => text.replace('checkpoint/2', 'checkpoint/1'),
        /^files: .*format is pff-checkpoint\/1, of another version/,
      ],
      [() => 'null', /^files: .*run\.json is damaged/],
      [() => '[]', /^files: .*run\.json is damaged/],
      [(text) => text.slice(0, 100), /^files: .*run\.json is damaged/],
    ];
    for (const [change, message] of cases) {
      const to = copy();
      const text = readFileSync(noteOf(to), 'utf8');
      expect(change(text)).not.toBe(text);
      writeFileSync(noteOf(to), change(text));
      expect(await said(() => trainToEnd({ resume: to }, dataset))).toMatch(message);
    }
  });

  it('of another version, or with other numerics, is refused even with a right digest', async () => {
    for (const [field, message] of [
      ['version', /^files: .*pff 0\.0\.9 began it, and this is pff/],
      ['numerics', /^usage: the run has numerics 0\.0\.9, but kernels .* compute f32-fma/],
    ] as const) {
      const to = copy();
      const { format, digest: _, ...note } = JSON.parse(readFileSync(noteOf(to), 'utf8')) as Record<string, unknown>;
      const other = { ...note, [field]: '0.0.9' };
      const sum = createHash('sha256').update(JSON.stringify(other)).digest('hex');
      writeFileSync(noteOf(to), JSON.stringify({ format, digest: sum, ...other }));
      expect(await said(() => trainToEnd({ resume: to }, dataset))).toMatch(message);
    }
  });

  it('whose files are of another run is trained again from the start, to its own bits', async () => {
    const other = path.join(folder, 'other');
    await trainToEnd({ spec: toySpec({ cooldownAfter: 1, seed: 9 }), out: other }, dataset);
    const to = copy();
    const states = readdirSync(path.join(to, 'checkpoint')).filter((name) => name.endsWith('.state'));
    for (const name of states) cpSync(path.join(other, 'checkpoint', name), path.join(to, 'checkpoint', name));
    for await (const event of train({ resume: to }, dataset)) {
      if (event.type === 'resumed') {
        expect(event.damaged.length).toBe(states.length);
        expect(event.damaged[0]?.reason).toMatch(/of another run: its spec is/);
      }
      if (event.type === 'finished') expect(event.result.modelDigest).toBe(digest);
    }
  });
});
