/**
 * Averages of planes, in front of the heads of convolutions.
 *
 * 12. averages   Windows of `side` x `side` from the first place on, side by side, in the order of y, then x; those at the end hold
 *                what is left of the plane. Value (window, channel) = ((0 + v0) + v1) + …, in the order of y, then x, times (1 / n),
 *                n the values of the window, the quotient rounded to f32. Backwards each place gets the loss by its window's
 *                average times (1 / n).
 */
import type { Planes } from './block/contract.js';

export interface PooledShape {
  readonly planes: Planes;
  /** Of a window. */
  readonly side: number;
}

/** Values of a pooled row. */
export function pooledValues({ planes: { channels, height, width }, side }: PooledShape): number {
  return channels * Math.ceil(height / side) * Math.ceil(width / side);
}

/** Rule 12, done when it returns. */
export interface Averages {
  /** Of rows [any, H, W, C], those of `rows` or the first `count`; all of `out` [count, windows, C] is written. */
  average(
    values: Float32Array,
    rows: Uint32Array | undefined,
    count: number,
    shape: PooledShape,
    out: Float32Array,
  ): void;
  /** The way back: all of `out` [count, H, W, C] is written. */
  spread(averages: Float32Array, count: number, shape: PooledShape, out: Float32Array): void;
}

/** Rule 12 in JavaScript, for backends without their own. */
export const averagesInJavaScript: Averages = {
  average(values, rows, count, shape, out) {
    const { width, channels, inputs, windows } = layoutOf(shape);
    out.fill(0, 0, count * width);
    for (let r = 0; r < count; r++) {
      const start = (rows?.[r] ?? r) * inputs;
      for (const { at, places, share } of windows) {
        const to = r * width + at;
        for (const place of places)
          for (let c = 0, from = start + place; c < channels; c++, from++)
            out[to + c] = (out[to + c] as number) + (values[from] as number);
        for (let c = to; c < to + channels; c++) out[c] = (out[c] as number) * share;
      }
    }
  },
  spread(averages, count, shape, out) {
    const { width, channels, inputs, windows } = layoutOf(shape);
    for (let r = 0; r < count; r++)
      for (const { at, places, share } of windows)
        for (const place of places) {
          const to = r * inputs + place;
          const from = r * width + at;
          for (let c = 0; c < channels; c++) out[to + c] = (averages[from + c] as number) * share;
        }
  },
};

/** Windows of pooled rows, in order. */
interface Window {
  /** The place of its first channel in a pooled row. */
  readonly at: number;
  /** The same of each of its positions, in a row of planes. */
  readonly places: readonly number[];
  readonly share: number;
}

function windowsOf({ planes: { channels, height, width }, side }: PooledShape): Window[] {
  const windows: Window[] = [];
  for (let top = 0; top < height; top += side)
    for (let left = 0; left < width; left += side) {
      const places: number[] = [];
      for (let y = top; y < Math.min(height, top + side); y++)
        for (let x = left; x < Math.min(width, left + side); x++) places.push((y * width + x) * channels);
      windows.push({ at: windows.length * channels, places, share: Math.fround(1 / places.length) });
    }
  return windows;
}

/** Values of a row of averages, channels, values of a row of planes, and the windows. */
function layoutOf(shape: PooledShape) {
  const { channels, height, width } = shape.planes;
  return { width: pooledValues(shape), channels, inputs: channels * height * width, windows: windowsOf(shape) };
}
