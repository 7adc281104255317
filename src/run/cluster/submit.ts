/** A training on a cluster as its submitter sees it: its record, checked before anything is sent. */
import { MOST_CUTS } from '../../audit/chain.js';
import { PffError } from '../../errors.js';
import type { Numerics } from '../../kernels/numerics.js';
import type { PreparedData } from '../../node/prepare.js';
import type { RunSpec } from '../../spec/spec.js';
import { serverBytes } from '../memory.js';
import type { Execution } from '../options.js';
import type { ClusterOptions } from './options.js';
import { nodeSigner } from './node-key.js';
import { newRunRecord, type RunSetting } from './record.js';
import { withServer } from './with-run.js';
import { runRecordSchema, type RunRecord } from '../../store/cluster/run-record.js';

/** A server takes messages of 1 MiB; what it adds itself stays well below the rest. */
const MOST_RECORD_BYTES = 1_000_000;

/** Digests of parameters on the way that go with each audited result: few, for each takes as long as to read and hash a state. */
const USUAL_CUTS = 4;

/** What of a run goes into its record. */
export interface Submission {
  readonly spec: RunSpec;
  readonly execution: Execution;
  readonly numerics: Numerics;
  readonly prepared: PreparedData;
}

/**
 * The record of a run, once its server has answered and has no other run of its name: a submission that fails here leaves nothing behind.
 * @throws PffError `usage` as `runRecordFor`, `cluster` where the server cannot be reached or the name is taken
 */
export async function acceptedRecord(cluster: ClusterOptions, submission: Submission): Promise<RunRecord> {
  const record = runRecordFor(cluster, submission);
  await withServer(cluster.server, async (_, registry) => {
    if (!cluster.record) await registry.checkFree(record.run);
  });
  return record;
}

/** The record of a run to submit, or of the one that is followed. @throws PffError `usage` for a run that could never be done, `data` */
function runRecordFor(cluster: ClusterOptions, { spec, execution, numerics, prepared }: Submission): RunRecord {
  if (cluster.record) return withSameData(cluster.record, prepared);
  if (spec.earlyStop > 0)
    throw new PffError('usage', `earlyStop is ${spec.earlyStop}, but a run on a cluster does not stop early`, {
      hint: 'Leave --early-stop or --server out; docs/EXPERIMENTS.md says why.',
    });
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
  const audit = auditOf(cluster, setting.variant);
  const all = audit ? { ...setting, audit } : setting;
  checkServerBytes(all, prepared);
  const record = newRunRecord(all, prepared.facts, prepared.inputs);
  const bytes = Buffer.byteLength(JSON.stringify(record));
  if (bytes > MOST_RECORD_BYTES)
    throw new PffError(
      'usage',
      `the names of the data's ${record.dataset.classes.length} classes and of its columns make a record of ${bytes} bytes, but a cluster's server takes ${MOST_RECORD_BYTES}`,
      { hint: 'Give classes and columns shorter names, such as numbers; or train on this machine, with --nodes.' },
    );
  checkReadable(record);
  return record;
}

/** What to do about a field of a record that nodes would not read, by the beginning of its name. */
const HINTS: Readonly<Record<string, string>> = {
  leaseMs: 'Give a --lease of 0.1 to 3600 seconds.',
  nodes: 'Give 1 to 10000 --nodes.',
  replicas: 'Give 1 to 5 --replicas.',
  'dataset.classes': 'Give classes names of at most 200 characters, on one line, all of which can be seen.',
  'dataset.inputs': 'Give columns names on one line, all of whose characters can be seen.',
};

/** No node takes a record for one that is not as all write it, and no command finds its run again. @throws PffError `usage` */
function checkReadable(record: RunRecord): void {
  const parsed = runRecordSchema.safeParse(record);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  const hint = Object.entries(HINTS).find(([beginning]) => field.startsWith(beginning))?.[1];
  throw new PffError('usage', `nodes could not read what is said of the run in ${field}: ${issue?.message}`, {
    hint: hint ?? 'Change that; or train on this machine, with --nodes.',
  });
}

