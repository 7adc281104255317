/** Runs in bf16 and bf16-tile: the same bits on every backend, other bits than f32, and everything that must know of it does. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bitClasses, precisions } from '../../src/kernels/kernels.js';
import { listInstructionSets, type KernelsChoice } from '../../src/kernels/open.js';
import { decodeModel } from '../../src/model/model-file.js';
import { misfit, newRunRecord } from '../../src/run/cluster/record.js';
import { trainToEnd } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const dataset = toyDataset();
const backends = ['reference', ...listInstructionSets()] as KernelsChoice[];

describe.each([
  ['goodness, softmax', { negatives: 'sampled', classifier: 'softmax' }],
  ['heads', { objective: 'performance-optimized' }],
  ['backpropagation', { objective: 'backprop' }],
] as const)('%s', (_, part) => {
  it('gives the same bits on every backend, and others in each precision', async () => {
    const digests = new Set<string>();
    for (const precision of precisions) {
      const ofPrecision = new Set<string>();
      for (const kernels of backends) {
        const result = await trainToEnd({ spec: toySpec({ ...part, precision }), kernels }, dataset);
        expect(result.bitClass).toBe(bitClasses[precision]);
        ofPrecision.add(result.modelDigest);
      }
      expect(ofPrecision.size).toBe(1);
      for (const digest of ofPrecision) digests.add(digest);
    }
    expect(digests.size).toBe(precisions.length);
  });
});

it.each(precisions)('learns in %s', async (precision) => {
  const result = await trainToEnd({ spec: toySpec({ precision, epochs: 12 }) }, dataset);
  expect(result.testAccuracy).toBeGreaterThan(0.9);
});

it("is said by the model's file", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pff-test-'));
  const out = path.join(folder, 'run');
  await trainToEnd({ spec: toySpec({ precision: 'bf16' }), out }, dataset);
  const { spec, metadata } = decodeModel(readFileSync(path.join(out, 'model.safetensors')));
  rmSync(folder, { recursive: true });
  expect([spec.precision, metadata['bitClass']]).toEqual(['bf16', 'bf16-dot/1']);
});

it('a node of another bit-class does not join', () => {
  const { name, classes } = dataset;
  const digest = 'd'.repeat(64);
  const spec = toySpec({ precision: 'bf16' });
  const setting = {
    run: 'r',
    spec,
    variant: 'sequential',
    nodes: 1,
    bitClass: bitClasses.bf16,
    leaseMs: 1000,
  } as const;
  const record = newRunRecord({ ...setting, storage: 'memory', replicas: 1, maxBytes: 0 }, { name, digest, classes });
  expect(misfit(record, bitClasses.bf16, undefined)).toBeUndefined();
  expect(misfit(record, bitClasses.f32, undefined)).toBe(
    "run r computes with bit-class bf16-dot/1, but this node's kernels have f32-fma/1",
  );
});
