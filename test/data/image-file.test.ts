/** PNG files for `pff predict`: grey, colour, transparent, and those that do not fit. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import { decodePng, readImageFile } from '../../src/data/sources/image-file.js';
import { describeError, errorOf, temporaryFolder } from './helpers.js';

const GREY = { width: 2, height: 2, channels: 1 };
const COLOUR = { width: 2, height: 2, channels: 3 };

/** A PNG of 2 x 2 pixels, given as RGBA. */
function png(rgba: readonly number[], width = 2, height = 2): Uint8Array {
  const image = new PNG({ width, height });
  image.data = Buffer.from(rgba);
  return PNG.sync.write(image);
}

/** Four opaque pixels. */
const opaque = (...pixels: (readonly [number, number, number])[]): number[] =>
  pixels.flatMap((pixel) => [...pixel, 255]);

test('a grey image comes out byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (grey) => {
      const bytes = png([...grey].flatMap((value) => [value, value, value, 255]));
      expect([...decodePng(bytes, 'x', GREY)]).toEqual([...grey]);
      expect([...decodePng(bytes, 'x', COLOUR)]).toEqual([...grey, ...grey, ...grey]);
    }),
  );
});

test('grey PNGs of 8 bits, and colour as luma', () => {
  const image = new PNG({ width: 2, height: 2 });
  image.data = Buffer.from(opaque([10, 10, 10], [20, 20, 20], [30, 30, 30], [255, 255, 255]));
  const grey = PNG.sync.write(image, { colorType: 0 });
  expect([...decodePng(grey, 'x', GREY)]).toEqual([10, 20, 30, 255]);
  const colour = png(opaque([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]));
  expect([...decodePng(colour, 'x', GREY)]).toEqual([76, 150, 29, 226]);
});

test('colour comes out plane by plane', () => {
  const bytes = png(opaque([1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]));
  expect([...decodePng(bytes, 'x', COLOUR)]).toEqual([1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]);
});

test('transparent pixels lie over black', () => {
  const bytes = png([200, 200, 200, 0, 200, 200, 200, 51, 255, 0, 0, 128, 9, 9, 9, 255]);
  expect([...decodePng(bytes, 'x', GREY)]).toEqual([0, 40, 38, 9]);
  expect([...decodePng(bytes, 'x', COLOUR)].slice(0, 4)).toEqual([0, 40, 128, 9]);
});

test('files that do not fit', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'x.png');
  const read = (): Promise<Uint8Array> => readImageFile(path, GREY);
  expect(await describeError(read)).toMatch(
    /^data: .*x\.png cannot be read: ENOENT.* \| Check the path and the rights of the file\.$/,
  );

  await writeFile(path, 'GIF89a');
  expect(await describeError(read)).toBe(`data: ${path}: not a PNG image | Convert the image to PNG.`);

  await writeFile(
    path,
    png(
      Array.from({ length: 12 }, () => 0),
      3,
      1,
    ),
  );
  expect(await describeError(read)).toBe(
    `data: ${path}: the image is 3 x 1 pixels, but the network was trained on 2 x 2 | Scale the image to 2 x 2 pixels.`,
  );

  const good = png(opaque([1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]));
  await writeFile(path, good);
  expect([...(await read())]).toEqual([1, 2, 3, 4]);

  expect(await describeError(() => decodePng(good.subarray(0, 20), 'f', GREY))).toBe(
    'data: f: truncated or damaged PNG image (no header) | Write the image again.',
  );
  expect(await describeError(() => decodePng(good, 'f', { width: 2, height: 2, channels: 2 }))).toBe(
    'data: f: PNG cannot give images of 2 channels | Use a network for grey (1 channel) or colour (3 channels) images.',
  );
});

test('any cut, and any changed byte, gives an image or a PffError', async () => {
  const good = png(opaque([1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]));
  for (let cut = 0; cut < good.length - 12; cut++) {
    const error = await errorOf(() => decodePng(good.subarray(0, cut), 'f', GREY));
    expect(error.code).toBe('data');
  }
  const changed = good.slice();
  changed[45] = (changed[45] ?? 0) ^ 0xff;
  expect(await describeError(() => decodePng(changed, 'f', GREY))).toMatch(
    /^data: f: truncated or damaged PNG image \(.+\) \| Write the image again\.$/,
  );
});

test('what other programs read is read: bytes after the end, no end, more rows than the header says', () => {
  const whole = Buffer.from(png(opaque([10, 10, 10], [20, 20, 20], [30, 30, 30], [255, 255, 255])));
  const right = [10, 20, 30, 255];
  const end = whole.length - 12;
  expect([...decodePng(Buffer.concat([whole, Buffer.from('\n')]), 'x', GREY)]).toEqual(right);
  expect([...decodePng(Buffer.concat([whole, Buffer.alloc(100, 7)]), 'x', GREY)]).toEqual(right);
  expect([...decodePng(whole.subarray(0, end), 'x', GREY)]).toEqual(right);
  const tall = Buffer.from(
    png(opaque([10, 10, 10], [20, 20, 20], [30, 30, 30], [255, 255, 255], [1, 1, 1], [2, 2, 2]), 2, 3),
  );
  tall.writeUInt32BE(2, 20);
  tall.writeUInt32BE(crc32(tall.subarray(12, 29)), 29);
  expect([...decodePng(tall, 'x', GREY)]).toEqual(right);
});

test('what is damaged is not: cut short, or a flipped bit', async () => {
  const whole = Buffer.from(png(opaque([10, 10, 10], [20, 20, 20], [30, 30, 30], [255, 255, 255])));
  const flipped = Buffer.from(whole);
  flipped.writeUInt8(flipped.readUInt8(45) ^ 1, 45);
  expect(await describeError(() => decodePng(flipped, 'x', GREY))).toMatch(
    /^data: x: .*"IDAT" does not match its CRC-32/,
  );
  expect(await describeError(() => decodePng(whole.subarray(0, 50), 'x', GREY))).toMatch(/^data: x: .*cut short/);
});

test('an image that is all black over black, for its colours are in its transparency, is refused', async () => {
  const ink = png([0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 255]);
  expect(await describeError(() => decodePng(ink, 'x', GREY))).toMatch(
    /^data: x: laid over black, .* nothing of the image can be seen/,
  );
});
