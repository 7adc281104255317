/**
 * One node of a cluster: takes ready tasks, one after the other, does them and publishes, until the run is finished or
 * stopped. There is no coordinator: whatever it must know it computes from the run's spec and records.
 */
import { PffError } from '../../errors.js';
import { assign, type PffVariant } from '../../schedule/assign.js';
import { AUDIT_LAG, defaultWindow } from '../../schedule/retention.js';
import { trainedLayers, type GraphShape } from '../../schedule/shape.js';
import { needs, results, taskKey, type Task } from '../../schedule/tasks.js';
import { sleepUntil, type Clock } from '../../store/cluster/clock.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import { MissingOutput } from '../../store/cluster/outputs.js';
import { POLL_MS, type Mirrored } from '../../store/cluster/mirror.js';
import { failureRecord, keys } from '../../store/cluster/records.js';
import { Auditing } from './auditing.js';
import { chooseTask, ReadySince } from './choose.js';
import { Membership } from './membership.js';
import { isRunsFault, RunFailed } from './run-failed.js';
import { TaskGivenUp, type TaskExecutor } from './task-executor.js';

/** A task that one node after the other claims, without a result, is done again after so many times the usual patience. */
const HANDED_ON = 4;

export interface ClusterNodeOptions {
  readonly store: ClusterStore;
  readonly executor: TaskExecutor;
  readonly clock: Clock;
  readonly shape: GraphShape;
  readonly variant: PffVariant;
  readonly nodes: number;
  readonly name: string;
  readonly leaseMs: number;
  readonly data?: string | undefined;
  readonly slot?: number | undefined;
  /** Told the membership once it is there, so that progress can be put into its beats. */
  readonly onMember?: ((membership: Membership) => void) | undefined;
  /**
   * Asked now and then while nobody does anything for the run, or while this node only stands by (`ms`: for how long): whether to leave
   * it for the time being.
   */
  readonly leaves?: ((ms: number, standsBy: boolean) => Promise<boolean>) | undefined;
  /** Leave the run when this aborts: a task under way is given back to the others, what is published goes through. */
  readonly leave?: AbortSignal | undefined;
}

/** `idle`: it stands still, and this node left it for another. */
export type RunEnd = 'finished' | 'stopped' | 'idle';

/** Works on a run to its end. @throws RunFailed if the run itself fails; whatever keeps this node from working. */
export async function workOnRun(options: ClusterNodeOptions): Promise<RunEnd> {
  return new ClusterNode(options).run();
}

class ClusterNode {
  readonly #options: ClusterNodeOptions;
  readonly #membership: Membership;
  readonly #auditing: Auditing | undefined;
  #isOver = false;
  /** What the executor holds in memory is of this epoch of the store. */
  #epoch = 0;
  readonly #ready = new ReadySince();
  readonly #window: number;
  #own: { readonly number: number; readonly next: ReadonlyMap<string, Task> } | undefined;
  /** Since when what is in memory after a task serves the next one of the same chapter. A check in between would lose that. */
  #heldSince: number | undefined;
  #tasksDone = 0;
  #busyMs = 0;
  /** Since when nobody has done anything for the run, or this node stands by, by its own clock. */
  #idleSince: number | undefined;
  /** Since when all results are published, in observed time. */
  #completeSince: number | undefined;

  constructor(options: ClusterNodeOptions) {
    this.#options = options;
    const { shape, variant, nodes } = options;
    this.#window = defaultWindow(shape, variant, nodes);
    this.#membership = new Membership(options);
    const { store, leaseMs } = options;
    this.#auditing = store.audits && new Auditing({ store, membership: this.#membership, drawPatienceMs: leaseMs / 2 });
  }

