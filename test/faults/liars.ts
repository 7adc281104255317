/** Liars for the simulator: keys that cost nothing to sign with, and rules for when a process gives a wrong result. */
import { createHash } from 'node:crypto';
import type { Signer, Verify } from '../../src/audit/identity.js';
import { taskKey, type Task } from '../../src/schedule/tasks.js';
import type { ClusterStore } from '../../src/store/cluster/cluster-store.js';

/**
 * When a liar lies. `always`: whatever it does itself. `once`: one task of its own, the first from chapter 6 on. `trusted`: once two of
 * its results were checked and found right; where that lowers the rate, they are checked less than half of the time from then on.
 * `auditor`: whatever it checks. `colluding`: in one task of three, as whoever does it or checks it, so that two of them agree.
 */
export type Lying = 'always' | 'once' | 'trusted' | 'auditor' | 'colluding';

export interface Audited {
  readonly rate: number;
  /** The last processes are liars. */
  readonly liars?: number;
  readonly lying?: Lying;
  /** Number of honest processes; drawn from the seed unless given. */
  readonly honest?: number;
  /** No other faults, and a graph of so many chapters. */
  readonly calm?: number;
  /** All-Layers with so many layers on as many nodes as honest processes; drawn from the seed unless given. */
  readonly layers?: number;
  /** No message is lost or late. */
  readonly reliable?: boolean;
  /** Numbers of the processes whose word decides. */
  readonly auditors?: readonly number[];
}

function hex(...words: readonly (string | number)[]): string {
  return createHash('sha256').update(words.join('\n')).digest('hex');
}

/** The signer of process `i`: no signature that anybody else could not make, but nobody here tries. */
export function cheapSigner(seed: number, i: number): Signer {
  const key = hex('key', seed, i);
  return { key, sign: (text) => hex(key, text) + hex(key, text, 'more') };
}

export const cheapVerify: Verify = (key, text, signature) => signature === hex(key, text) + hex(key, text, 'more');

/** Says for each task whether the liar lies now. */
export function liar(lying: Lying, seed: number, key: string): (task: Task, store: ClusterStore) => boolean {
  let told: string | undefined;
  return (task, store) => {
    const checking = store.isChecking(task);
    const name = taskKey(task);
    switch (lying) {
      case 'always':
        return !checking;
      case 'auditor':
        return checking;
      case 'trusted':
        return !checking && (store.audits?.book.agreed(key) ?? 0) >= 2;
      case 'once':
        if (!checking && told === undefined && task.chapter >= 6) told = name;
        return !checking && told === name;
      case 'colluding':
        return Number.parseInt(hex(seed, name).slice(0, 8), 16) % 3 === 0;
    }
  };
}
