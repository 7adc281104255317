/** Shifted and mirrored images: what each pixel becomes, how moves are drawn, and that rows keep their unit length. */
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { imageSize, type ImageShape } from '../../src/data/dataset.js';
import { augmentation, moveImage, moves, type Move } from '../../src/model/augment.js';
import { labelled } from '../../src/run/prepare.js';
import { labelLayout } from '../../src/data/labels.js';
import { RandomStream } from '../../src/random.js';
import { toyDataset } from '../helpers/tiny.js';

/** Pixel by pixel, as the definition has it. */
function moveByPixels(image: Uint8Array, { width, height }: ImageShape, move: Move): Uint8Array {
  const at = (c: number, y: number, x: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (image[(c * height + y) * width + x] ?? 0);
  return Uint8Array.from({ length: image.length }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (width * height)), Math.floor(i / width) % height, i % width];
    return at(c, y - move.dy, (move.mirrored ? width - 1 - x : x) - move.dx);
  });
}

test('moving an image moves every pixel of every channel, and lets zeros in', () => {
  const shapes = fc.record({
    width: fc.integer({ min: 1, max: 7 }),
    height: fc.integer({ min: 1, max: 7 }),
    channels: fc.constantFrom(1, 3),
  });
  fc.assert(
    fc.property(
      shapes,
      fc.integer({ min: -6, max: 6 }),
      fc.integer({ min: -6, max: 6 }),
      fc.boolean(),
      (shape, dx, dy, mirrored) => {
        fc.pre(Math.abs(dx) < shape.width && Math.abs(dy) < shape.height);
        const stream = new RandomStream(1, 'test');
        const image = Uint8Array.from({ length: imageSize(shape) }, () => 1 + stream.below(255));
        const out = new Uint8Array(image.length);
        moveImage(image, shape, { dx, dy, mirrored }, out);
        expect(out).toEqual(moveByPixels(image, shape, { dx, dy, mirrored }));
      },
    ),
  );
});

describe('moves', () => {
  const spec = { seed: 3, shift: 1, flip: true };
  const drawn = (chapter: number, given = spec) => {
    const moveOf = moves(given, chapter);
    return Array.from({ length: 18_000 }, (_, sample) => JSON.stringify(moveOf(sample)));
  };

  it('are drawn evenly from all shifts, mirrored or not', () => {
    const counts = new Map<string, number>();
    for (const move of drawn(0)) counts.set(move, (counts.get(move) ?? 0) + 1);
    expect(counts.size).toBe(18);
    // 1000 expected of each; the standard deviation is 31.
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(150);
  });

  it('are others in another chapter and with another seed, and the same whenever they are asked for', () => {
    const same = (a: string[], b: string[]): number => a.filter((move, i) => move === b[i]).length / a.length;
    expect(drawn(0)).toEqual(drawn(0));
    expect(same(drawn(0), drawn(1))).toBeLessThan(0.1);
    expect(same(drawn(0), drawn(0, { ...spec, seed: 4 }))).toBeLessThan(0.1);
    expect(moves(spec, 5)(17_000)).toEqual(moves(spec, 5)(17_000));
  });
});

describe('a batch', () => {
  const { train, shape } = toyDataset();
  const layout = labelLayout(shape, 4, 'overlay');
  const data = labelled(train, layout, shape, { subtractMean: false });
  const rows = Uint32Array.of(5, 0, 199, 5);

  it('without shift and flip is the data itself', () => {
    const view = augmentation({ seed: 1, shift: 0, flip: false }, 3)(data, rows);
    expect(view.data).toBe(data);
    expect(view.rows).toBe(rows);
  });

  it.each([false, true])(
    'has its labels, and scales as if its images had been the data (means subtracted: %s)',
    (subtractMean) => {
      const given = labelled(train, layout, shape, { subtractMean });
      const { data: batch, rows: places } = augmentation({ seed: 1, shift: 2, flip: false }, 3)(given, rows);
      expect(Array.from(places)).toEqual([0, 1, 2, 3]);
      expect(Array.from(batch.samples.labels)).toEqual(Array.from(rows, (row) => train.labels[row]));
      const plain = labelled(batch.samples, layout, shape, { subtractMean });
      for (const which of ['oneHot', 'neutral'] as const) {
        expect(Array.from(batch[which].bytes)).toEqual(Array.from(plain[which].bytes));
        expect(Array.from(batch[which].label)).toEqual(Array.from(plain[which].label));
        expect(batch[which].mean && Array.from(batch[which].mean)).toEqual(
          plain[which].mean && Array.from(plain[which].mean),
        );
      }
      // The same sample twice in a batch is moved the same way.
      expect(batch.samples.images.subarray(0, 36)).toEqual(batch.samples.images.subarray(108, 144));
    },
  );
});
