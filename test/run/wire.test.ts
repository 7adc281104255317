/** `--wire bf16`: the rounding rule itself, and that it gives one digest whoever does which task. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBf16, encodeBf16, roundToBf16 } from '../../src/model/wire.js';
import { calibrate } from '../../src/run/calibrate.js';
import { trainToEnd } from '../../src/run/train.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';

function roundedOf(value: number): number {
  const values = Float32Array.of(value);
  roundToBf16(values.buffer);
  return values[0] as number;
}

describe('bf16', () => {
  it('is the nearest number whose lower 16 bits are 0, the even one of two', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-3e38), max: Math.fround(3e38) }),
        (value) => {
          const bits = new Uint32Array(Float32Array.of(value).buffer)[0] as number;
          const [down, up] = [bits & 0xffff0000, (bits & 0xffff0000) + 0x10000].map(
            (each) => new Float32Array(Uint32Array.of(each).buffer)[0] as number,
          ) as [number, number];
          const got = roundedOf(value);
          expect(Math.abs(got - value)).toBe(Math.min(Math.abs(down - value), Math.abs(up - value)));
          if (value - down === up - value && down !== up)
            expect((new Uint32Array(Float32Array.of(got).buffer)[0] as number) & 0x10000).toBe(0);
        },
      ),
    );
  });

  it('keeps what is no number, and rounds twice as once', () => {
    expect(roundedOf(NaN)).toBeNaN();
    const payload = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    roundToBf16(payload.buffer);
    expect(payload[0]).toBeNaN();
    expect(roundedOf(-Infinity)).toBe(-Infinity);
    const values = Float32Array.of(0.1, -1e-40, 7, 1e30);
    roundToBf16(values.buffer);
    expect(new Float32Array(decodeBf16(encodeBf16(values.buffer)))).toEqual(values);
  });
});

describe('--wire bf16', () => {
  const base: PartialSpec = {
    layers: [784, 24, 20, 16],
    trainSamples: 240,
    testSamples: 50,
    epochs: 4,
    batch: 16,
    seed: 4,
    wire: 'bf16',
  };

  it.each([
    ['goodness, softmax classifier', { classifier: 'softmax' }],
    ['goodness, adaptive labels', { negatives: 'adaptive', labelLag: 2 }],
    ['heads', { objective: 'performance-optimized' }],
  ] as const)('%s: one digest for every schedule, with workers that die; not that of f32', async (_, more) => {
    const spec = resolveSpec({ ...base, ...more });
    const alone = (await trainToEnd({ spec, threadsPerNode: 1 })).modelDigest;
    const faults = [{ node: 1, publication: 1, moment: 'after' }] as const;
    for (const variant of ['all-layers', 'single-layer'] as const)
      expect((await trainToEnd({ spec, variant, nodes: 2, threadsPerNode: 1, faults })).modelDigest).toBe(alone);
    expect((await trainToEnd({ spec: { ...spec, wire: 'f32' }, threadsPerNode: 1 })).modelDigest).not.toBe(alone);
  });

  it('halves the bytes that a simulation counts', async () => {
    const bytes = async (wire: 'f32' | 'bf16'): Promise<readonly number[]> =>
      (await calibrate(resolveSpec({ ...base, wire }))).costs.stateBytes;
    expect(await bytes('bf16')).toEqual((await bytes('f32')).map((each) => each / 2));
  });

  it('is refused where nothing travels as layer states', async () => {
    await expect(trainToEnd({ spec: { ...base, objective: 'backprop' } })).rejects.toThrow(
      /wire is bf16, but objective/,
    );
    await expect(trainToEnd({ spec: base, variant: 'dff' })).rejects.toThrow(/wire is bf16, but variant dff/);
    const moved = { ...base, wire: 'f32', shift: 1, augmentPer: 'layer', negatives: 'random' } as const;
    await expect(trainToEnd({ spec: moved, variant: 'dff' })).rejects.toThrow(/augmentPer is layer, but variant dff/);
  });
});
