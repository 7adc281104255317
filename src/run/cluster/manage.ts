/** Looking at the runs of a server, stopping and removing them, and fetching what they made. */
import { clusterCommand } from './command.js';
import os from 'node:os';
import { PffError } from '../../errors.js';
import type { LayerSize } from '../../layers/sizes.js';
import { allStructures, networkStructure } from '../../model/network.js';
import { labelLayout } from '../../data/labels.js';
import { viewState, type LayerStructure, type LayerState } from '../../layers/layer-state.js';
import { checkGraph } from '../../schedule/bounds.js';
import { trainedLayers } from '../../schedule/shape.js';
import { isTask, taskCount, type Task, type TrainTask } from '../../schedule/tasks.js';
import { systemClock } from '../../store/cluster/clock.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import type { NatsRegistry } from '../../store/nats/registry.js';
import { keys, type FailureRecord } from '../../store/cluster/records.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { modelDigest } from '../../model/digest.js';
import { MODEL_FILE, RunFolder, SPEC_FILE } from '../folder.js';
import { encodeSealed } from '../model-integrity.js';
import { auditReport, type AuditReport } from './audit-report.js';
import { VERSION } from '../version.js';
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
  /** `working` nodes renewed their lease while we looked. */
  readonly present: readonly {
    readonly number: number;
    readonly name: string;
    readonly state: 'working' | 'silent' | 'left';
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

/** What a run is at; looks on for a little longer than a beat of its nodes. */
export async function runStatus(server: ServerOptions, run: string): Promise<RunStatus> {
  return withRun(server, run, async (store, record) => {
    const { mirror } = store;
    const before = new Map(mirror.nodes().map(({ number, revision }) => [number, revision]));
    if (before.size > 0 && record.state === 'open') await systemClock.sleep(0.3 * record.leaseMs, store.signal);
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
        state: left ? 'left' : before.get(number) === revision ? 'silent' : 'working',
        doing,
      })),
      refused: notes('refused'),
      conflicts: notes('conflict').map(({ why }) => why),
      refusedRecords: mirror.refusedRecords,
      failure: failure === undefined ? undefined : inWords(failure.error),
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
  return withRun(server, run, stop, { key });
}

/** A model that was fetched from a cluster into a folder. */
export interface FetchedModel {
  readonly folder: string;
  readonly modelDigest: string;
  /** Chapters that every layer has behind it. */
  readonly chapters: number;
  readonly finished: boolean;
}

/**
 * Writes the model (each layer as it is now, of the last chapter that all have) and the spec into a new folder. A large model may take
 * long over a slow network: `signal` ends it, not a time.
 */
export async function fetchModel(
  server: ServerOptions,
  run: string,
  out: string,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FetchedModel> {
  const fetch = async (store: ClusterStore, record: RunRecord): Promise<FetchedModel> => {
    const { spec } = record;
    checkGraph(spec);
    const { imageSize, classes } = record.dataset;
    const layout = labelLayout({ width: imageSize, height: 1, channels: 1 }, classes.length, spec.labelMode);
    const shapes = allStructures(networkStructure(spec, layout));
    const found: TrainTask[] = [];
    for (const task of doneTasks(store))
      if (task.kind === 'train' && task.chapter >= (found[task.layer]?.chapter ?? 0)) found[task.layer] = task;
    const newest = Array.from({ length: trainedLayers(store.shape) }, (_, layer) => {
      const task = found[layer];
      if (task) return task;
      throw new PffError('cluster', `run ${run} has no model yet: layer ${layer + 1} has not finished a chapter`, {
        hint: `${clusterCommand(server, 'status', run)} says how far it is.`,
      });
    });
    const states: LayerState[] = [];
    for (const task of newest) {
      const { steps, buffer } = await store.fetch(task, store.signal);
      states.push(viewState(shapes[task.layer] as LayerStructure, steps, buffer));
    }
    const chapters = 1 + Math.min(...newest.map(({ chapter }) => chapter));
    // Where results are audited, those that wait for it are not the last word.
    const finished = chapters === spec.splits && (!store.audits || store.wanted(false).finished);
    const folder = new RunFolder(out);
    let whole = false;
    try {
      const digest = modelDigest(states);
      folder.write(SPEC_FILE, `${JSON.stringify(spec, undefined, 2)}\n`);
      const metadata = {
        program: `pff ${VERSION}`,
        modelDigest: digest,
        dataDigest: record.dataset.digest,
        classes: JSON.stringify(classes),
        ...(finished ? {} : { interruptedAfterChapters: String(chapters) }),
      };
      folder.write(MODEL_FILE, encodeSealed(spec, states, metadata));
      whole = true;
      return { folder: folder.path, modelDigest: digest, chapters, finished };
    } finally {
      // Else what is left would keep the same command from being tried again.
      if (whole) folder.close();
      else folder.discard();
    }
  };
  return withRun(server, run, fetch, undefined, signal);
}

/** The run's tasks that are published: of those that have records, for a run may claim to have more than can be listed. */
function doneTasks({ mirror, shape }: ClusterStore): Task[] {
  return [...mirror.all()].flatMap(({ entry }) =>
    entry?.type === 'task' && isTask(shape, entry.task) && mirror.done(entry.task) ? [entry.task] : [],
  );
}

/** An error that ended a run, hint and all. */
function inWords({ message, hint }: FailureRecord['error']): string {
  return hint === undefined ? message : `${message} ${hint}`;
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
