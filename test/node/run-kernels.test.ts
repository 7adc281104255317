/** The kernels of a training in this thread, where the GPU fails: when they are opened, and in the middle of the work. */
import { expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import type { KernelsChoice } from '../../src/kernels/choices.js';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { RunKernels } from '../../src/node/run-kernels.js';

/** Opens the reference in place of all kernels, but for the first `times`. */
function failing(times: number, error: Error = new GpuFailure('lost')) {
  const asked: KernelsChoice[] = [];
  const open = (choice: KernelsChoice) => {
    asked.push(choice);
    return asked.length > times ? Promise.resolve({ kernels: openReference('f32') }) : Promise.reject(error);
  };
  return { asked, open };
}

it('a GPU that fails while it is opened is opened again', async () => {
  const { asked, open } = failing(2);
  const kernels = await RunKernels.open('webgpu', open);
  expect(asked).toEqual(['webgpu', 'webgpu', 'webgpu']);
  expect(kernels.reason).toBeUndefined();
  // Its failures count from there on.
  const told: string[] = [];
  let done = 0;
  const work = () => (++done === 1 ? Promise.reject(new GpuFailure('lost again')) : Promise.resolve('done'));
  expect(await kernels.use(work, (reason) => told.push(reason))).toBe('done');
  expect(told).toEqual(['lost again; the CPU takes its place']);
  expect(asked.at(-1)).toBe('auto');
});

it.each([
  ['a failure of the GPU', new GpuFailure('lost')],
  ['a GPU that cannot be opened any more', new PffError('kernels', 'there is no GPU')],
])('work that holds a GPU which work inside it gave up goes on with the CPU: %s', async (_, error) => {
  const { asked, open } = failing(0);
  const kernels = await RunKernels.open('webgpu', open);
  const gpu = kernels.current;
  const told: string[] = [];
  const fails = (used: typeof gpu) => (used === gpu ? Promise.reject(new GpuFailure('lost')) : Promise.resolve());
  const failed = (reason: string) => told.push(reason);
  const found = await kernels.use(async (outer) => {
    await kernels.use(fails, failed);
    if (outer === gpu) throw error;
    return outer;
  }, failed);
  expect(found).not.toBe(gpu);
  expect(found).toBe(kernels.current);
  expect(told).toEqual(['lost', 'lost', 'lost; the CPU takes its place']);
  expect(asked).toEqual(['webgpu', 'auto']);
  // The CPU's own errors stay errors.
  await expect(kernels.use(() => Promise.reject(error), failed)).rejects.toBe(error);
});

it('the CPU takes its place, and the reason is told', async () => {
  const { asked, open } = failing(3);
  const kernels = await RunKernels.open('webgpu:1', open);
  expect(asked).toEqual(['webgpu:1', 'webgpu:1', 'webgpu:1', 'auto']);
  expect(kernels.reason).toBe('lost; the CPU takes its place');
});

it('a GPU that was never there is an error', async () => {
  const { asked, open } = failing(1, new PffError('kernels', 'there is no GPU'));
  await expect(RunKernels.open('webgpu', open)).rejects.toThrow('there is no GPU');
  expect(asked).toHaveLength(1);
});
