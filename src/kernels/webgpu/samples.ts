/** The rows of an input that go to the device at once. */
import type { LayerInput } from '../operands.js';

/** The prefixes of samples `first` … [batch, width]. */
export function gathered({ prefix, rows }: LayerInput, first: number, batch: number, width: number): Float32Array {
  if (rows === undefined) return prefix.subarray(first * width, (first + batch) * width);
  const values = new Float32Array(batch * width);
  for (let b = 0; b < batch; b++) {
    const from = (rows[first + b] ?? 0) * width;
    values.set(prefix.subarray(from, from + width), b * width);
  }
  return values;
}

/** The suffixes of the same samples, variant by variant. */
export function suffixOf(
  all: Float32Array,
  input: LayerInput,
  first: number,
  batch: number,
  width: number,
): Float32Array {
  if (batch === input.batch) return all.subarray(0, batch * input.variants * width);
  const values = new Float32Array(batch * input.variants * width);
  for (let v = 0; v < input.variants; v++) {
    const from = (v * input.batch + first) * width;
    values.set(all.subarray(from, from + batch * width), v * batch * width);
  }
  return values;
}
