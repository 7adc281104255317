/**
 * Blocks of convolutions on a GPU, here SwiftShader: the bits of the reference. Only products differ between precisions.
 * Own process: its environment names a GPU in software.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Kernels } from '../../src/kernels/kernels.js';
import { precisions, type Precision } from '../../src/kernels/numerics.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import type { ArithmeticForm } from '../../src/kernels/webgpu/arithmetic.js';
import { proveOtherBlocks } from '../../src/kernels/webgpu/block/proof.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { kernelsOn } from '../../src/kernels/webgpu/webgpu.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { optionsOf, stagesOf, zeroStages } from './blocks.js';
import { blockDifference, casesOfDevices, trained, trainedOnDevice, type TrainedCase } from './trained-blocks.js';

Object.assign(process.env, softwareGpu());

async function open(precision: Precision, form: ArithmeticForm = 'integer', each = 1): Promise<Kernels> {
  return kernelsOn(await sharedDevice(), { precision, form, each: [each] });
}

async function difference(precision: Precision, test: TrainedCase): Promise<string | undefined> {
  return blockDifference(await open(precision), precision, test);
}

it.each(casesOfDevices)('$image $block, $batch samples', async (test) => {
  expect(await difference('bf16-tile', test)).toBeUndefined();
});

const size = fc.integer({ min: 3, max: 7 });
const convolutions = fc
  .record({
    channels: fc.integer({ min: 1, max: 6 }),
    height: size,
    width: size,
    outputs: fc.integer({ min: 1, max: 18 }),
    groups: fc.integer({ min: 1, max: 3 }),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.nat(4),
    batch: fc.integer({ min: 1, max: 3 }),
    labels: fc.integer({ min: 0, max: 3 }),
    variants: fc.integer({ min: 1, max: 3 }),
  })
  .filter(({ height, width, kernel, padding }) => padding < kernel && Math.min(height, width) + 2 * padding >= kernel)
  .map(
    ({ channels, height, width, outputs, groups, kernel, stride, padding, batch, labels, variants }): TrainedCase => {
      const image = `${channels * groups}x${height}x${width}`;
      const block = `conv${outputs * groups}${groups > 1 ? `g${groups}` : ''}k${kernel}s${stride}p${padding}+relu`;
      return { image, block, batch, ...(labels > 0 ? { labels, variants } : {}) };
    },
  );

describe.each(precisions)('%s', (precision) => {
  it('random convolutions', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (test) => {
        expect(await difference(precision, test)).toBeUndefined();
      }),
      { numRuns: precision === 'f32' ? 5 : 3, seed: 1 },
    );
  });
});

it("shaders for a device's own arithmetic compute the same but for rounding", async () => {
  const test = { image: '4x9x8', block: 'conv16+leaky+max2+conv70g2', batch: 3, labels: 3, variants: 2 };
  const found = await trainedOnDevice(await open('bf16', 'device', 2), test);
  const expected = trained(openReference('bf16'), test);
  for (const [i, each] of expected.entries()) {
    const largest = Math.max(...each.map(Math.abs));
    const apart = each.map((value, j) => Math.abs(value - (found[i]?.[j] ?? Number.NaN)));
    expect(Math.max(...apart) / largest, `array ${i}`).toBeLessThan(0.02);
  }
});

it('what the common probe does not reach is proved too', async () => {
  await expect(proveOtherBlocks(openReference('bf16'), 'bf16')).resolves.toBeUndefined();
  // SwiftShader's own multiply-adds are not fused.
  await expect(proveOtherBlocks(await open('bf16', 'device', 2), 'bf16')).rejects.toThrow('do not compute the bits');
});

it('a batch that no buffer holds is refused when the block is opened', async () => {
  const test = { image: '1x600x600', block: 'conv64' };
  const stages = stagesOf(test);
  const kernels = await open('bf16');
  await expect(kernels.openBlock?.(stages, zeroStages(stages, 0), optionsOf(test, 1000))).rejects.toMatchObject({
    code: 'memory',
    message: expect.stringContaining('a batch of 1000 rows of a convolution of 64 channels over 600 x 600') as string,
  });
});
