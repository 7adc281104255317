/** Runs in bf16 and bf16-tile: the same bits on every backend, other bits than f32, and everything that must know of it does. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { listInstructionSets } from '../../src/kernels/native/instruction-sets.js';
import { exactNumerics, precisions } from '../../src/kernels/numerics.js';
import type { KernelsChoice } from '../../src/kernels/open.js';
import { decodeModel } from '../../src/model/model-file.js';
import { misfitOfProgram } from '../../src/node/cluster/misfit.js';
import { newRunRecord } from '../../src/run/cluster/record.js';
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
        expect(result.numerics).toEqual(exactNumerics[precision]);
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
  expect([spec.precision, metadata['numerics']]).toEqual(['bf16', 'bf16-dot/1']);
});

it('a node of other numerics or of another build does not join', () => {
  const { name, classes } = dataset;
  const digest = 'd'.repeat(64);
  const spec = toySpec({ precision: 'bf16' });
  const setting = {
    run: 'r',
    spec,
    variant: 'sequential',
    nodes: 1,
    numerics: exactNumerics.bf16,
    leaseMs: 1000,
  } as const;
  const record = newRunRecord({ ...setting, storage: 'memory', replicas: 1, maxBytes: 0 }, { name, digest, classes });
  expect(record.version).toMatch(/^\d+\.\d+\.\d+\+[0-9a-f]{12}$/);
  expect(misfitOfProgram(record, exactNumerics.bf16, record.version)).toBeUndefined();
  expect(misfitOfProgram(record, exactNumerics.bf16, '0.1.0+0123456789ab')).toBe(
    `run r is of pff ${record.version}, but this node is pff 0.1.0+0123456789ab. All nodes of a run need the build of pff that submitted it`,
  );
  expect(misfitOfProgram(record, exactNumerics.f32, record.version)).toBe(
    "run r computes in bf16-dot/1, but this node's kernels in f32-fma/1",
  );
});