  async run(): Promise<RunEnd> {
    const { store, onMember } = this.#options;
    const keeping = this.#membership.keep();
    keeping.catch(() => {});
    onMember?.(this.#membership);
    try {
      await store.dropping.sweep();
      const others = [keeping.then(() => this.#ended()), ...(this.#auditing ? [this.#draw(this.#auditing)] : [])];
      for (const other of others) other.catch(() => {});
      const end = await Promise.race([this.#work(), ...others]);
      await store.flush();
      return end;
    } finally {
      this.#isOver = true;
      if (!store.signal.aborted) await this.#membership.leave();
    }
  }

  /** The beats end only with the store's signal, or by throwing. */
  #ended(): never {
    this.#options.store.signal.throwIfAborted();
    throw new Error('what a node does beside its tasks ended by itself');
  }

  async #work(): Promise<RunEnd> {
    const { store } = this.#options;
    for (;;) {
      store.signal.throwIfAborted();
      if (this.#options.leave?.aborted) return 'idle';
      const end = this.#end();
      if (end) return end;
      if (this.#isFinished()) {
        this.#completeSince ??= store.mirror.observed;
        await this.#verify();
        continue;
      }
      this.#completeSince = undefined;
      if (this.#isLeftAlone()) return 'idle';
      const audit = this.#isHolding() ? undefined : this.#auditing?.next(this.#auditPatienceMs);
      if (audit) {
        await this.#do(audit, true);
        continue;
      }
      const task = store.mirror.settled ? this.#choose() : undefined;
      if (task && (await store.claim(task))) {
        await this.#do(task);
        this.#idleSince = undefined;
      } else if (!task) {
        if (await this.#standsStill()) return 'idle';
        await this.#idle();
      }
    }
  }

  /** Draws which results are checked, beside all else; it takes no time. Ends only with the store's signal, or by throwing. */
  async #draw(auditing: Auditing): Promise<never> {
    const { store } = this.#options;
    while (!this.#isOver) {
      store.signal.throwIfAborted();
      await auditing.draw();
      await this.#idle();
    }
    return this.#ended();
  }

  /** Whether to check nothing now: this node holds what its next task begins with, and that may become ready soon. */
  #isHolding(): boolean {
    const { clock } = this.#options;
    return this.#heldSince !== undefined && clock.now() - this.#heldSince < Math.max(POLL_MS, 2 * this.#usualMs);
  }

  /** How long a node waits for another that is to check a result before it: until that one's chapter is done, and the check. */
  get #auditPatienceMs(): number {
    const { shape, leaseMs } = this.#options;
    return Math.max(leaseMs, (trainedLayers(shape) + 1) * this.#usualMs);
  }

  get #usualMs(): number {
    return this.#tasksDone > 0 ? this.#busyMs / this.#tasksDone : 0;
  }

  /** Whether there is nothing to do here, nobody else does anything or all slots have nodes, and the node's owner has better use for it. */
  async #standsStill(): Promise<boolean> {
    const { store, clock, leaves, nodes } = this.#options;
    const alive = this.#membership.alive();
    const others = [...store.mirror.claims()].some(({ by }) => by !== store.id && alive.has(by));
    // Where results are audited whoever stands by checks those of others.
    const standsBy = others && (this.#membership.number ?? 0) >= nodes && !store.audits;
    if (!leaves || (others && !standsBy)) {
      this.#idleSince = undefined;
      return false;
    }
    this.#idleSince ??= clock.now();
    return leaves(clock.now() - this.#idleSince, standsBy);
  }

  #end(): RunEnd | undefined {
    const { store } = this.#options;
    const { mirror } = store;
    const failure = store.failure();
    if (failure) throw new RunFailed(failure.error);
    if (store.stopped) return 'stopped';
    const { audits } = store;
    if (audits?.signer && audits.book.distrusted.has(audits.signer.key))
      throw new PffError('cluster', 'who submitted the run does not let the key of this node take part (--refuse)', {
        hint: 'Ask why; a node gets another key by pff node --key FILE.',
      });
    if (audits?.signer && audits.book.refused.has(audits.signer.key))
      throw new PffError('cluster', "a result of this node's was refuted by others that did the same task", {
        hint: 'Same spec, same bits: this machine computes wrongly (memory, CPU, overclocking), or its program differs.',
      });
    return mirror.get(keys.finished)?.entry && this.#isFinished() ? 'finished' : undefined;
  }

  /** A late or lost word opened an audit again after others had left a finished run: of those who are there, nobody can settle it. */
  #isLeftAlone(): boolean {
    const { store, shape } = this.#options;
    const { mirror, audits } = store;
    if (!audits || !mirror.settled || !mirror.get(keys.finished)?.entry) return false;
    if (this.#membership.number === undefined || !results(shape).every((task) => mirror.done(task))) return false;
    const there = [...this.#membership.keys()];
    return store
      .wanted(false)
      .audits()
      .every((task) => {
        const [name, digest] = [taskKey(task), mirror.done(task)?.digest ?? ''];
        const { book } = audits;
        return !there.some((key) => book.needsWordOf(key, name, digest) || book.undrawn(key, name, digest));
      });
  }

  #isFinished(): boolean {
    const { store } = this.#options;
    return store.mirror.settled && store.wanted(false).finished;
  }

  /**
   * All tasks are published: the living node with the lowest number looks whether the results really are there, and says
   * so. (Two that both take themselves for the lowest do no harm.) Until then all nodes stay, for a result may be lost. Nobody
   * waits for that node for longer than a lease.
   */
  async #verify(): Promise<void> {
    const { store, shape, name, clock, leaseMs } = this.#options;
    const alive = this.#membership.alive();
    const lowest = store.mirror.nodes().find(({ record }) => !record.left && alive.has(record.id));
    const waited = store.mirror.observed - (this.#completeSince ?? 0);
    if (lowest && lowest.record.id !== store.id && waited < leaseMs) return this.#idle();
    try {
      for (const task of results(shape)) await store.verify(task);
      await store.records.tell(keys.finished, { v: 1, by: store.id, name, text: 'finished' });
      // A server that lost its newest writes just now is noticed within this time; then the work goes on.
      await clock.sleep(POLL_MS, store.signal);
      await store.records.read(keys.finished);
    } catch (error) {
      if (!(error instanceof MissingOutput)) throw error;
    }
  }

  #choose(): Task | undefined {
    const { store, shape, variant, nodes, leaseMs, clock } = this.#options;
    const { number } = this.#membership;
    if (number === undefined) return undefined;
    const wanted = store.wanted(true);
    const now = clock.now();
    this.#ready.observe(wanted, this.#window, now);
    const alive = this.#membership.alive();
    const usual = this.#usualMs;
    return chooseTask({
      shape,
      variant,
      nodes,
      wanted,
      number,
      isOthers: (slot) => this.#membership.isOthers(slot),
      claimedFor: (task) => {
        const claim = store.mirror.claim(task);
        if (!claim || claim.by === store.id || !alive.has(claim.by)) return undefined;
        // Who takes over from a dead node has time of its own; but not for ever, if each hands on to the next.
        const { observed } = store.mirror;
        return Math.max(observed - claim.since, (observed - claim.first) / HANDED_ON);
      },
      readyFor: (task) => this.#ready.of(task, now),
      helpAfterMs: Math.max(leaseMs / 2, usual),
      repeatAfterMs: Math.max(2 * leaseMs, 3 * usual),
      onlyOwn: variant === 'federated',
      isHeldBack: this.#heldBack(),
    });
  }

  /** Where results are audited: what may not be begun, as audits are too far behind, or as it failed here already. */
  #heldBack(): ((task: Task) => boolean) | undefined {
    const { audits } = this.#options.store;
    if (!audits) return undefined;
    const published = this.#options.store.wanted(false);
    const [oldest] = published.audits();
    // What is on its way from here is still to be checked, too, though it is not published yet.
    const behind = Math.min(oldest?.chapter ?? Infinity, published.first?.chapter ?? Infinity);
    const last = behind + this.#window + AUDIT_LAG;
    const key = audits.signer?.key ?? '';
    return (task) => task.chapter > last || audits.book.saidFailed(key, taskKey(task));
  }

  /** @param audit only to check what is published */
  async #do(task: Task, audit = false): Promise<void> {
    const { store, executor, clock } = this.#options;
    this.#membership.tell(taskKey(task));
    this.#heldSince = undefined;
    const stopPrefetching = this.#prefetchDuring(task);
    const start = clock.now();
    try {
      // A server that forgot what this node still has: no need to compute it again.
      const kept = audit ? undefined : store.cached(task);
      if (this.#epoch !== store.epoch) {
        this.#epoch = store.epoch;
        await executor.reset();
      }
      if (!kept) store.begin(task, audit);
      if (kept) await store.publish(task, kept);
      else await this.#unlessLeaving(executor.run(task));
      this.#tasksDone += kept ? 0 : 1;
      this.#busyMs += kept ? 0 : clock.now() - start;
      if (!kept && !audit && this.#nextOf(task)?.chapter === task.chapter) this.#heldSince = clock.now();
    } catch (error) {
      if (store.signal.aborted) throw error;
      await executor.reset();
      if (isRunsFault(error)) {
        await this.#tellFailure(task, error);
        // Where results are audited another node has to find the same.
        if (store.failure() || store.audits) return audit ? undefined : await store.records.release(task);
      }
      const leaves = this.#options.leave?.aborted;
      if (audit && !leaves && !(error instanceof MissingOutput)) throw error;
      // Not at once again: what is missing may be on its way.
      if (audit) return await clock.sleep(10, store.signal);
      await store.records.release(task);
      if (leaves) return;
      // Lost outputs are computed again by whoever comes first; a task that is done meanwhile is no loss.
      if (error instanceof TaskGivenUp || !(error instanceof MissingOutput || store.isHere(task))) throw error;
    } finally {
      store.begin(undefined);
      stopPrefetching();
      this.#membership.tell(undefined);
    }
  }

  /** @throws the reason to leave, once there is one. */
  async #unlessLeaving(running: Promise<void>): Promise<void> {
    const { leave } = this.#options;
    if (!leave) return running;
    // Nobody waits for it any more once this node leaves.
    running.catch(() => {});
    let listener = (): void => {};
    const left = new Promise<never>((_, reject) => {
      listener = () => reject(leave.reason as Error);
      if (leave.aborted) listener();
      else leave.addEventListener('abort', listener, { once: true });
    });
    try {
      await Promise.race([running, left]);
    } finally {
      leave.removeEventListener('abort', listener);
    }
  }

