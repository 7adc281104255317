/** Files that claim, or unpack to, more than can be right; devices and pipes: refused before memory is taken or time is lost. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBytes } from '../../src/data/sources/files.js';
import { readImageFile } from '../../src/data/sources/image-file.js';
import { decodeRgba } from '../../src/data/readers/png.js';
import { readRegularFile, readTextFile } from '../../src/data/sources/regular-file.js';
import { encodeNpy, parseNpy } from '../../src/formats/npy.js';
import { parseNpz } from '../../src/formats/npz.js';
import { decodeSafetensors } from '../../src/formats/safetensors.js';
import { readModel } from '../../src/run/saved-model.js';
import { pff } from '../cli/helpers.js';
import { describeError } from './helpers.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-bounds-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string, bytes: Uint8Array): string => {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

/** The most memory that `work` added, roughly, in bytes. */
async function taken(work: () => unknown): Promise<number> {
  const before = process.memoryUsage();
  await work();
  const after = process.memoryUsage();
  return after.external + after.arrayBuffers - before.external - before.arrayBuffers;
}

it('a gzip file that unpacks to a thousand times its size', async () => {
  const file = at('bomb.csv.gz', gzipSync(new Uint8Array(200e6)));
  expect(await describeError(() => readBytes(file))).toMatch(
    /^data: .*bytes unpack to more than the 67108864 that are read/,
  );
  expect((await readBytes(at('fine.csv.gz', gzipSync(new Uint8Array(20e6))))).length).toBe(20e6);
});

it('safetensors whose tensors overlap: refused before any is allocated', async () => {
  const entry = { dtype: 'F32', shape: [1_000_000], data_offsets: [0, 4_000_000] };
  const entries = Array.from({ length: 400 }, (_, i) => [`t${i}`, entry] as const);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const bytes = Buffer.alloc(8 + header.length + 4_000_000);
  bytes.writeBigUInt64LE(BigInt(header.length));
  header.copy(bytes, 8);
  expect(
    await taken(async () => {
      expect(await describeError(() => decodeSafetensors(bytes))).toMatch(/^files: .*leave a gap or overlap at byte 0/);
    }),
  ).toBeLessThan(100e6);
});

it('an NPZ archive whose files unpack to more than can be right, or to more than they claim', async () => {
  const file = path.join(folder, 'bomb.npz');
  const zip = await import('@zip.js/zip.js');
  const writer = new zip.ZipWriter(new zip.Uint8ArrayWriter(), { level: 9, useWebWorkers: false });
  await writer.add('x_train.npy', new zip.Uint8ArrayReader(encodeNpy([150_000, 28, 28], new Uint8Array(117_600_000))));
  const bytes = await writer.close();
  writeFileSync(file, bytes);
  expect(await describeError(() => parseNpz(bytes, file))).toMatch(
    /^data: .*are said to unpack to 1176001\d\d, but at most 67108864/,
  );
  // The directory says 100 bytes; the data have a million times more.
  const lying = Buffer.from(bytes);
  const directory = lying.indexOf(Buffer.from('PK\u0001\u0002', 'latin1'));
  lying.writeUInt32LE(100, directory + 24);
  expect(await describeError(() => parseNpz(lying, file))).toMatch(/^data: .*not an NPZ file, or damaged/);
});

it.each(['(-6, -4)', '(2.5, 4)', '(0x10,)', "('a',)", '(1e3,)', '(6, , 4)'])(
  'an NPY array of shape %s',
  async (shape) => {
    const bytes = Buffer.from(encodeNpy([6, 4], new Float32Array(24)));
    bytes.write(`'shape': ${shape}, }`.padEnd(40), bytes.indexOf("'shape'"), 'latin1');
    expect(await describeError(() => parseNpy(bytes, 'x'))).toMatch(/^data: x: .*no whole number/);
  },
);

it('PNG images, interlaced or not, that unpack to far more than their size needs, or claim to be huge', async () => {
  const image = (width: number, interlace: number, data: Uint8Array): Buffer => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(width, 4);
    header.set([8, 0, 0, 0, interlace], 8);
    const chunk = (type: string, body: Uint8Array): Buffer => {
      const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), body, Buffer.alloc(4)]);
      bytes.writeUInt32BE(body.length, 0);
      bytes.writeUInt32BE(crc(bytes.subarray(4, -4)), bytes.length - 4);
      return bytes;
    };
    return Buffer.concat([
      Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(data)),
      chunk('IEND', Buffer.alloc(0)),
    ]);
  };
  const shape = { width: 8, height: 8, channels: 1 };
  for (const interlace of [0, 1]) {
    const bomb = at(`bomb-${interlace}.png`, image(8, interlace, new Uint8Array(300e6)));
    expect(
      await taken(async () => {
        expect(await describeError(() => readImageFile(bomb, shape))).toMatch(
          /^data: .*damaged PNG image \(its data unpack to far more than its size needs\)/,
        );
      }),
    ).toBeLessThan(50e6);
    // 8 x 8 pixels: 72 bytes with the rows' filter bytes, 79 in seven passes.
    expect(decodeRgba(image(8, interlace, new Uint8Array(interlace ? 79 : 72)), 'x').length).toBe(256);
  }
  expect(await describeError(() => decodeRgba(image(60_000, 0, new Uint8Array(9)), 'x'))).toMatch(
    /^data: x: an image of 60000 x 60000 pixels is not read/,
  );
});

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

it('devices, pipes and folders are no files; a pipe is read where it is asked for', async () => {
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const zero = path.join(folder, 'zero');
  symlinkSync('/dev/zero', zero);
  for (const [file, kind] of [
    ['/dev/zero', 'a device'],
    [zero, 'a device'],
    [pipe, 'a pipe'],
    [folder, 'a folder'],
  ] as const) {
    expect(await describeError(() => readBytes(file))).toMatch(
      `data: ${file} cannot be read: it is ${kind}, not a file`,
    );
    if (file !== folder)
      expect(await describeError(() => readModel(file))).toMatch(
        `files: cannot read ${file}: it is ${kind}, not a file`,
      );
  }
  expect(() => readTextFile('/dev/zero')).toThrow('it is a device, not a file');
  expect(() => readRegularFile(at('long', new Uint8Array(11)), { maxBytes: 10 })).toThrow(
    /it has 11 bytes, and at most 10/,
  );
  const { code, stderr } = await pff(['train', '--config', '/dev/zero'], folder);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--config /dev/zero cannot be read: it is a device')]);
});
