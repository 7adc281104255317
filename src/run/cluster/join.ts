/** Takes part in one run as a node, to the run's end: checks that it fits, then computes in a worker thread. */
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import { loadDataset } from '../../data/sources/load.js';
import { PffError } from '../../errors.js';
import { openKernels, type KernelsChoice } from '../../kernels/open.js';
import { stateBytes, type LayerShape } from '../../model/layer-state.js';
import { allShapes, networkShape } from '../../model/network.js';
import { wireBytes } from '../../model/wire.js';
import { workOnRun, type RunEnd } from '../../node/cluster/cluster-node.js';
import type { NodeEvent } from '../../node/events.js';
import type { Job, Site } from '../../node/job.js';
import type { Membership } from '../../node/cluster/membership.js';
import { sealingStore } from '../../node/cluster/private-labels.js';
import { WorkerExecutor } from '../../node/threads/worker-executor.js';
import { graphShape } from '../../schedule/shape.js';
import { parseTaskKey, taskKey, type Task } from '../../schedule/tasks.js';
import { systemClock } from '../../store/cluster/clock.js';
import { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { NatsApi } from '../../store/nats/api.js';
import { NatsEngine } from '../../store/nats/engine.js';
import type { NatsRegistry } from '../../store/nats/registry.js';
import { keys, type ReportRecord } from '../../store/cluster/records.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import { misfit } from './record.js';
import { prepareData, type PreparedData } from '../../node/prepare.js';

export interface JoinOptions {
  readonly kernels: KernelsChoice;
  readonly threads: number;
  readonly dataDir?: string | undefined;
  /** Federated: take this slot (from 0) and no other. */
  readonly slot?: number | undefined;
  readonly signal: AbortSignal;
  /** One line for the person who watches the node. */
  readonly say: (line: string) => void;
}

export type JoinEnd = RunEnd | 'refused';

export async function joinRun(
  api: NatsApi,
  registry: NatsRegistry,
  record: RunRecord,
  options: JoinOptions,
): Promise<JoinEnd> {
  const { run, spec, variant, nodes, leaseMs } = record;
  const { signal, say } = options;
  const name = `${os.hostname()}:${process.pid}`;
  const dataset = await loadDataset({ dataset: spec.dataset, dataDir: options.dataDir }).catch((error: unknown) => {
    if (error instanceof PffError) return error;
    throw error;
  });
  const { kernels } = openKernels({ kernels: options.kernels, threads: 1, precision: spec.precision });
  const { bitClass } = kernels;
  kernels.close();
  const missing =
    dataset instanceof PffError
      ? `the data of run ${run} is not here: ${dataset.message}. ${dataset.hint ?? ''}`
      : undefined;
  const why = misfit(record, bitClass, dataset instanceof PffError ? undefined : dataset) ?? missing;
  const federated = variant === 'federated';
  const prepared =
    why === undefined && !(dataset instanceof PffError)
      ? prepareData(dataset, federated ? { ...spec, shards: 1, skew: 0 } : spec)
      : undefined;
  const store = openStore(api, registry, record, name, prepared, signal, say);
  try {
    await store.open();
    if (!prepared) {
      say(`refused: ${why}`);
      await store.records.tell(keys.refused(store.id), { v: 1, by: store.id, name, text: why ?? '' });
      return 'refused';
    }
    say(`joined run ${run}: ${variant} on ${nodes} slots, ${spec.splits} chapters, as ${name}`);
    const own = federated ? prepared.facts.digest : undefined;
    const end = await work(store, record, prepared, own, name, leaseMs, options);
    await registry.markPatiently(run, end, signal);
    say(`run ${run} is ${end}`);
    return end;
  } finally {
    await store.close();
  }
}

/** The store of a run for a process that knows its data, or (without `prepared`) only looks on. */
export function openStore(
  api: NatsApi,
  registry: NatsRegistry,
  record: RunRecord,
  name: string,
  prepared: PreparedData | undefined,
  signal: AbortSignal,
  say: (line: string) => void,
): ClusterStore {
  let lastTrouble = -Infinity;
  const shapes = prepared ? allShapes(networkShape(record.spec, prepared.layout)) : undefined;
  return new ClusterStore({
    engine: new NatsEngine(api, record.run, record, () => registry.restore(record)),
    shape: graphShape(record.spec),
    id: randomBytes(8).toString('hex'),
    name,
    clock: systemClock,
    signal,
    wire: record.spec.wire,
    expectedBytes: (task) => {
      if (!prepared || !shapes) return undefined;
      if (task.kind === 'train') return wireBytes(record.spec, stateBytes(shapes[task.layer] as LayerShape));
      // Only the node whose data it is knows how many labels it has.
      return record.variant === 'federated' ? undefined : (prepared.sites[0] as Site).data.samples.count;
    },
    onTrouble: (error) => {
      if (performance.now() - lastTrouble < 10_000) return;
      lastTrouble = performance.now();
      say(`waiting: ${error.message}`);
    },
  });
}

async function work(
  store: ClusterStore,
  record: RunRecord,
  prepared: PreparedData,
  data: string | undefined,
  name: string,
  leaseMs: number,
  options: JoinOptions,
): Promise<RunEnd> {
  const { spec, variant, nodes } = record;
  // A federated node has its own data only, whichever chapters it gets.
  const [own] = prepared.sites;
  const job: Job = {
    spec,
    variant,
    nodes,
    layout: prepared.layout,
    classes: prepared.facts.classes.length,
    sites: data === undefined ? prepared.sites : Array.from({ length: spec.shards }, () => own as Site),
    startedMs: record.createdMs,
  };
  let membership: Membership | undefined;
  const ready = store.ready();
  const executor = new WorkerExecutor({
    job,
    kernels: options.kernels,
    threads: options.threads,
    store: data === undefined ? ready : sealingStore(ready, (own as Site).data),
    number: () => membership?.number ?? nodes,
    onEvent: (event) => observe(store, membership, event, options.say),
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
      slot: options.slot,
      onMember: (member) => {
        membership = member;
      },
    });
  } finally {
    await executor.close();
  }
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
  const key = `c${task.chapter}.${task.layer === 'labels' ? 'labels' : `l${task.layer === 'head' ? headIndex(store) : task.layer}`}`;
  const done: Task = parseTaskKey(key);
  say(`done ${taskKey(done)}`);
  const report = { v: 1, node, task, stats: { ...stats }, spans: spans.slice(-1000), processBytes } as ReportRecord;
  store.records.tell(keys.report(done), report).catch((error: unknown) => {
    if (!(error instanceof PffError)) throw error;
  });
}

function headIndex(store: ClusterStore): number {
  return store.shape.layers;
}
