/** Averages of planes (rule 12) by each backend's kernels: the bits of those in JavaScript, windows cut off at the edges and rows out of order. */
import { describe, expect, it } from 'vitest';
import { averagesInJavaScript, pooledValues, type Averages } from '../../src/kernels/averages.js';
import { backends, openBackend } from './backends.js';

const { fround } = Math;

describe.each(backends.filter((name) => name !== 'reference'))('the averages of %s', (name) => {
  it.each([
    { channels: 3, height: 5, width: 4, side: 2 },
    { channels: 40, height: 7, width: 9, side: 4 },
    { channels: 64, height: 6, width: 6, side: 3 },
    { channels: 17, height: 3, width: 2, side: 5 },
  ])('$channels x $height x $width by $side are those of JavaScript', ({ side, ...planes }) => {
    const kernels = openBackend(name, 2);
    const shape = { planes, side };
    const values = planes.channels * planes.height * planes.width;
    // Among them zeros below 0, whose sum is above it.
    const given = Float32Array.from({ length: 4 * values }, (_, i) => (i % 3 === 0 ? -0 : fround(Math.sin(i))));
    const averaged = (by: Averages, chosen: Uint32Array | undefined): Uint32Array => {
      const averages = new Float32Array(3 * pooledValues(shape)).fill(Number.NaN);
      by.average(given, chosen, 3, shape, averages);
      const spread = new Float32Array(3 * values).fill(Number.NaN);
      by.spread(averages, 3, shape, spread);
      return new Uint32Array(Float32Array.of(...averages, ...spread).buffer);
    };
    for (const chosen of [undefined, Uint32Array.of(3, 0, 3)])
      expect(averaged(kernels.averages as Averages, chosen)).toEqual(averaged(averagesInJavaScript, chosen));
    kernels.close();
  });
});
