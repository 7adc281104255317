/**
 * Trainers on a GPU that only counts: what a trainer without memory leaves behind, and how far steps run ahead of the device.
 * Own process: its environment names a GPU in software.
 */
import { expect, test, vi } from 'vitest';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import type { BlockKernel, DenseKernel, LayerInput } from '../../src/kernels/kernels.js';
import type { LossDescription } from '../../src/kernels/trainer.js';
import { kernelsOn } from '../../src/kernels/webgpu/webgpu.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { optionsOf, stagesOf, zeroStages } from './blocks.js';
import { CountingGpu } from './counting-gpu.js';
import { emptyTensors, sgdRule } from './layers.js';

Object.assign(process.env, softwareGpu());

const SYMBA: LossDescription = { kind: 'symba', goodness: 'sum', steepness: 1 };
const image = { image: '1x4x4', block: 'conv2+relu' };
const rules = { layerRule: sgdRule, headRule: sgdRule };

/** A trainer of a layer or block of 16 inputs, with a head if the loss is that of one. @param opened told of each part */
async function open(
  { gpu }: CountingGpu,
  layer: 'dense' | 'block',
  loss: LossDescription,
  opened: (part: DenseKernel | BlockKernel) => void = () => {},
): Promise<() => Promise<void>> {
  const kernels = kernelsOn(gpu, { precision: 'bf16', form: 'integer', each: [1] });
  const dense = (inputs: number, outputs: number) =>
    kernels.openDense(emptyTensors(inputs, outputs), { activation: 'relu', maxRows: 2, suffixInputs: 0 });
  const stages = stagesOf(image);
  const trained =
    layer === 'dense'
      ? await dense(16, 32)
      : await kernels.openBlock!(stages, zeroStages(stages, 0), optionsOf(image, 2));
  opened(trained);
  const head = loss.kind === 'local-head' ? await dense(32, 3) : undefined;
  if (head) opened(head);
  const trainer = kernels.openTrainer!(head ? [trained, head] : [trained], loss)!;
  // Of goodness, the second row is the negative one.
  const labels = new Uint8Array('steepness' in loss ? 1 : 2);
  const input: LayerInput = { prefix: new Float32Array(2 * 16), batch: 2, variants: 1 };
  return async () => trainer.step({ input, labels, ...rules });
}

test.each<['dense' | 'block', LossDescription]>([
  ['dense', SYMBA],
  ['dense', { kind: 'local-head' }],
  ['dense', { kind: 'softmax' }],
  ['block', SYMBA],
  ['block', { kind: 'local-head' }],
])('%s, %o: without memory for a part, no other part stays', async (layer, loss) => {
  let failures = 0;
  for (let left = 1; ; left++) {
    const counting = await CountingGpu.open();
    counting.allocationsLeft = left;
    const opened: (DenseKernel | BlockKernel)[] = [];
    let step: (() => Promise<void>) | undefined;
    let failed = false;
    try {
      step = await open(counting, layer, loss, (part) => opened.push(part));
      await step();
    } catch (error) {
      expect(error).toBeInstanceOf(GpuFailure);
      failed = true;
      // There is memory again, and nothing that is needed was destroyed.
      await step?.();
    }
    for (const part of opened) part.close();
    expect([...counting.live.values()], `allocation ${left}`).toEqual([]);
    if (!failed) break;
    failures++;
  }
  expect(failures).toBeGreaterThan(10);
});

test('a third step of a block is not begun before the device has done the first one', async () => {
  const counting = await CountingGpu.open();
  const step = await open(counting, 'block', SYMBA);
  let finish = () => {};
  counting.done = new Promise((resolve) => (finish = resolve));
  await step();
  await step();
  const before = counting.submissions;
  const third = step();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(counting.submissions).toBe(before);
  finish();
  await third;
  expect(counting.submissions).toBeGreaterThan(before);
});

test.each(['too large for the device', 'no memory for the images', 'no memory for what goes with them'])(
  'samples that find no room (%s) are not held, and nothing of them stays',
  async (why) => {
    const counting = await CountingGpu.open();
    const kernels = kernelsOn(counting.gpu, { precision: 'bf16', form: 'integer', each: [1] });
    const layer = await kernels.openDense(emptyTensors(4, 32), { activation: 'relu', maxRows: 2, suffixInputs: 0 });
    const trainer = kernels.openTrainer!([layer], SYMBA)!;
    const before = counting.live.size;
    const images = { kind: 'images', skip: 0, values: new Uint8Array(2 * 4), scale: new Float32Array(2) } as const;
    const stock = { ...images, mean: undefined, label: new Float32Array(2) };
    const limit = vi.spyOn(counting.gpu, 'maxBytes', 'get');
    if (why.startsWith('too')) limit.mockReturnValue(4);
    else counting.allocationsLeft = why.endsWith('images') ? 1 : 3;
    expect(await trainer.hold!(stock)).toBe(false);
    // Images are held for all layers of a device; what goes with them is not.
    expect(counting.live.size - before).toBe(why.endsWith('them') ? 1 : 0);
    limit.mockRestore();
    expect(await trainer.hold!(stock)).toBe(true);
    layer.close();
  },
);
