/** Squares blacked out: where they lie, how often, and what is left of an image. */
import { describe, expect, it } from 'vitest';
import { cuts } from '../../../src/model/augment/cutout.js';

const shape = { width: 5, height: 4, channels: 2 };
const plane = shape.width * shape.height;
const view = { chapter: 2, layer: 0 };

/** Places that are black in each plane of a white image. */
function cutOf(sample: number, { cutout = 2, seed = 1, chapter = 2, layer = 0 } = {}): string {
  const image = new Uint8Array(2 * plane).fill(9);
  cuts({ seed, cutout }, { chapter, layer }, shape)(image, sample);
  const planes = [image.subarray(0, plane), image.subarray(plane)];
  expect(planes[0]).toEqual(planes[1]);
  return Array.from(planes[0]!, (value) => (value === 0 ? '#' : '.'))
    .join('')
    .replaceAll(/.{5}/g, '$& ')
    .trim();
}

describe('cutout', () => {
  it('takes a square of every plane, cut off at the edges, its middle anywhere', () => {
    const seen = new Set(Array.from({ length: 2000 }, (_, sample) => cutOf(sample)));
    expect(seen.size).toBe(plane);
    for (const found of ['##... ##... ..... .....', '#.... ..... ..... .....', '..... ..... ...## ...##'])
      expect(seen).toContain(found);
  });

  it('has its middle at every pixel as often', () => {
    const counts = new Map<string, number>();
    for (let sample = 0; sample < 20_000; sample++) {
      const found = cutOf(sample, { cutout: 1 });
      counts.set(found, (counts.get(found) ?? 0) + 1);
    }
    expect(counts.size).toBe(plane);
    // 1000 each, a standard deviation of 31.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('is keyed by seed, chapter, layer and sample, whatever was cut before', () => {
    const cut = cuts({ seed: 1, cutout: 2 }, view, shape);
    const again = new Uint8Array(2 * plane).fill(9);
    cut(new Uint8Array(2 * plane), 3);
    cut(again, 7);
    const alone = new Uint8Array(2 * plane).fill(9);
    cuts({ seed: 1, cutout: 2 }, view, shape)(alone, 7);
    expect(again).toEqual(alone);
    const all = (key: { seed?: number; chapter?: number; layer?: number }): string[] =>
      Array.from({ length: 20 }, (_, sample) => cutOf(sample, key));
    const first = all({});
    for (const key of [{ seed: 2 }, { chapter: 3 }, { layer: 1 }]) expect(all(key)).not.toEqual(first);
  });
});
