/** A node in the test's own process that lies: the node's code as it is, with a lie put between a task and the store. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { cutsOf, type Chain } from '../../src/audit/chain.js';
import { serveNode } from '../../src/run/cluster/serve.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import type { Fleet } from './fleet.js';

export interface Lie {
  /** Whether to lie in the node's `task`th own task; `rate` is with which probability its next result is checked. */
  readonly lies: (task: number, rate: number) => boolean;
  /** What it says of the states on the way. */
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

/** One weight of the states of its lies is a little larger. Counts the lies. */
export function lyingNode(
  fleet: Fleet,
  url: string,
  key: string,
  { lies, chain: way = (chain) => chain }: Lie,
): { readonly told: () => number } {
  const publish = Object.getOwnPropertyDescriptor(ClusterStore.prototype, 'publish')?.value as ClusterStore['publish'];
  let [tasks, told] = [0, 0];
  vi.spyOn(ClusterStore.prototype, 'publish').mockImplementation(function (this: ClusterStore, task, output) {
    const signer = this.audits?.signer;
    const own = task.kind === 'train' && !this.isChecking(task);
    if (!own || !signer || !lies(++tasks, this.audits?.book.rate(signer.key) ?? 1))
      return publish.call(this, task, output);
    told += 1;
    const buffer = new SharedArrayBuffer(output.buffer.byteLength);
    const values = new Float32Array(buffer);
    values.set(new Float32Array(output.buffer));
    values[0] = (values[0] ?? 0) + 1e-3;
    const { chain } = output;
    return publish.call(this, task, { ...output, buffer, chain: chain && way(chain) });
  });
  const ending = new AbortController();
  const options = { server: { server: url }, run: 'test', key, threads: 1, signal: ending.signal, say: () => {} };
  const ended = serveNode(options).catch(() => {});
  fleet.atEnd(async () => {
    ending.abort();
    await ended;
  });
  return { told: () => told };
}
