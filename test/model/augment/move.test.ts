/** Moved and mirrored images: what each pixel becomes, and how moves are drawn. */
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { imageSize, type ImageShape } from '../../../src/data/dataset.js';
import { moveImage, moves, type Move } from '../../../src/model/augment/move.js';
import { RandomStream } from '../../../src/random.js';

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
  const drawn = (chapter: number, given = spec, layer = 0) => {
    const moveOf = moves(given, { chapter, layer });
    return Array.from({ length: 18_000 }, (_, sample) => JSON.stringify(moveOf(sample)));
  };

  it('are drawn evenly from all shifts, mirrored or not', () => {
    const counts = new Map<string, number>();
    for (const move of drawn(0)) counts.set(move, (counts.get(move) ?? 0) + 1);
    expect(counts.size).toBe(18);
    // 1000 expected of each; the standard deviation is 31.
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(150);
  });

  it('are others in another chapter, for another layer and with another seed, and the same whenever they are asked for', () => {
    const same = (a: string[], b: string[]): number => a.filter((move, i) => move === b[i]).length / a.length;
    expect(drawn(0)).toEqual(drawn(0));
    expect(same(drawn(0), drawn(1))).toBeLessThan(0.1);
    expect(same(drawn(0), drawn(0, { ...spec, seed: 4 }))).toBeLessThan(0.1);
    expect(same(drawn(0), drawn(0, spec, 1))).toBeLessThan(0.1);
    const view = { chapter: 5, layer: 0 };
    expect(moves(spec, view)(17_000)).toEqual(moves(spec, view)(17_000));
  });
});
