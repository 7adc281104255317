/** A node's part in one run that it fits, to the run's end: what the tasks tell becomes records, and somebody else computes. */
import { PffError } from '../../errors.js';
import { graphShape } from '../../schedule/shape.js';
import { taskKey } from '../../schedule/tasks.js';
import { taskOf } from '../../schedule/timeline.js';
import { systemClock } from '../../store/cluster/clock.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import { keys, type ReportRecord } from '../../store/cluster/records.js';
import { runContext, type RunRecord } from '../../store/cluster/run-record.js';
import type { Store } from '../../store/store.js';
import type { NodeEvent } from '../events.js';
import { viewState, type LayerStructure } from '../../layers/layer-state.js';
import { allStructures, networkStructure } from '../../model/network.js';
import { boundedStore } from '../bounded-updates.js';
import { beginning, type Job, type Site } from '../job.js';
import type { PreparedData } from '../prepare.js';
import { workOnRun, type ClusterNodeOptions, type RunEnd } from './cluster-node.js';
import type { TaskExecutor } from './task-executor.js';
import type { Membership } from './membership.js';
import { sealingStore } from './private-labels.js';

/** What an executor is opened with. */
export interface ExecutorSetting {
  readonly job: Job;
  /** What tasks fetch from and publish to. */
  readonly store: Store;
  /** The node's present number. */
  readonly number: () => number;
  readonly onEvent: (event: NodeEvent) => void;
}

export interface ClosableExecutor extends TaskExecutor {
  close(): Promise<void>;
}

export interface Part extends Pick<ClusterNodeOptions, 'name' | 'slot' | 'leaves' | 'leave'> {
  readonly store: ClusterStore;
  readonly record: RunRecord;
  readonly prepared: PreparedData;
  /** Buffers of the states that layers begin with, where those are a model's. */
  readonly initial?: readonly ArrayBufferLike[] | undefined;
  /** The share of tasks that this node does twice and compares. */
  readonly repeat?: number | undefined;
  /** The most that a layer's state may move between two that this node sees (bounded-updates.ts); without bound unless given. */
  readonly maxUpdate?: number | undefined;
  readonly openExecutor: (setting: ExecutorSetting) => ClosableExecutor;
  /** One line for the person who watches the node. */
  readonly say: (line: string) => void;
  /** Told what the tasks tell, besides. */
  readonly onEvent?: ((event: NodeEvent) => void) | undefined;
}

/** @throws as `workOnRun` */
export async function takePart(part: Part): Promise<RunEnd> {
  const { store, record, prepared, initial, name, slot, leaves, leave, say } = part;
  const { spec, variant, nodes, leaseMs } = record;
  const [own] = prepared.sites;
  const data = variant === 'federated' ? prepared.facts.digest : undefined;
  const job: Job = { ...jobOf(record, prepared, initial), repeat: part.repeat };
  let membership: Membership | undefined;
  const ready = bounded(store.ready(), job, part.maxUpdate);
  const executor = part.openExecutor({
    job,
    store: data === undefined ? ready : sealingStore(ready, (own as Site).data, runContext(record)),
    number: () => membership?.number ?? nodes,
    onEvent: (event) => {
      observe(store, membership, event, say);
      part.onEvent?.(event);
    },
  });
  try {
    return await workOnRun({
      store,
      executor,
      clock: systemClock,
      shape: graphShape(spec),
      variant,
      nodes,
      name,
      leaseMs,
      data,
      slot,
      onMember: (member) => {
        membership = member;
      },
      leaves,
      leave,
    });
  } finally {
    await executor.close();
  }
}

function bounded(store: Store, job: Job, most: number | undefined): Store {
  if (most === undefined) return store;
  const structures = allStructures(networkStructure(job.spec, job.layout));
  const of = (layer: number): LayerStructure => structures[layer] as LayerStructure;
  return boundedStore(store, {
    most,
    initial: (layer) => beginning(job, of(layer)),
    view: (layer, { steps, buffer }) => viewState(of(layer), steps, buffer),
  });
}

/** What tasks of the run are done with here. */
export function jobOf(record: RunRecord, prepared: PreparedData, initial: Part['initial']): Job {
  const { spec, variant, nodes, audit } = record;
  // A federated node has its own data only, whichever chapters it gets.
  const [own] = prepared.sites;
  return {
    spec,
    variant,
    nodes,
    layout: prepared.layout,
    classes: prepared.facts.classes.length,
    sites: variant === 'federated' ? Array.from({ length: spec.shards }, () => own as Site) : prepared.sites,
    ...(initial ? { initial } : {}),
    ...(audit?.cuts === undefined ? {} : { cuts: audit.cuts }),
    startedMs: record.createdMs,
  };
}

/** Passes on what the tasks tell: progress with the next beat, a finished task as a record of its own. */
function observe(
  store: ClusterStore,
  membership: Membership | undefined,
  event: NodeEvent,
  say: (line: string) => void,
): void {
  if (event.type === 'progress') {
    const { task, batch, batches, stats } = event;
    if (task.layer !== 'network')
      membership?.tellProgress({ task: { ...task, layer: task.layer }, batch, batches, stats: { ...stats } });
    return;
  }
  const { node, task, stats, spans, processBytes } = event;
  const done = taskOf(store.shape, task);
  if (store.isChecking(done)) return say(`checked ${taskKey(done)}`);
  say(`done ${taskKey(done)}`);
  const report = { v: 1, node, task, stats: { ...stats }, spans: spans.slice(-1000), processBytes } as ReportRecord;
  store.records.tell(keys.report(done), report).catch((error: unknown) => {
    // Nor is it a defect where the store has ended while it was told.
    if (!(error instanceof PffError) && !store.signal.aborted) throw error;
  });
}
