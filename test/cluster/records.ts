/** The record of a run that is submitted nowhere, for tests of what nodes and followers make of one. */
import { newRunRecord } from '../../src/run/cluster/record.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';
import type { RunRecord } from '../../src/store/cluster/run-record.js';

export function recordOf(spec: PartialSpec, run = 'r'): RunRecord {
  return newRunRecord(
    {
      run,
      spec: resolveSpec(spec),
      variant: 'all-layers',
      nodes: 2,
      numerics: { id: 'f32-fma/1', exact: true },
      leaseMs: 1000,
      storage: 'file',
      replicas: 1,
      maxBytes: 0,
    },
    { name: 'mnist', digest: 'd', classes: ['0', '1'] },
    undefined,
  );
}
