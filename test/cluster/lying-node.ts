/** A node in the test's own process that lies: the node's code as it is, with a lie put between a task and the store. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { cutsOf, type Chain } from '../../src/audit/chain.js';
import { isDrawn, rateOf } from '../../src/audit/rate.js';
import { statementId } from '../../src/audit/statement.js';
import { serveNode } from '../../src/run/cluster/serve.js';
import { taskKey } from '../../src/schedule/tasks.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import type { Fleet } from './fleet.js';

export interface Lie {
  /** Whether to lie in the node's `task`th own task; `rate` is with which probability its next result is checked. */
  readonly lies: (task: number, rate: number) => boolean;
  /** The run; `test` unless given. */
  readonly run?: string;
  /** The run's rate of audits, for `drawn`; 1 unless given. */
  readonly rate?: number;
  /** What it says of the parameters on the way. */
  readonly chain?: (chain: Chain) => Chain;
}

/** A folder for keys, removed at the end of the test. */
export function keysIn(fleet: Fleet): { readonly folder: string; readonly key: (i: number) => string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-keys-'));
  fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, key: (i) => path.join(folder, `${i}.key`) };
}

/** Other digests from batch `wrongFrom` on. */
export function withDigests({ batches, digests }: Chain, wrongFrom: number): Chain {
  const cuts = cutsOf(batches, digests.length);
  const wrong = (digest: string): string => createHash('sha256').update(digest).digest('hex');
  return { batches, digests: digests.map((digest, i) => ((cuts[i] ?? 0) < wrongFrom ? digest : wrong(digest))) };
}

/** A lie that somebody has drawn for. */
export interface DrawnLie {
  readonly task: string;
  /** How many results of its own it had published by then, this one included. */
  readonly own: number;
  /** The probability with which it was checked, and whether it was. */
  readonly rate: number;
  readonly isChecked: boolean;
}

/** One weight of the states of its lies is a little larger. Counts the lies; `drawn` tells what draws came of them, in order, to the first checked. */
export function lyingNode(
  fleet: Fleet,
  url: string,
  key: string,
  { lies, run = 'test', rate = 1, chain: way = (chain) => chain }: Lie,
): {
  readonly told: () => number;
  readonly first: () => number;
  readonly own: () => number;
  readonly drawn: () => DrawnLie[];
} {
  const publish = Object.getOwnPropertyDescriptor(ClusterStore.prototype, 'publish')?.value as ClusterStore['publish'];
  let tasks = 0;
  let audits: ClusterStore['audits'];
  const told: { readonly task: string; readonly own: number }[] = [];
  vi.spyOn(ClusterStore.prototype, 'publish').mockImplementation(function (this: ClusterStore, task, output) {
    const signer = this.audits?.signer;
    const own = task.kind === 'train' && !this.isChecking(task);
    if (!own || !signer || !lies(++tasks, this.audits?.book.rate(signer.key) ?? 1))
      return publish.call(this, task, output);
    audits = this.audits;
    told.push({ task: taskKey(task), own: tasks });
    const buffer = new SharedArrayBuffer(output.buffer.byteLength);
    const values = new Float32Array(buffer);
    values.set(new Float32Array(output.buffer));
    values[0] = (values[0] ?? 0) + 1e-3;
    const { chain } = output;
    return publish.call(this, task, { ...output, buffer, chain: chain && way(chain) });
  });
  const ending = new AbortController();
  const options = { server: { server: url }, run, key, threads: 1, signal: ending.signal, say: () => {} };
  const ended = serveNode(options).catch(() => {});
  fleet.atEnd(async () => {
    ending.abort();
    await ended;
  });
  const drawn = (): DrawnLie[] => {
    const { book, signer } = audits ?? {};
    const all = told.flatMap(({ task, own }) => {
      const { statements = [], draws = [] } = book?.evidence(task) ?? {};
      const mine = statements.filter((each) => each.key === signer?.key).map((each) => statementId(task, each));
      const draw = draws.find(({ of }) => mine.includes(of));
      if (!book || !draw) return [];
      return [{ task, own, rate: rateOf(rate, draw.agreed), isChecked: isDrawn(rate, draw) }];
    });
    const found = all.findIndex(({ isChecked }) => isChecked);
    return found < 0 ? all : all.slice(0, found + 1);
  };
  return { told: () => told.length, first: () => told[0]?.own ?? 0, own: () => tasks, drawn };
}
