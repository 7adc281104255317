/**
 * Every schedule with nodes on a GPU (SwiftShader), alone and beside the CPU, and runs that go on elsewhere: the digest of the CPU.
 * Own process: its environment names a GPU in software.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import type { KernelsChoice } from '../../src/kernels/choices.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { openWebGpu } from '../../src/kernels/webgpu/webgpu.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';
import { trainOn } from '../helpers/train-on.js';

Object.assign(process.env, softwareGpu());
const dataset = toyDataset(40, 8);
/** Peer normalisation is left to the CPU, so that SwiftShader has few shaders to compile. */
const common: PartialSpec = { layers: [36, 12, 10, 8], epochs: 4, precision: 'bf16', peerNormalization: 0.01 };
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-gpu-schedules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// Proved once, for all.
beforeAll(async () => (await openWebGpu('bf16')).close());

describe.each([
  ['single-layer', { negatives: 'adaptive', labelLag: 2 }],
  ['all-layers', { negatives: 'random', dropout: 0.2 }],
  ['federated', { shards: 2 }],
] as const)('%s', (variant, part) => {
  it.each(['another on it', 'one on the CPU'])('a node on the GPU and %s', async (other) => {
    const more = { ...common, ...part };
    const second = other === 'another on it' ? await openWebGpu('bf16') : openReference('bf16');
    const onGpu = await trainOn(await openWebGpu('bf16'), dataset, more, { variant, others: [second] });
    expect(onGpu.digest).toBe((await trainOn(openReference('bf16'), dataset, more)).digest);
  });
});

it.each<[KernelsChoice, KernelsChoice]>([
  ['reference', 'webgpu'],
  ['webgpu', 'reference'],
])('a run begun on %s kernels goes on on %s', async (first, second) => {
  const spec = toySpec(common);
  const out = path.join(folder, first);
  const stop = new AbortController();
  const begun = async (): Promise<void> => {
    for await (const event of train({ spec, kernels: first, out, signal: stop.signal }, dataset))
      if (event.type === 'task-finished' && event.task.chapter === 1) stop.abort(new Error('enough'));
  };
  await expect(begun()).rejects.toBeInstanceOf(PffError);
  const whole = await trainToEnd({ spec, kernels: 'reference' }, dataset);
  const resumed = await trainToEnd({ resume: out, kernels: second }, dataset);
  expect(resumed.modelDigest).toBe(whole.modelDigest);
  expect(resumed.kernels.startsWith(second)).toBe(true);
});
