/**
 * A discrete-event engine: nodes that carry out jobs in order, with links between them. It knows nothing of chapters and
 * layers; simulate.ts and dff.ts bring their graphs to it. The same input gives the same spans, in the same order.
 */
import { VirtualClock } from './virtual-clock.js';
import type { Phase, Span, TaskRef } from '../schedule/timeline.js';

/** A piece of work of a job, and the jobs (by index) whose outputs it needs. */
export interface Work {
  readonly phase: Extract<Phase, 'pass' | 'train' | 'labels'>;
  readonly seconds: number;
  readonly needs: readonly number[];
}

export interface Job {
  readonly node: number;
  readonly task: TaskRef;
  readonly work: readonly Work[];
  /** A job that has to be published, not fetched, before this one begins. */
  readonly gate: number | null;
  /** Size of its output. */
  readonly bytes: number;
}

/** Each node has one link to the store in each direction, which carries one transfer at a time. */
export interface Network {
  /** Bytes per second of a link; Infinity for transfers that cost no time. */
  readonly bandwidth: number;
  /** Seconds that a transfer takes on top, without occupying the link. */
  readonly latency: number;
  /** Nodes compute while they publish, and fetch what their present and next job need as soon as it is published. */
  readonly overlap: boolean;
}

export interface Played {
  readonly spans: readonly Span[];
  /** When each job's output was published, seconds. */
  readonly published: readonly number[];
}

/**
 * Plays `jobs` (each node does its own in array order) on `nodes` nodes. Without a network outputs are everywhere at
 * once and no transfers are recorded. Every job must be possible; a deadlock is a defect of the schedule and throws.
 */
export function play(jobs: readonly Job[], nodes: number, network: Network | null): Played {
  const engine = new Engine(jobs, nodes, network);
  engine.run();
  return { spans: engine.spans, published: engine.published };
}

interface NodeState {
  readonly id: number;
  readonly jobs: readonly number[];
  /** Present job (an index into `jobs`) and piece of work. */
  job: number;
  work: number;
  computing: boolean;
  /** What it stands still for, and since when. */
  waiting: { readonly job: number; readonly since: number } | null;
  readonly here: Set<number>;
  readonly coming: Set<number>;
  fetching: boolean;
  uplinkFree: number;
}

class Engine {
  readonly spans: Span[] = [];
  readonly published: number[];
  readonly #jobs: readonly Job[];
  readonly #network: Network | null;
  readonly #nodes: readonly NodeState[];
  /** For each job the nodes that may be waiting for it. */
  readonly #interested: readonly ReadonlySet<number>[];
  readonly #events = new VirtualClock();

