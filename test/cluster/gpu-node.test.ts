/**
 * A cluster node on a GPU (SwiftShader) beside one on the CPU, on a real server: one run, the digest of sequential; and GPUs that fail.
 * Own process: its environment names a GPU in software.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import { despiteGpuFailures } from '../../src/node/despite-gpu-failures.js';
import { trainToEnd } from '../../src/run/train.js';
import { trainTask } from '../../src/schedule/tasks.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { spec, until, writeNoise } from '../share/helpers.js';
import { Fleet, follow } from './fleet.js';

// Nodes inherit it.
Object.assign(process.env, softwareGpu());
const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-gpu-node-'));
const fleet = new Fleet();
afterEach(() => fleet.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a node on a GPU and one on the CPU: the bits of one machine', { timeout: 120_000 }, async () => {
  const dataDir = writeNoise(path.join(folder, 'noise'), 60);
  // Peer normalisation is left to the CPU, so that SwiftShader has few shaders to compile.
  const small = { ...spec, layers: [64, 12, 10], epochs: 4, splits: 4, precision: 'bf16' as const };
  const asked = { ...small, peerNormalization: 0.01 };
  const sequential = (await trainToEnd({ spec: asked, dataDir, threadsPerNode: 1 })).modelDigest;
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec: asked, nodes: 2, dataDir, leaseMs: 20_000 });
  const gpu = fleet.node(at, '--data-dir', dataDir, '--gpu', '0');
  await until(
    () => gpu.text.includes('done'),
    () => gpu.text,
    60_000,
  );
  const cpu = fleet.node(at, '--data-dir', dataDir);
  expect((await following).digest).toBe(sequential);
  // A node may say so after the follower has ended.
  const said = () => cpu.text + gpu.text;
  await until(() => said().includes('run test is finished'), said, 20_000);
});

describe('a node whose GPU fails', () => {
  const task = trainTask(0, 0);

  /** Executors whose tasks fail as often as is said, and what was done with them. */
  function executors(failing: readonly Error[]) {
    const told: string[] = [];
    const errors = [...failing];
    const open = (kernels: string) => ({
      run: (): Promise<void> => {
        told.push(`run on ${kernels}`);
        const error = errors.shift();
        return error ? Promise.reject(error) : Promise.resolve();
      },
      reset: () => Promise.resolve(void told.push('reset')),
      close: () => Promise.resolve(void told.push(`close ${kernels}`)),
    });
    return { told, executor: despiteGpuFailures('webgpu', open, (line) => void told.push(line)) };
  }

  it('does the task again, from nothing that is held, and at last on the CPU', async () => {
    const { told, executor } = executors([new GpuFailure('lost'), new GpuFailure('lost'), new GpuFailure('hangs')]);
    await executor.run(task);
    const again = ['lost; the task is done again', 'reset', 'run on webgpu'];
    expect(told).toEqual([
      'run on webgpu',
      ...again,
      ...again,
      'hangs; the CPU takes its place; the task is done again',
      'close webgpu',
      'run on auto',
    ]);
  });

  it('leaves other errors to the node', async () => {
    const { executor } = executors([new PffError('training', 'not finite')]);
    await expect(executor.run(task)).rejects.toThrow('not finite');
  });
});