  /** While `task` is computed, fetches what this slot's next task needs, as soon as it is published. */
  #prefetchDuring(task: Task): () => void {
    const { store, shape } = this.#options;
    const next = this.#nextOf(task);
    if (!next) return () => {};
    const missing = new Map(needs(shape, next).map((need) => [taskKey(need), need]));
    missing.delete(taskKey(task));
    const look = (): void => {
      for (const [key, need] of missing)
        if (store.mirror.done(need)) {
          missing.delete(key);
          store.prefetch(need);
        }
    };
    look();
    return store.mirror.subscribe(look);
  }

  /** The task that comes after `task` in the list of this node's slot; laid out once. */
  #nextOf(task: Task): Task | undefined {
    const { shape, variant, nodes } = this.#options;
    const number = this.#membership.number ?? 0;
    if (this.#own?.number !== number) {
      const list = assign(shape, variant, nodes)[number] ?? [];
      this.#own = { number, next: new Map(list.slice(1).map((each, i) => [taskKey(list[i] as Task), each])) };
    }
    return this.#own.next.get(taskKey(task));
  }

  async #tellFailure(task: Task, error: PffError): Promise<void> {
    const { store, name } = this.#options;
    await store.fail(failureRecord(store.id, name, error, task));
  }

  async #idle(): Promise<void> {
    const { store, clock, leave } = this.#options;
    await sleepUntil(clock, POLL_MS, leave ? [store.signal, leave] : [store.signal], (wake) =>
      store.mirror.subscribe((changed) => {
        if (mayGiveWork(changed)) wake();
      }),
    );
  }
}

/** Not what tells only that others are at work: so nodes wake less often. What is too late is found by the clock. */
function mayGiveWork(changed: Mirrored | undefined): boolean {
  const { entry } = changed ?? {};
  return entry?.type !== 'report' && !(entry?.type === 'task' && entry.record.state === 'claimed');
}
