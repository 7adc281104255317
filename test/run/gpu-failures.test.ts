/**
 * Runs whose GPU (here SwiftShader) is lost while it is proved or in the middle of a task: that is done again, and the digest is that of the CPU.
 * Own process: its environment names a GPU in software.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { PffError } from '../../src/errors.js';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import { sharedDevice } from '../../src/kernels/webgpu/device.js';
import { Predictor } from '../../src/model/predictor.js';
import { GpuFailures } from '../../src/node/gpu-failures.js';
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

it('a run of one node does the task again on the GPU, and at last on the CPU', { timeout: 120_000 }, async () => {
  // Steps stay on the device.
  const onDevice = toySpec({ layers: [36, 12, 10], epochs: 2, precision: 'bf16' });
  const expected = await trainToEnd({ spec: onDevice, kernels: 'reference' }, dataset);
  // Lost while its arithmetic is proved, with a submission of steps under way, and when something is read.
  const proving = await sharedDevice();
  proving.loseAtReading(2);
  const reasons: string[] = [];
  let found: string | undefined;
  for await (const event of train({ spec: onDevice, kernels: 'webgpu' }, dataset)) {
    if (event.type === 'started') {
      expect(proving.failed).toBe(true);
      expect(event.kernels).toMatch(/^webgpu\//);
      expect(event.kernelsReason).toBeUndefined();
      (await sharedDevice()).loseAtSubmission(2);
    }
    if (event.type === 'node-died') {
      reasons.push(event.reason);
      if (reasons.length === 1) (await sharedDevice()).loseAtReading();
    }
    if (event.type === 'finished') found = event.result.modelDigest;
  }
  expect(found).toBe(expected.modelDigest);
  expect(reasons).toHaveLength(2);
  for (const reason of reasons) expect(reason).toMatch(/^the GPU \(google swiftshader\) failed: /);
  expect(reasons.at(-1)).toMatch(/; the CPU takes its place$/);
});

it(
  'a node on a GPU beside one on the CPU has the same digest, also when its GPU is lost',
  { timeout: 120_000 },
  async () => {
    // Federated, as shards are not placed by speed.
    const whole = toySpec({ layers: [36, 12, 10], epochs: 2, precision: 'bf16', peerNormalization: 0.01, shards: 2 });
    const expected = await trainToEnd({ spec: whole, kernels: 'reference' }, dataset);
    const faults = [{ node: 0, publication: 0, moment: 'after', losesGpu: true }] as const;
    const options = { spec: whole, variant: 'federated', gpus: ['0'], nodes: 2, kernels: 'reference', faults } as const;
    const reasons: string[] = [];
    let found: string | undefined;
    for await (const event of train(options, dataset)) {
      if (event.type === 'node-died') reasons.push(event.reason);
      if (event.type === 'finished') found = event.result.modelDigest;
    }
    expect(found).toBe(expected.modelDigest);
    expect(reasons).toEqual([expect.stringMatching(/^the GPU \(google swiftshader\) failed: /)]);
  },
);

it('work is placed by measured speed, with the same digest', { timeout: 120_000 }, async () => {
  const notices: string[] = [];
  let found: string | undefined;
  const options = { spec, variant: 'single-layer', gpus: ['0'], nodes: 2, kernels: 'reference' } as const;
  for await (const event of train(options, dataset)) {
    if (event.type === 'notice') notices.push(event.text);
    if (event.type === 'finished') found = event.result.modelDigest;
  }
  expect(found).toBe(digest);
  expect(notices).toContainEqual(expect.stringMatching(/^steps a second: node 1 [\d.]+, node 2 [\d.]+; /));
});

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

it('a GPU that fails while accuracy is measured ends nothing, also where that decides the end', async () => {
  const stopping = { ...spec, epochs: 3, splits: 3, validationSamples: 20, earlyStop: 2 };
  const expected = await trainToEnd({ spec: stopping, kernels: 'reference' }, dataset);
  const open = vi.spyOn(Predictor, 'open').mockRejectedValueOnce(new GpuFailure('it was lost'));
  const notices: string[] = [];
  let found: string | undefined;
  for await (const event of train({ spec: stopping, kernels: 'webgpu' }, dataset)) {
    if (event.type === 'notice') notices.push(event.text);
    if (event.type === 'finished') found = event.result.modelDigest;
  }
  open.mockRestore();
  expect(found).toBe(expected.modelDigest);
  expect(notices).toContain('accuracy is measured again: it was lost');
});
