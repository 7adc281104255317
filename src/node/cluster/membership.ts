/**
 * A node's place among the nodes of a run: its number, held as a lease that it renews by beats. Numbers below N are the
 * slots of the schedule (whose tasks a node prefers, because it holds their inputs); nodes beyond them stand by, help, and
 * move up when a slot falls free. Nobody hands out numbers: they are taken by compare-and-set.
 */
import { keys, nodeNumbers, type NodeRecord } from '../../store/cluster/records.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { Clock } from '../../store/cluster/clock.js';

export interface MembershipOptions {
  readonly store: ClusterStore;
  readonly clock: Clock;
  /** For people: host and process. */
  readonly name: string;
  /** N: the run's slots. */
  readonly nodes: number;
  /** A node that has not beaten for so long, as others observe it, counts as gone. */
  readonly leaseMs: number;
  /** Federated: digest of this node's own data; slots stay with their data. */
  readonly data?: string | undefined;
  /** Take this slot and no other (federated). */
  readonly slot?: number | undefined;
}

/** Beats in a lease: as many may be lost in a row. */
const BEATS = 5;

export class Membership {
  readonly #options: MembershipOptions;
  #number: number | undefined;
  /** From then on no beat takes back what was said. */
  #isLeaving = false;
  #revision = 0;
  /** Revisions of slots with the same data when this node saw them first. */
  readonly #firstSeen = new Map<number, number>();
  #beat = 0;
  #doing: string | undefined;
  #progress: NodeRecord['progress'];
  readonly #identity: Pick<NodeRecord, 'key' | 'proof'>;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#identity = options.store.audits?.identity(options.store.id) ?? {};
  }

  /** This node's number; undefined while it has none. */
  get number(): number | undefined {
    return this.#number;
  }

  /** What the next beats tell of this node's work. */
  tell(doing: string | undefined): void {
    this.#doing = doing;
    this.#progress = undefined;
  }

  tellProgress(progress: NodeRecord['progress']): void {
    this.#progress = progress;
  }

  /** Identities of the nodes that are there. */
  alive(): Set<string> {
    const { store, leaseMs } = this.#options;
    const alive = new Set([store.id]);
    for (const { record, age } of store.mirror.nodes())
      if (!record.left && age < leaseMs && this.#isMember(record)) alive.add(record.id);
    return alive;
  }

  /** Where results are audited: keys of the nodes that are there. */
  keys(): Set<string> {
    const { store, leaseMs } = this.#options;
    const all = new Set<string>(this.#identity.key === undefined ? [] : [this.#identity.key]);
    for (const { record, age } of store.mirror.nodes())
      if (!record.left && age < leaseMs && record.key !== undefined && this.#isMember(record)) all.add(record.key);
    return all;
  }

  /** Whether slot `slot` has a living node other than this one. */
  isOthers(slot: number): boolean {
    const { store, leaseMs } = this.#options;
    const entry = store.mirror.get(keys.node(slot));
    if (entry?.entry?.type !== 'node') return false;
    const { record } = entry.entry;
    const isThere = !record.left && store.mirror.observed - entry.since < leaseMs;
    return record.id !== store.id && isThere && this.#isMember(record);
  }

  /** Nodes that were refuted, or show no key where results are audited, count as gone. */
  #isMember(record: NodeRecord): boolean {
    return this.#options.store.audits?.isMember(record) ?? true;
  }

  /** Takes a number, and keeps it (or another) until the store's signal aborts. */
  async keep(): Promise<void> {
    const { store, clock, leaseMs, nodes } = this.#options;
    while (!store.signal.aborted && !this.#isLeaving) {
      if (this.#number === undefined) await this.#takeAny();
      else if (!(await this.#renew())) continue;
      else if (this.#number >= nodes) await this.#moveUp();
      await clock.sleep(leaseMs / BEATS, store.signal);
    }
  }

  /** Says that this node leaves, so that nobody waits for its lease to run out. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    if (this.#number === undefined) return;
    const { records, id } = this.#options.store;
    const key = keys.node(this.#number);
    if (!(await records.swap(key, this.#record(true), this.#revision))) {
      // A beat was on its way, of which the answer was not there yet.
      const now = await records.read(key);
      if (now?.entry?.type === 'node' && now.entry.record.id === id)
        await records.swap(key, this.#record(true), now.revision);
    }
    this.#number = undefined;
  }

  async #takeAny(): Promise<void> {
    const { slot, nodes } = this.#options;
    for (const number of this.#slots()) if (await this.#take(number)) return;
    // A node that asked for one slot waits for that one.
    if (slot !== undefined) return;
    for (let number = nodes; number < nodeNumbers(nodes); number++) if (await this.#take(number)) return;
  }

  /**
   * The slots that this node may take. Data that have a slot get no other one, which would be lacking for theirs, unless a node with the same
   * data lives there: one that has beaten since this node came. One that was killed, and is this node started again, has not.
   */
  #slots(): number[] {
    const { store, slot, nodes, data } = this.#options;
    if (slot !== undefined) return [slot];
    const all = Array.from({ length: nodes }, (_, number) => number);
    const bound = all.filter((number) => {
      const found = data === undefined ? undefined : store.mirror.get(keys.node(number));
      if (found?.entry?.type !== 'node' || found.entry.record.data !== data) return false;
      if (!this.#firstSeen.has(number)) this.#firstSeen.set(number, found.revision);
      return (
        found.entry.record.id === store.id || found.entry.record.left || this.#firstSeen.get(number) === found.revision
      );
    });
    return bound.length > 0 ? bound : all;
  }

  async #moveUp(): Promise<void> {
    const { store } = this.#options;
    const [old, revision] = [this.#number as number, this.#revision];
    for (const number of this.#slots())
      if (!this.isOthers(number) && (await this.#take(number))) {
        await store.records.swap(keys.node(old), this.#record(true), revision);
        return;
      }
  }

  async #take(number: number): Promise<boolean> {
    const { store } = this.#options;
    const key = keys.node(number);
    const now = await store.records.read(key);
    if (now?.entry?.type === 'node' && !this.#isFree(number, now.entry.record, now.revision)) return false;
    if (!(await store.records.swap(key, this.#record(false), now?.revision ?? 0))) {
      // The answer to an earlier try may have been lost.
      const there = await store.records.read(key);
      if (there?.entry?.type !== 'node' || there.entry.record.id !== store.id) return false;
    }
    this.#number = number;
    this.#revision = store.mirror.get(key)?.revision ?? 0;
    return true;
  }

  async #renew(): Promise<boolean> {
    const { store } = this.#options;
    const key = keys.node(this.#number as number);
    if (await store.records.swap(key, this.#record(false), this.#revision)) {
      this.#revision = store.mirror.get(key)?.revision ?? 0;
      return true;
    }
    const now = await store.records.read(key);
    if (now?.entry?.type === 'node' && now.entry.record.id === store.id) this.#revision = now.revision;
    // A server that has lost everything: the same number again, for a slot of a federated run stays with its data.
    else if (now === undefined) this.#revision = 0;
    else this.#number = undefined;
    return false;
  }

  #isFree(number: number, record: NodeRecord, revision: number): boolean {
    const { store, leaseMs, nodes, data } = this.#options;
    if (record.id === store.id) return true;
    if (number < nodes && data !== undefined && record.data !== data) return false;
    const seen = store.mirror.get(keys.node(number));
    return (
      record.left ||
      !this.#isMember(record) ||
      (seen?.revision === revision && store.mirror.observed - seen.since >= leaseMs)
    );
  }

  #record(left: boolean): NodeRecord {
    const { store, name, data } = this.#options;
    this.#beat += 1;
    return {
      v: 1,
      id: store.id,
      name,
      beat: this.#beat,
      left,
      ...this.#identity,
      ...(data === undefined ? {} : { data }),
      ...(this.#doing === undefined || left ? {} : { doing: this.#doing }),
      ...(this.#progress === undefined || left ? {} : { progress: this.#progress }),
    };
  }
}
