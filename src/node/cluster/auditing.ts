/**
 * Which results of others a node checks, and for which it draws whether they are checked. Who comes first in a result's own
 * order of the keys does it; the others after him, one after the other, if he does not.
 */
import { sha256 } from '#platform/hash';
import { needs, taskKey, type Task } from '../../schedule/tasks.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { Membership } from './membership.js';

export interface AuditingOptions {
  readonly store: ClusterStore;
  readonly membership: Membership;
  /** How long each in the order waits for the one before: to draw, which takes no time. */
  readonly drawPatienceMs: number;
}

/** Since when, in observed time, the same is asked for. */
interface Asked {
  readonly what: string;
  readonly since: number;
  /** Each key's place in the order in which they are to do it. */
  readonly places: Map<string, string>;
}

export class Auditing {
  readonly #options: AuditingOptions;
  readonly #asked = new Map<string, Asked>();

  constructor(options: AuditingOptions) {
    this.#options = options;
  }

  /** The first result that this node has to check now. @param patienceMs how long each in the order waits for the one before */
  next(patienceMs: number): Task | undefined {
    const { store } = this.#options;
    const { book, signer } = store.audits ?? {};
    if (!book || !signer) return undefined;
    return this.#open().find(([task, output]) => {
      const name = taskKey(task);
      const isOne = (key: string): boolean => book.needsWordOf(key, name, output);
      if (!isOne(signer.key) || !needs(store.shape, task).every((need) => isThere(store, need))) return false;
      return this.#isTurn(`${name} ${output} ${[...book.groups(name)].length}`, name, isOne, patienceMs);
    })?.[0];
  }

  /** Draws whatever is this node's to draw now. */
  async draw(): Promise<void> {
    const { store, drawPatienceMs } = this.#options;
    const { book, signer } = store.audits ?? {};
    if (!book || !signer) return;
    for (const [task, output] of this.#open()) {
      const name = taskKey(task);
      const isOne = (key: string): boolean => book.undrawn(key, name, output) !== undefined;
      if (isOne(signer.key) && this.#isTurn(`draw ${output}`, `${name} draw`, isOne, drawPatienceMs))
        await store.draw(task);
    }
  }

  #open(): [Task, string][] {
    const { store } = this.#options;
    if (!store.mirror.settled) return [];
    const audits = store.wanted(false).audits();
    if (this.#asked.size > 4 * audits.length + 16) {
      const names = new Set(audits.flatMap((task) => [taskKey(task), `${taskKey(task)} draw`]));
      for (const name of this.#asked.keys()) if (!names.has(name)) this.#asked.delete(name);
    }
    return audits.flatMap((task): [Task, string][] => {
      const done = store.mirror.done(task);
      return done ? [[task, done.digest]] : [];
    });
  }

  /** Whether all before this node, in the order of the keys that could do `what`, have had their time. */
  #isTurn(what: string, name: string, isOne: (key: string) => boolean, patienceMs: number): boolean {
    const { store, membership } = this.#options;
    const { observed } = store.mirror;
    let asked = this.#asked.get(name);
    if (asked?.what !== what) this.#asked.set(name, (asked = { what, since: observed, places: new Map() }));
    const { places } = asked;
    const place = (key: string): string => {
      let found = places.get(key);
      if (found === undefined) places.set(key, (found = sha256().update(`${what}\n${key}`).hex()));
      return found;
    };
    const own = store.audits?.signer?.key ?? '';
    const before = [...membership.keys()].filter((key) => key !== own && place(key) < place(own) && isOne(key)).length;
    return observed - asked.since >= before * patienceMs;
  }
}

/** Published, or in memory. One that is on its way from here may have fallen: then it is neither. */
function isThere(store: ClusterStore, need: Task): boolean {
  return store.mirror.done(need) !== undefined || store.cached(need) !== undefined;
}
