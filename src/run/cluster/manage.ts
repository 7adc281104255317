/** Looking at the runs of a server, stopping and removing them. */
import os from 'node:os';
import { PffError } from '../../errors.js';
import type { LayerSize } from '../../layers/sizes.js';
import { taskCount } from '../../schedule/tasks.js';
import { systemClock } from '../../store/cluster/clock.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import type { NatsRegistry } from '../../store/nats/registry.js';
import { keys } from '../../store/cluster/records.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { auditReport, type AuditReport } from './audit-report.js';
import { wordsOf } from './examine.js';
import { doneTasks } from './done-tasks.js';
import { known, withRun, withServer } from './with-run.js';

/** What the register of a server says of a run. */
export interface RunSummary {
  readonly run: string;
  readonly state: RunRecord['state'];
  readonly dataset: string;
  readonly objective: string;
  readonly layers: readonly LayerSize[];
  readonly variant: string;
  readonly nodes: number;
  readonly createdMs: number;
}

/** How far a run is, and which nodes work on it. */
export interface RunStatus extends RunSummary {
  readonly tasksDone: number;
  readonly tasks: number;
  /** `working` nodes renewed their lease while we looked; `unknown`: their beats are too far apart to wait for. */
  readonly present: readonly {
    readonly number: number;
    readonly name: string;
    readonly state: 'working' | 'silent' | 'left' | 'unknown';
    readonly doing: string | undefined;
  }[];
  readonly refused: readonly { readonly name: string; readonly why: string }[];
  readonly conflicts: readonly string[];
  /** Records that no node of this version writes. */
  readonly refusedRecords: number;
  readonly failure: string | undefined;
  /** Where results are audited: what came of it. */
  readonly audits: AuditReport | undefined;
}

/** All runs that the server knows, the oldest first. */
export async function listRuns(server: ServerOptions): Promise<RunSummary[]> {
  return withServer(server, async (_, registry) =>
    (await registry.list()).filter(({ record }) => record.state !== 'removed').map(({ record }) => summaryOf(record)),
  );
}

/** Nodes whose beats are further apart are not waited for. */
const LONGEST_LOOK_MS = 20_000;

/** What a run is at; looks on for a little longer than a beat of its nodes, if that is no long time. */
export async function runStatus(server: ServerOptions, run: string): Promise<RunStatus> {
  return withRun(server, run, async (store, record) => {
    const { mirror } = store;
    const before = new Map(mirror.nodes().map(({ number, revision }) => [number, revision]));
    const lookMs = Math.min(0.3 * record.leaseMs, LONGEST_LOOK_MS);
    if (before.size > 0 && record.state === 'open') await systemClock.sleep(lookMs, store.signal);
    const quiet = record.state === 'open' && lookMs < 0.3 * record.leaseMs ? 'unknown' : 'silent';
    const notes = (type: 'refused' | 'conflict'): { name: string; why: string }[] =>
      [...mirror.all()].flatMap(({ entry }) =>
        entry?.type === type ? [{ name: entry.record.name, why: entry.record.text }] : [],
      );
    const failure = store.failure();
    return {
      ...summaryOf(record),
      tasksDone: doneTasks(store).length,
      tasks: taskCount(store.shape),
      present: mirror.nodes().map(({ number, record: { name, left, doing }, revision }) => ({
        number,
        name,
        state: left ? 'left' : before.get(number) === revision ? quiet : 'working',
        doing,
      })),
      refused: notes('refused'),
      conflicts: notes('conflict').map(({ why }) => why),
      refusedRecords: mirror.refusedRecords,
      failure: failure === undefined ? undefined : wordsOf(failure.error),
      audits: auditReport(store),
    };
  });
}

/**
 * Tells all nodes to leave the run; with `remove`, everything of it is dropped from the server.
 * @param key file with the key that an audited run was submitted with
 * @returns the state that the run was in: only an open one is stopped.
 */
export async function stopRun(
  server: ServerOptions,
  run: string,
  remove = false,
  key?: string,
): Promise<RunRecord['state']> {
  const stop = async (store: ClusterStore, record: RunRecord, registry: NatsRegistry): Promise<RunRecord['state']> => {
    if (record.state === 'open') {
      if (record.audit && record.audit.owner !== store.audits?.signer?.key)
        throw new PffError('cluster', `run ${run} is audited: only who submitted it can stop it`, {
          hint: 'Name the file with the key that it was submitted with by --key FILE.',
        });
      const signature = store.audits?.stopSignature() ?? {};
      const word = { v: 1, by: store.id, name: os.hostname(), text: 'stopped', ...signature } as const;
      // Over a record of somebody who may not stop it, which nobody believes.
      if (!(await store.records.tellOver(keys.stop, word, () => store.stopped)))
        throw new PffError('cluster', `run ${run} was not stopped: somebody writes over the word that stops it`, {
          hint: 'Try again, and look at who may write to the server (docs/CLUSTER.md).',
        });
      // Not before it is removed: who follows the run reads here whether there is something to fetch.
      if (!remove) await registry.mark(record, 'stopped');
    }
    if (remove) await registry.remove(record);
    return record.state;
  };
  // What was removed halfway is no run any more, but is still there.
  if (remove && (await withServer(server, (_, registry) => registry.completeRemoval(run)))) return 'removed';
  return withRun(server, run, stop, { signing: { key } });
}

/** The register's record of a run. @throws PffError `cluster` if there is none */
export async function runRecord(server: ServerOptions, run: string): Promise<RunRecord> {
  return withServer(server, (_, registry) => known(registry, run));
}

function summaryOf({ run, state, dataset, spec, variant, nodes, createdMs }: RunRecord): RunSummary {
  return {
    run,
    state,
    dataset: dataset.name,
    objective: spec.objective,
    layers: spec.layers,
    variant,
    nodes,
    createdMs,
  };
}
