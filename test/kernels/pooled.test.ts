/** A linear layer on averages of planes (rule 12), its windows cut off at the edges, forwards and backwards. */
import { expect, it } from 'vitest';
import { pooledValues } from '../../src/kernels/averages.js';
import type { LayerKernel } from '../../src/kernels/kernels.js';
import { PooledKernel } from '../../src/kernels/pooled.js';
import { openBackend } from './backends.js';

const planes = { channels: 3, height: 5, width: 4 };
const side = 2;
const inputs = 60;
const width = pooledValues({ planes, side });
const { fround } = Math;

/** Rows, one of them taken out of order. */
const rows = Float32Array.from({ length: 3 * inputs }, (_, i) => fround(Math.sin(i * 1.7)));
const order = Uint32Array.of(2, 0);

it('reads averages of windows, and gives each place its share back', async () => {
  const kernels = openBackend('reference');
  const weights = Float32Array.from({ length: width * 2 }, (_, i) => fround(Math.cos(i)));
  const none = { weightMoment1: new Float32Array(width * 2), weightMoment2: new Float32Array(width * 2) };
  const zeros = { bias: new Float32Array(2), biasMoment1: new Float32Array(2), biasMoment2: new Float32Array(2) };
  const open = (): LayerKernel =>
    kernels.openDense(
      { inputs: width, outputs: 2, weights, ...none, ...zeros },
      { activation: 'linear', maxRows: 2, suffixInputs: 0 },
    );
  const inside = open();
  const kernel = new PooledKernel(open(), { planes, side });

  await kernel.forward({ prefix: rows, rows: order, batch: 2, variants: 1 });
  await inside.forward({ prefix: expectedAverages(), batch: 2, variants: 1 });
  expect(await kernel.activations()).toEqual(await inside.activations());

  const delta = { values: Float32Array.of(1, -0.5, 0.25, 2) };
  const out = new Float32Array(2 * inputs).fill(Number.NaN);
  await kernel.inputGradient(delta, out);
  const throughAverages = new Float32Array(2 * width);
  await inside.inputGradient(delta, throughAverages);
  eachPlace((r, place, at, share) =>
    expect(out[r * inputs + place]).toBe(fround(throughAverages[r * width + at]! * share)),
  );
});

function expectedAverages(): Float32Array {
  const found = new Float32Array(2 * width);
  eachPlace((r, place, at) => (found[r * width + at] = found[r * width + at]! + rows[order[r]! * inputs + place]!));
  const shares = new Float32Array(2 * width);
  eachPlace((r, _, at, share) => (shares[r * width + at] = share));
  return found.map((sum, i) => sum * shares[i]!);
}

/** Each value of a row, with the average that it is part of; places of a window in the order of y, then x. */
function eachPlace(visit: (row: number, place: number, at: number, share: number) => void): void {
  const { channels, height, width: columns } = planes;
  const across = Math.ceil(columns / side);
  for (let r = 0; r < 2; r++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < columns; x++)
        for (let c = 0; c < channels; c++) {
          const window = Math.floor(y / side) * across + Math.floor(x / side);
          const tall = Math.min(side, height - Math.floor(y / side) * side);
          const wide = Math.min(side, columns - Math.floor(x / side) * side);
          visit(r, (y * columns + x) * channels + c, window * channels + c, fround(1 / (tall * wide)));
        }
}
