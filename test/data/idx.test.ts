/** The IDX codec: what is written is read back, and every way a file can be wrong has its error. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkCounts, parseIdx, parseIdxImages, parseIdxLabels, writeIdx } from '../../src/data/idx.js';
import { describeError } from './helpers.js';

const GOOD = writeIdx({ dims: [2, 3, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i * 20) });
const arrays = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }).chain((dims) => {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return fc.record({ dims: fc.constant(dims), data: fc.uint8Array({ minLength: length, maxLength: length }) });
});

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

test('what is written is read back, also from the middle of a buffer', () => {
  fc.assert(
    fc.property(arrays, fc.integer({ min: 0, max: 7 }), (array, offset) => {
      const bytes = writeIdx(array);
      const buffer = new Uint8Array(offset + bytes.length);
      buffer.set(bytes, offset);
      const { dims, data } = parseIdx(buffer.subarray(offset), 'x');
      expect([...dims]).toEqual(array.dims);
      expect([...data]).toEqual([...array.data]);
    }),
  );
});

test('the bytes are those of the format: magic 0x00000803, big-endian dimensions', () => {
  expect([...GOOD.subarray(0, 17)]).toEqual([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0]);
});

test('any cut and any growth of a file is found', () => {
  fc.assert(
    fc.property(arrays, fc.nat(), fc.integer({ min: 1, max: 5 }), (array, cut, grow) => {
      const bytes = writeIdx(array);
      expect(() => parseIdx(bytes.subarray(0, cut % bytes.length), 'x')).toThrow(/^x: truncated/);
      const longer = new Uint8Array(bytes.length + grow);
      longer.set(bytes);
      expect(() => parseIdx(longer, 'x')).toThrow(/^x: too long/);
    }),
  );
});

describe('broken files', () => {
  const again = 'Get the file again, or check that it is the one you meant.';
  const cases: [string, () => unknown, string][] = [
    [
      'empty',
      () => parseIdx(new Uint8Array(0), 'f'),
      `data: f: truncated: an IDX file starts with 4 bytes of magic number, but there are only 0 bytes | ${again}`,
    ],
    [
      'header cut off',
      () => parseIdx(GOOD.subarray(0, 10), 'f'),
      `data: f: truncated: 3 dimensions need a header of 16 bytes, but there are only 10 bytes | ${again}`,
    ],
    [
      'values cut off',
      () => parseIdx(GOOD.subarray(0, 20), 'f'),
      `data: f: truncated: 2 x 3 x 2 values need 12 bytes after the header, but there are only 4 | ${again}`,
    ],
    [
      'dimensions larger than any file',
      () => parseIdx(Uint8Array.of(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255), 'f'),
      `data: f: truncated: 4294967295 x 4294967295 values need 18446744065119617000 bytes after the header, but there are only 0 | ${again}`,
    ],
    [
      'too long',
      () => parseIdx(changed(GOOD, 7, 1), 'f'),
      `data: f: too long: 1 x 3 x 2 values need 6 bytes after the header, but there are 12 | ${again}`,
    ],
    [
      'not IDX',
      () => parseIdx(Uint8Array.of(0x89, 0x50, 0x4e, 0x47), 'f'),
      'data: f: wrong magic number 0x89504e47: an IDX file starts with two zero bytes | Give a file in IDX form, such as train-images-idx3-ubyte.',
    ],
    [
      'gzip without the ending',
      () => parseIdx(Uint8Array.of(0x1f, 0x8b, 8, 0), 'f'),
      'data: f: wrong magic number: the file is gzip, not IDX | Unpack it, or keep the ending .gz in its name so that it is unpacked.',
    ],
    [
      'floats',
      () => parseIdx(changed(GOOD, 2, 0x0d), 'f'),
      'data: f: wrong magic number 0x00000d03: holds 32-bit floats, but unsigned bytes (0x08) are needed | Write the data as unsigned bytes.',
    ],
    [
      'unknown type',
      () => parseIdx(changed(GOOD, 2, 0x42), 'f'),
      'data: f: wrong magic number 0x00004203: holds values of unknown type 0x42, but unsigned bytes (0x08) are needed | Write the data as unsigned bytes.',
    ],
    [
      'no dimensions',
      () => parseIdx(Uint8Array.of(0, 0, 8, 0), 'f'),
      `data: f: wrong magic number 0x00000800: no dimensions | ${again}`,
    ],
    [
      'labels for images',
      () => parseIdxImages(writeIdx({ dims: [3], data: new Uint8Array(3) }), 'f'),
      'data: f: images need 3 dimensions (count x height x width), but there is 1 (3) | This looks like a file of labels.',
    ],
    [
      'colour images',
      () => parseIdxImages(writeIdx({ dims: [1, 2, 2, 3], data: new Uint8Array(12) }), 'f'),
      'data: f: images need 3 dimensions (count x height x width), but there are 4 (1 x 2 x 2 x 3) | Give images of one channel.',
    ],
    [
      'empty images',
      () => parseIdxImages(writeIdx({ dims: [5, 0, 2], data: new Uint8Array(0) }), 'f'),
      'data: f: images of 2 x 0 pixels are empty | Check how the file was written.',
    ],
    [
      'images for labels',
      () => parseIdxLabels(GOOD, 'f'),
      'data: f: labels need 1 dimension (count), but there are 3 (2 x 3 x 2) | This looks like a file of images.',
    ],
    [
      'label pairs',
      () => parseIdxLabels(writeIdx({ dims: [1, 2], data: new Uint8Array(2) }), 'f'),
      'data: f: labels need 1 dimension (count), but there are 2 (1 x 2) | Give one byte a label.',
    ],
    [
      'label out of range',
      () => parseIdxLabels(writeIdx({ dims: [3], data: Uint8Array.of(9, 10, 11) }), 'f', 10),
      'data: f: label 10 of sample 1 is out of range: there are 10 classes | Labels must be 0 … 9.',
    ],
    [
      'counts differ',
      () => checkCounts(2, 'a', 3, 'b'),
      'data: a has 2 images, but b has 3 labels | Both files must be of the same split (train or t10k) of the same dataset.',
    ],
    ['no images', () => checkCounts(0, 'a', 0, 'b'), 'data: a has no images | Give at least one.'],
    [
      'writing what does not fit',
      () => writeIdx({ dims: [2, 2], data: new Uint8Array(3) }),
      'data: dimensions [2, 2] do not fit 3 bytes of data | Give 1 to 255 dimensions whose product is the number of bytes.',
    ],
  ];
  test.each(cases)('%s', async (_, work, expected) => {
    expect(await describeError(work)).toBe(expected);
  });
});

test('images know their size, and labels below the number of classes pass', () => {
  expect(parseIdxImages(GOOD, 'f')).toMatchObject({ count: 2, height: 3, width: 2 });
  expect([...parseIdxLabels(writeIdx({ dims: [2], data: Uint8Array.of(0, 9) }), 'f', 10)]).toEqual([0, 9]);
  expect([...parseIdxLabels(writeIdx({ dims: [1], data: Uint8Array.of(255) }), 'f')]).toEqual([255]);
});