  constructor(jobs: readonly Job[], nodes: number, network: Network | null) {
    this.#jobs = jobs;
    this.#network = network;
    this.published = jobs.map(() => Number.POSITIVE_INFINITY);
    const lists: number[][] = Array.from({ length: nodes }, () => []);
    const interested = jobs.map(() => new Set<number>());
    jobs.forEach(({ node, work, gate }, index) => {
      lists[node]?.push(index);
      if (gate !== null) interested[gate]?.add(node);
      for (const { needs } of work) for (const need of needs) interested[need]?.add(node);
    });
    this.#interested = interested;
    this.#nodes = lists.map((list, id) => ({
      id,
      jobs: list,
      job: 0,
      work: 0,
      computing: false,
      waiting: null,
      here: new Set(),
      coming: new Set(),
      fetching: false,
      uplinkFree: 0,
    }));
  }

  run(): void {
    for (const node of this.#nodes) this.#wake(node);
    while (this.#events.step());
    const stuck = this.#nodes.find((node) => node.job < node.jobs.length);
    if (stuck !== undefined) throw new Error(`the schedule deadlocks: node ${stuck.id} waits for ever`);
  }

  /** `index` was just published. */
  #tell(index: number): void {
    for (const id of this.#interested[index] ?? []) {
      const node = this.#nodes[id];
      if (node !== undefined) this.#wake(node);
    }
  }

  /** Starts whatever the node can do now: a fetch, its next piece of work. */
  #wake(node: NodeState): void {
    this.#fetch(node);
    const index = node.jobs[node.job];
    if (node.computing || index === undefined) return;
    const job = this.#job(index);
    const work = job.work[node.work];
    if (work === undefined) return;
    const missing = this.#missing(node, job, work);
    this.#stopWaiting(node, missing);
    if (missing !== null) return;
    node.computing = true;
    const start = this.#events.now;
    this.#events.at(start + work.seconds, () => {
      this.#record(node, job.task, work.phase, start, this.#events.now, 0);
      node.work += 1;
      if (node.work < job.work.length) node.computing = false;
      else this.#finish(node, index);
      this.#wake(node);
    });
  }

  /** The first thing that the node lacks for its present piece of work. */
  #missing(node: NodeState, job: Job, work: Work): number | null {
    if (node.work === 0 && job.gate !== null && !this.#isPublished(job.gate)) return job.gate;
    return work.needs.find((need) => !this.#isHere(node, need)) ?? null;
  }

  #stopWaiting(node: NodeState, missing: number | null): void {
    if (node.waiting !== null && node.waiting.job === missing) return;
    const task = this.#jobs[node.jobs[node.job] ?? -1]?.task;
    if (node.waiting !== null && task !== undefined && node.waiting.since < this.#events.now) {
      const waitedFor = this.#job(node.waiting.job).task;
      const { since: start } = node.waiting;
      this.spans.push({ node: node.id, task, phase: 'wait', start, end: this.#events.now, bytes: 0, waitedFor });
    }
    node.waiting = missing === null ? null : { job: missing, since: this.#events.now };
  }

  /** The last piece of work of a job is done: publish its output. */
  #finish(node: NodeState, index: number): void {
    const { bytes, task } = this.#job(index);
    const goOn = (): void => {
      node.job += 1;
      node.work = 0;
      node.computing = false;
    };
    node.here.add(index);
    const network = this.#network;
    if (network === null) {
      goOn();
      this.published[index] = this.#events.now;
      this.#tell(index);
      return;
    }
    if (network.overlap) goOn();
    const start = Math.max(this.#events.now, node.uplinkFree);
    node.uplinkFree = start + bytes / network.bandwidth;
    this.#events.at(node.uplinkFree + network.latency, () => {
      this.#record(node, task, 'publish', start, this.#events.now, bytes);
      this.published[index] = this.#events.now;
      this.#tell(index);
      if (network.overlap) return;
      goOn();
      this.#wake(node);
    });
  }

  #fetch(node: NodeState): void {
    const network = this.#network;
    if (network === null || node.fetching) return;
    const index = this.#wanted(node).find(
      (need) => this.#isPublished(need) && !this.#isHere(node, need) && !node.coming.has(need),
    );
    if (index === undefined) return;
    const { bytes, task } = this.#job(index);
    const start = this.#events.now;
    const linkFree = start + bytes / network.bandwidth;
    node.fetching = true;
    node.coming.add(index);
    this.#events.at(linkFree, () => {
      node.fetching = false;
      this.#fetch(node);
    });
    this.#events.at(linkFree + network.latency, () => {
      this.#record(node, task, 'fetch', start, this.#events.now, bytes);
      node.here.add(index);
      this.#wake(node);
    });
  }

  /** The outputs that the node may fetch now, most urgent first. */
  #wanted(node: NodeState): readonly number[] {
    const job = this.#jobs[node.jobs[node.job] ?? -1];
    // What the present piece of work needs is missing only while the node stands still.
    if (this.#network?.overlap !== true) return job?.work[node.work]?.needs ?? [];
    const next = this.#jobs[node.jobs[node.job + 1] ?? -1];
    return [...(job?.work.slice(node.work) ?? []), ...(next?.work ?? [])].flatMap((work) => work.needs);
  }

  #isPublished(index: number): boolean {
    return (this.published[index] ?? 0) <= this.#events.now;
  }

  #isHere(node: NodeState, index: number): boolean {
    return this.#network === null ? this.#isPublished(index) : node.here.has(index);
  }

  #record(node: NodeState, task: TaskRef, phase: Phase, start: number, end: number, bytes: number): void {
    this.spans.push({ node: node.id, task, phase, start, end, bytes });
  }

  #job(index: number): Job {
    const job = this.#jobs[index];
    if (job === undefined) throw new Error(`no job ${index}`);
    return job;
  }
}
