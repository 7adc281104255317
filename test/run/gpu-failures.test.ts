/** Runs whose GPU (here SwiftShader) is lost in the middle of a task: it is done again, and the digest is that of the CPU. */
import { beforeAll, describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { openWebGpu } from '../../src/kernels/webgpu/webgpu.js';
import { GpuFailures } from '../../src/node/gpu-failures.js';
import type { RunResult } from '../../src/run/events.js';
import type { TrainOptions } from '../../src/run/options.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

Object.assign(process.env, softwareGpu());
const dataset = toyDataset(40, 8);
// Peer normalisation is left to the CPU, so that SwiftShader has few shaders to compile each time.
const spec = toySpec({ layers: [36, 12, 10], epochs: 2, precision: 'bf16', peerNormalization: 0.01 });
let digest = '';
beforeAll(async () => {
  digest = (await trainToEnd({ spec, kernels: 'reference' }, dataset)).modelDigest;
});

/** Trains to the end. @param died is told each time that a node dies */
async function trained(
  options: TrainOptions,
  died: (times: number) => void | Promise<void> = () => {},
): Promise<{ readonly result: RunResult; readonly reasons: readonly string[] }> {
  const reasons: string[] = [];
  for await (const event of train({ spec, ...options }, dataset)) {
    if (event.type === 'node-died') {
      reasons.push(event.reason);
      await died(reasons.length);
    }
    if (event.type === 'finished') return { result: event.result, reasons };
  }
  throw new Error('the run has no end');
}

it('a run of one node does the task again on the GPU, and at last on the CPU', { timeout: 120_000 }, async () => {
  const lose = async (): Promise<void> => (await sharedDevice()).loseAtReading();
  // Its arithmetic is proved before.
  (await openWebGpu('bf16')).close();
  await lose();
  const { result, reasons } = await trained({ kernels: 'webgpu' }, (times) => (times < 3 ? lose() : undefined));
  expect(reasons).toHaveLength(3);
  for (const reason of reasons) expect(reason).toMatch(/^the GPU \(google swiftshader\) failed: /);
  expect(reasons.at(-1)).toMatch(/; the CPU takes its place$/);
  expect(result.modelDigest).toBe(digest);
});

it(
  'a node on a GPU beside one on the CPU has the same digest, also when its GPU is lost',
  { timeout: 120_000 },
  async () => {
    const faults = [{ node: 0, publication: 0, moment: 'after', losesGpu: true }] as const;
    const { result, reasons } = await trained({ gpus: ['0'], nodes: 2, kernels: 'reference', faults });
    expect(reasons).toEqual([expect.stringMatching(/^the GPU \(google swiftshader\) failed: /)]);
    expect(result.modelDigest).toBe(digest);
  },
);

describe('where to go on', () => {
  const lost = new GpuFailure('lost');

  it('the GPU at first, the CPU at last', () => {
    const failures = new GpuFailures();
    expect(failures.after(lost, 'webgpu:1')).toEqual({ kernels: 'webgpu:1', reason: 'lost' });
    expect(failures.after(lost, 'webgpu:1')?.kernels).toBe('webgpu:1');
    expect(failures.after(lost, 'webgpu:1')).toEqual({ kernels: 'auto', reason: 'lost; the CPU takes its place' });
  });

  it('the CPU at once where the GPU cannot be opened any more', () => {
    const failures = new GpuFailures();
    const none = new PffError('kernels', 'there is no GPU');
    expect(failures.after(none, 'webgpu')).toBeUndefined();
    failures.after(lost, 'webgpu');
    expect(failures.after(none, 'webgpu')?.kernels).toBe('auto');
  });

  it('nowhere, after any other error, or without a GPU', () => {
    expect(new GpuFailures().after(new PffError('training', 'NaN'), 'webgpu')).toBeUndefined();
    expect(new GpuFailures().after(lost, 'auto')).toBeUndefined();
  });
});
