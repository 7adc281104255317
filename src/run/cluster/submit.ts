/** A training on a cluster as its submitter sees it: its record, checked before anything is sent. */
import { PffError } from '../../errors.js';
import type { Numerics } from '../../kernels/numerics.js';
import type { PreparedData } from '../../node/prepare.js';
import type { RunSpec } from '../../spec/spec.js';
import { serverBytes } from '../memory.js';
import type { Execution } from '../options.js';
import type { ClusterOptions } from './options.js';
import { newRunRecord, type RunSetting } from './record.js';
import type { RunRecord } from '../../store/cluster/run-record.js';

/** A server takes messages of 1 MiB; what it adds itself stays well below the rest. */
const MOST_RECORD_BYTES = 1_000_000;

/** What of a run goes into its record. */
export interface Submission {
  readonly spec: RunSpec;
  readonly execution: Execution;
  readonly numerics: Numerics;
  readonly prepared: PreparedData;
}

/** The record of a run to submit, or of the one that is followed. @throws PffError `usage` for a run that could never be done */
export function runRecordFor(cluster: ClusterOptions, { spec, execution, numerics, prepared }: Submission): RunRecord {
  if (cluster.record) return cluster.record;
  const { variant, nodes } = execution;
  const setting = {
    run: cluster.run,
    spec,
    variant: variant === 'dff' ? 'sequential' : variant,
    nodes,
    numerics,
    leaseMs: cluster.leaseMs ?? 10_000,
    storage: cluster.storage ?? 'file',
    replicas: cluster.replicas ?? 1,
    maxBytes: cluster.maxBytes ?? 0,
  } as const;
  checkServerBytes(setting, prepared);
  const record = newRunRecord(setting, prepared.facts, prepared.inputs);
  const bytes = Buffer.byteLength(JSON.stringify(record));
  if (bytes > MOST_RECORD_BYTES)
    throw new PffError(
      'usage',
      `the names of the data's ${record.dataset.classes.length} classes and of its columns make a record of ${bytes} bytes, but a cluster's server takes ${MOST_RECORD_BYTES}`,
      { hint: 'Give classes and columns shorter names, such as numbers; or train on this machine, with --nodes.' },
    );
  return record;
}

/** @throws PffError `usage` where the run would come to wait for room that it never gets */
export function checkServerBytes(
  { spec, variant, nodes, maxBytes }: Pick<RunSetting, 'spec' | 'variant' | 'nodes' | 'maxBytes'>,
  prepared: PreparedData,
): void {
  const needed = serverBytes(spec, { variant, nodes }, prepared);
  if (maxBytes === 0 || maxBytes >= needed) return;
  throw new PffError(
    'usage',
    `maxBytes is ${maxBytes}, but the run may need ${needed} bytes on the server, and would wait for room that it never gets`,
    { hint: `Give --max-bytes ${needed} or more, or 0 for no limit; fewer --nodes need less.` },
  );
}
