/**
 * What was proved on a GPU is known to all threads of the process, and names the arithmetic of dense layers and of blocks.
 * Own process: its environment names a GPU in software.
 */
import { isProved, setProved } from '#platform/proofs';
import { expect, test } from 'vitest';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { formOn, openWebGpu } from '../../src/kernels/webgpu/webgpu.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { optionsOf, randomStages, stagesOf } from './blocks.js';

Object.assign(process.env, softwareGpu());

/** As another thread has it that proved this. */
const proved = (what: string) => setProved(`webgpu/google swiftshader ${what}`);

test('what another thread has proved is not proved again; what failed is', async () => {
  const device = await sharedDevice();
  device.loseAtReading();
  await expect(formOn(device, 'f32')).rejects.toBeInstanceOf(GpuFailure);
  expect(isProved('webgpu/google swiftshader f32 dense integer')).toBe(false);
  proved('f32 dense integer');
  // Nothing can be computed on this device any more.
  expect(await formOn(device, 'f32')).toBe('integer');
  await expect(formOn(device, 'f32', 'blocks')).rejects.toBeInstanceOf(GpuFailure);
});

test('the name says where convolutions have another arithmetic', async () => {
  for (const what of ['bf16 dense device', 'bf16 blocks integer']) proved(what);
  const kernels = await openWebGpu('bf16');
  expect(kernels.name).toBe('webgpu/google swiftshader');
  const stages = stagesOf({ image: '1x4x4', block: 'conv2' });
  const options = optionsOf({ image: '1x4x4', block: 'conv2' }, 1);
  const block = await kernels.openBlock!(stages, randomStages(stages, 0), options);
  expect(kernels.name).toBe('webgpu/google swiftshader, convolutions in integer arithmetic');
  block.close();
  await expect(block.activations()).rejects.toThrow('this block kernel was closed');
});
