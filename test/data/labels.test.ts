/** Where labels stand in the first layer's input, the scales that give rows unit length, and label rows of a batch. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ImageShape, imageSize, type Samples, takeSamples } from '../../src/data/dataset.js';
import { fillNeutral, fillOneHot, fillSameLabel, labelLayout, labelNorms, rowScales } from '../../src/data/labels.js';
import { describeError } from './helpers.js';

const shapes = fc.record({
  width: fc.integer({ min: 2, max: 5 }),
  height: fc.integer({ min: 2, max: 5 }),
  channels: fc.constantFrom(1, 3),
});
const modes = fc.constantFrom('overlay' as const, 'append' as const);

function samplesOf(shape: ImageShape, images: Uint8Array): Samples {
  const count = images.length / imageSize(shape);
  return { count, images, labels: new Uint8Array(count) };
}

test('the layouts of MNIST and CIFAR-10', () => {
  const mnist = { width: 28, height: 28, channels: 1 };
  const cifar = { width: 32, height: 32, channels: 3 };
  expect(labelLayout(mnist, 10, 'overlay')).toEqual({ skip: 10, prefix: 774, suffix: 10, inputs: 784 });
  expect(labelLayout(mnist, 10, 'append')).toEqual({ skip: 0, prefix: 784, suffix: 10, inputs: 794 });
  expect(labelLayout(cifar, 10, 'overlay')).toEqual({ skip: 10, prefix: 3062, suffix: 10, inputs: 3072 });
});

test('labels that do not fit', async () => {
  const small = { width: 3, height: 3, channels: 1 };
  expect(await describeError(() => labelLayout(small, 9, 'overlay'))).toBe(
    'data: a label of 9 values cannot be written over an image of 9 values | Use --label-mode append: it adds the label as extra inputs.',
  );
  expect(labelLayout(small, 8, 'overlay').prefix).toBe(1);
  expect(labelLayout(small, 9, 'append').inputs).toBe(18);
  expect(await describeError(() => labelLayout(small, 1, 'append'))).toBe(
    'data: labels need at least two classes, but the dataset has 1 | Check the label files: every label is the same, or there are none.',
  );
  const layout = labelLayout(small, 2, 'append');
  expect(
    await describeError(() =>
      rowScales({ count: 2, images: new Uint8Array(17), labels: new Uint8Array(2) }, layout, 1, false),
    ),
  ).toBe(
    'data: 2 images of 9 values each need 18 bytes, but there are 17 | The layout was made for images of another size.',
  );
});

test('each row [image part | label part] has unit length', () => {
  const cases = fc.record({ shape: shapes, mode: modes, neutral: fc.boolean() }).chain(({ shape, mode, neutral }) => {
    const length = 3 * imageSize(shape);
    return fc.record({
      shape: fc.constant(shape),
      mode: fc.constant(mode),
      neutral: fc.constant(neutral),
      subtractMean: fc.boolean(),
      images: fc.uint8Array({ minLength: length, maxLength: length }),
    });
  });
  fc.assert(
    fc.property(cases, ({ shape, mode, neutral, subtractMean, images }) => {
      const classes = 3;
      const layout = labelLayout(shape, classes, mode);
      const samples = samplesOf(shape, images);
      const scales = rowScales(samples, layout, labelNorms(layout)[neutral ? 'neutral' : 'oneHot'], subtractMean);
      expect(scales.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
      expect(scales.label.buffer).toBeInstanceOf(SharedArrayBuffer);
      const labels = new Float32Array(samples.count * classes);
      if (neutral) fillNeutral(scales.label, classes, labels);
      else fillOneHot(samples.labels, scales.label, classes, labels);
      for (let i = 0; i < samples.count; i++) {
        const image = takeSamples(samples, 1, i).images.subarray(layout.skip);
        expect(image.length).toBe(layout.prefix);
        let norm = 0;
        const mean = scales.mean?.[i] ?? 0;
        let sum = 0;
        for (const byte of image) {
          const value = byte * (scales.bytes[i] ?? 0) - mean;
          norm += value ** 2;
          sum += value;
        }
        if (subtractMean) expect(sum).toBeCloseTo(0, 4);
        for (const value of labels.subarray(i * classes, (i + 1) * classes)) norm += value ** 2;
        expect(norm).toBeCloseTo(1, 5);
      }
    }),
  );
});

test('an image of zeros: the label alone has unit length', () => {
  const shape = { width: 4, height: 4, channels: 1 };
  const samples = samplesOf(shape, new Uint8Array(16));
  const layout = labelLayout(shape, 4, 'overlay');
  expect([...rowScales(samples, layout, 1, false).label]).toEqual([1]);
  expect([...rowScales(samples, layout, 1 / 4, false).label]).toEqual([2]);
  expect(rowScales(samples, layout, 0, false)).toEqual({ bytes: new Float32Array(1), label: new Float32Array(1) });
});

test('scales are the stated formula, rounded once to f32', () => {
  const shape = { width: 2, height: 2, channels: 1 };
  const samples = samplesOf(shape, Uint8Array.of(200, 100, 51, 255));
  // In overlay mode the two values under the label do not count.
  const length = Math.sqrt((51 * 51 + 255 * 255) / 65025 + 1);
  const scales = rowScales(samples, labelLayout(shape, 2, 'overlay'), 1, false);
  expect(scales.bytes[0]).toBe(Math.fround(1 / (255 * length)));
  expect(scales.label[0]).toBe(Math.fround(1 / length));
});

test('label rows are written where they belong, and nowhere else', () => {
  const labels = Uint8Array.of(2, 0, 1);
  const scale = Float32Array.of(0.5, 0.25, 0.125);
  const out = new Float32Array(12).fill(9);
  fillOneHot(labels, scale, 3, out, 1);
  expect([...out]).toEqual([9, 9, 9, 0, 0, 0.5, 0.25, 0, 0, 0, 0.125, 0]);
  fillOneHot(labels, scale, 3, out, 0, Uint32Array.of(2, 2));
  expect([...out.subarray(0, 6)]).toEqual([0, 0.125, 0, 0, 0.125, 0]);
  fillSameLabel(0, scale, 3, out, 2, Uint32Array.of(1));
  expect([...out.subarray(6, 9)]).toEqual([0.25, 0, 0]);
  fillSameLabel(1, scale, 3, out);
  expect([...out.subarray(0, 9)]).toEqual([0, 0.5, 0, 0, 0.25, 0, 0, 0.125, 0]);
  fillNeutral(Float32Array.of(3, 6), 3, out, 1, Uint32Array.of(1, 0));
  expect([...out.subarray(3, 9)]).toEqual([2, 2, 2, 1, 1, 1]);
});

test('rows that do not fit are an error, not lost', () => {
  const scale = Float32Array.of(1, 1);
  const out = new Float32Array(5);
  expect(() => fillOneHot(Uint8Array.of(0, 1), scale, 3, out)).toThrow('rows 0 … 1 of 3 values do not fit in 5 values');
  expect(() => fillNeutral(scale, 2, out, 1)).toThrow('rows 1 … 2 of 2 values do not fit in 5 values');
  expect(() => fillSameLabel(0, scale, 2, out, 1)).toThrow(RangeError);
});

test('taking samples: views of the same memory, within bounds', async () => {
  const samples: Samples = { count: 3, images: Uint8Array.of(1, 2, 3, 4, 5, 6), labels: Uint8Array.of(7, 8, 9) };
  const taken = takeSamples(samples, 2, 1);
  expect([taken.count, [...taken.images], [...taken.labels]]).toEqual([2, [3, 4, 5, 6], [8, 9]]);
  expect(taken.images.buffer).toBe(samples.images.buffer);
  expect(takeSamples(samples, 0, 3).labels.length).toBe(0);
  expect(await describeError(() => takeSamples(samples, 3, 1))).toBe(
    'usage: asked for 3 samples from number 1 on, but there are 3 | Ask for fewer samples.',
  );
});