/** Who follows measures on its own data, so these must be the run's; those of a federated run are many. @throws PffError `data` */
function withSameData(record: RunRecord, { facts }: Pick<PreparedData, 'facts'>): RunRecord {
  const { run, spec, dataset, variant } = record;
  if (variant === 'federated' || facts.digest === dataset.digest) return record;
  throw new PffError(
    'data',
    `run ${run} trains on ${dataset.name} with digest ${dataset.digest.slice(0, 16)}, but the data given here have ${facts.digest.slice(0, 16)}`,
    {
      hint:
        spec.dataset === 'own'
          ? 'Name the file that the run was submitted with by --data, unchanged.'
          : 'Name the folder with the same files by --data-dir.',
    },
  );
}

function auditOf(
  { audit, auditors, refuse, auditCuts, key }: ClusterOptions,
  variant: RunRecord['variant'],
): RunRecord['audit'] {
  if (audit !== undefined && !(audit >= 0 && audit <= 1))
    throw new PffError('usage', `audit must be a rate of 0 to 1, but is ${audit}`, {
      hint: '0.05 checks one result in twenty of a node that has earned trust; 1 checks each.',
    });
  if (auditCuts !== undefined && !(Number.isInteger(auditCuts) && auditCuts >= 0 && auditCuts <= MOST_CUTS))
    throw new PffError('usage', `auditCuts must be a whole number of 0 to ${MOST_CUTS}, but is ${auditCuts}`, {
      hint: 'So many digests of parameters on the way go with each result; 0 for none.',
    });
  if (!audit) {
    if (auditors === undefined && auditCuts === undefined && refuse === undefined) return undefined;
    const what = auditors ? 'auditors were named' : refuse ? 'keys are to be refused' : 'auditCuts was given';
    throw new PffError('usage', `${what}, but nothing is audited`, { hint: 'Give --audit RATE.' });
  }
  if (variant === 'federated')
    throw new PffError('usage', 'a federated run cannot be audited: only the node that has the data can do its tasks', {
      hint: 'docs/AUDITS.md says what can be checked instead.',
    });
  const wrong = [...(auditors ?? []), ...(refuse ?? [])].find((each) => !/^[0-9a-f]{64}$/.test(each));
  if (wrong !== undefined)
    throw new PffError('usage', `${JSON.stringify(wrong)} is no key of a node`, {
      hint: 'A key is 64 hex digits; pff node prints its own when it joins an audited run.',
    });
  const both = auditors?.find((each) => refuse?.includes(each));
  if (both !== undefined)
    throw new PffError('usage', `key ${both} is named as that of an auditor, and as one to refuse`, {
      hint: 'Leave it out of --auditors or of --refuse.',
    });
  const owner = nodeSigner(key).key;
  const cuts = auditCuts ?? USUAL_CUTS;
  return {
    rate: audit,
    ...(auditors?.length ? { auditors: [...auditors] } : {}),
    ...(refuse?.length ? { refuse: [...refuse] } : {}),
    owner,
    ...(cuts > 0 ? { cuts } : {}),
  };
}

/** @throws PffError `usage` where the run would come to wait for room that it never gets */
export function checkServerBytes(
  { spec, variant, nodes, maxBytes, audit }: Pick<RunSetting, 'spec' | 'variant' | 'nodes' | 'maxBytes' | 'audit'>,
  prepared: PreparedData,
): void {
  const needed = serverBytes(spec, { variant, nodes }, prepared, audit !== undefined);
  if (maxBytes === 0 || maxBytes >= needed) return;
  throw new PffError(
    'usage',
    `maxBytes is ${maxBytes}, but the run may need ${needed} bytes on the server, and would wait for room that it never gets`,
    { hint: `Give --max-bytes ${needed} or more, or 0 for no limit; fewer --nodes need less.` },
  );
}
