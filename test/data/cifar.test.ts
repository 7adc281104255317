/** The CIFAR-10 codec: records are written and read back; broken files have their errors. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cifarRecords, parseCifar, writeCifar } from '../../src/data/cifar.js';
import { describeError } from './helpers.js';

const TWO = writeCifar(new Uint8Array(2 * 3072).fill(7), Uint8Array.of(3, 9));

test('what is written is read back, at any row', () => {
  const samples = fc.uint8Array({ min: 0, max: 9, minLength: 1, maxLength: 3 }).chain((labels) =>
    fc.record({
      labels: fc.constant(labels),
      images: fc.uint8Array({ minLength: labels.length * 3072, maxLength: labels.length * 3072 }),
    }),
  );
  fc.assert(
    fc.property(samples, fc.integer({ min: 0, max: 2 }), ({ labels, images }, row) => {
      const outImages = new Uint8Array((row + labels.length) * 3072);
      const outLabels = new Uint8Array(row + labels.length);
      expect(parseCifar(writeCifar(images, labels), 'x', outImages, outLabels, row)).toBe(labels.length);
      expect([...outLabels.subarray(row)]).toEqual([...labels]);
      expect(Buffer.compare(outImages.subarray(row * 3072), images)).toBe(0);
    }),
    { numRuns: 20 },
  );
});

test('a record is the label, then red, green and blue planes', () => {
  const image = new Uint8Array(3072);
  image.fill(1, 0, 1024).fill(2, 1024, 2048).fill(3, 2048);
  const bytes = writeCifar(image, Uint8Array.of(5));
  expect([bytes.length, bytes[0], bytes[1], bytes[1024], bytes[1025], bytes[2049], bytes[3072]]).toEqual([
    3073, 5, 1, 1, 2, 3, 3,
  ]);
});

describe('broken files', () => {
  const get = 'Get the binary version of CIFAR-10 (not the Python or Matlab one) again: pff data get cifar10.';
  const whole = 'bytes are no whole number of records of 3073 bytes';
  const into = [new Uint8Array(2 * 3072), new Uint8Array(2)] as const;
  const wrongLabel = TWO.slice();
  wrongLabel[3073] = 10;
  const cases: [string, () => unknown, string][] = [
    [
      'empty',
      () => cifarRecords(new Uint8Array(0), 'f'),
      `data: f: truncated or not CIFAR-10 binary data: 0 ${whole} | ${get}`,
    ],
    [
      'cut off',
      () => parseCifar(TWO.subarray(1), 'f', ...into),
      `data: f: truncated or not CIFAR-10 binary data: 6145 ${whole} | ${get}`,
    ],
    [
      'label out of range',
      () => parseCifar(wrongLabel, 'f', ...into),
      'data: f: label 10 of record 1 is out of range: there are 10 classes | Labels must be 0 … 9: is this the binary version of CIFAR-10 (not of CIFAR-100)?',
    ],
    [
      'no room',
      () => parseCifar(TWO, 'f', ...into, 1),
      'data: f: 2 records, but there is room for 1 | Check that the file is the one you meant.',
    ],
    [
      'writing too few pixels',
      () => writeCifar(new Uint8Array(5), Uint8Array.of(1)),
      'data: 1 CIFAR-10 images need 3072 bytes, but there are 5 | Give 32 x 32 pixels in three planes an image.',
    ],
    [
      'writing a wrong label',
      () => writeCifar(new Uint8Array(3072), Uint8Array.of(10)),
      'data: label 10 of record 0 is out of range: there are 10 classes | Labels must be 0 … 9.',
    ],
  ];
  test.each(cases)('%s', async (_, work, expected) => {
    expect(await describeError(work)).toBe(expected);
  });
});
