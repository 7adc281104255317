/** Deformed images: known maps pixel by pixel, what is in between, how deformations are drawn, and golden bytes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageSize, type ImageShape } from '../../../src/data/dataset.js';
import { deformations, ImageDeformer, type Deformation } from '../../../src/model/augment/deform.js';
import { moveImage, type Move } from '../../../src/model/augment/move.js';
import { RandomStream } from '../../../src/random.js';

const identity = Float64Array.of(1, 0, 0, 1);
const still: Move = { dx: 0, dy: 0, mirrored: false };

function noise(shape: ImageShape): Uint8Array {
  const stream = new RandomStream(1, 'test');
  return Uint8Array.from({ length: imageSize(shape) }, () => stream.below(256));
}

function deformed(shape: ImageShape, image: Uint8Array, deformation: Deformation, move: Move = still): Uint8Array {
  const out = new Uint8Array(image.length);
  new ImageDeformer(shape).deform(image, deformation, move, out);
  return out;
}

/** A field that is the same all over the image. */
const everywhere = (x: number, y: number): Float64Array =>
  Float64Array.from({ length: 50 }, (_, i) => (i < 25 ? x : y));

describe('a deformed image', () => {
  const shapes = fc.record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 9 }),
    channels: fc.constantFrom(1, 3),
  });
  const pixels = fc.integer({ min: -8, max: 8 });

  it('is only moved where nothing is deformed, and a field that is the same everywhere moves it, too', () => {
    fc.assert(
      fc.property(shapes, pixels, pixels, fc.boolean(), (shape, dx, dy, mirrored) => {
        fc.pre(Math.abs(dx) < shape.width && Math.abs(dy) < shape.height);
        const image = noise(shape);
        const expected = new Uint8Array(image.length);
        moveImage(image, shape, { dx, dy, mirrored }, expected);
        const nothing = { matrix: identity, field: undefined };
        expect(deformed(shape, image, nothing, { dx, dy, mirrored })).toEqual(expected);
        const field = everywhere(-dx, -dy);
        expect(deformed(shape, image, { matrix: identity, field }, { ...still, mirrored })).toEqual(expected);
      }),
    );
  });

  it('is turned and mirrored about its middle by a matrix that says so', () => {
    const shape = { width: 6, height: 6, channels: 3 };
    const image = noise(shape);
    const at = (c: number, y: number, x: number): number => image[(c * 6 + y) * 6 + x] ?? 0;
    const turned = deformed(shape, image, { matrix: Float64Array.of(0, -1, 1, 0), field: undefined });
    const mirrored = deformed(shape, image, { matrix: Float64Array.of(1, 0, 0, -1), field: undefined });
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 6; y++)
        for (let x = 0; x < 6; x++) {
          expect(turned[(c * 6 + y) * 6 + x]).toBe(at(c, x, 5 - y));
          expect(mirrored[(c * 6 + y) * 6 + x]).toBe(at(c, 5 - y, x));
        }
  });

  it('has the mean of its neighbours half-way between them, and zeros outside', () => {
    const shape = { width: 3, height: 1, channels: 1 };
    const field = everywhere(0.5, 0);
    expect(Array.from(deformed(shape, Uint8Array.of(10, 20, 41), { matrix: identity, field }))).toEqual([15, 31, 21]);
  });

  it('follows the field linearly between the corners of its cells', () => {
    // Five columns: one a corner. Only the middle corner moves, one pixel to the right, in both of two cells.
    const shape = { width: 9, height: 1, channels: 1 };
    const field = new Float64Array(50);
    for (let row = 0; row < 5; row++) field[row * 5 + 2] = 1;
    const image = Uint8Array.from({ length: 9 }, (_, x) => 20 * x);
    expect(Array.from(deformed(shape, image, { matrix: identity, field }))).toEqual([
      0, 20, 40, 70, 100, 110, 120, 140, 160,
    ]);
  });
});

describe('deformations', () => {
  const spec = { seed: 3, affine: 0.2, elastic: 1.5 };
  const drawn = (chapter: number, sample: number, given = spec, layer = 0): number[] => {
    const { matrix, field = [] } = deformations(given, { chapter, layer })(sample);
    return [...matrix, ...field];
  };

  it('are even within their bounds', () => {
    const deformationOf = deformations(spec, { chapter: 0, layer: 0 });
    const entries: number[][] = Array.from({ length: 54 }, () => []);
    for (let sample = 0; sample < 2000; sample++) {
      const { matrix, field = [] } = deformationOf(sample);
      [...matrix, ...field].forEach((value, i) => entries[i]?.push(value));
    }
    entries.forEach((values, i) => {
      const bound = i < 4 ? spec.affine : spec.elastic;
      const offset = i === 0 || i === 3 ? 1 : 0;
      const scaled = values.map((value) => (value - offset) / bound);
      const mean = (list: readonly number[]): number => list.reduce((sum, each) => sum + each, 0) / list.length;
      expect(Math.max(...scaled.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-12);
      // Standard errors: 0.013 and 0.007.
      expect(Math.abs(mean(scaled))).toBeLessThan(0.065);
      expect(Math.abs(mean(scaled.map((each) => each * each)) - 1 / 3)).toBeLessThan(0.035);
    });
  });

  it('are others for another sample, chapter, layer and seed, and the same whenever they are asked for', () => {
    const first = drawn(0, 7);
    expect(new Set(first).size).toBe(54);
    expect(drawn(0, 7)).toEqual(first);
    for (const other of [drawn(0, 8), drawn(1, 7), drawn(0, 7, { ...spec, seed: 4 }), drawn(0, 7, spec, 1)])
      expect(other.filter((each) => first.includes(each))).toEqual([]);
  });

  it('draw the matrix as without a field', () => {
    expect(drawn(2, 5, { ...spec, elastic: 0 })).toEqual(drawn(2, 5).slice(0, 4));
  });

  it('give these bytes on every machine', () => {
    const shape = { width: 8, height: 6, channels: 1 };
    const deformation = deformations(spec, { chapter: 1, layer: 0 })(9);
    expect(Array.from(deformed(shape, noise(shape), deformation, { dx: 1, dy: 0, mirrored: true }))).toMatchSnapshot();
  });
});
