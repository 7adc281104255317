/** What it costs to follow a run's records, and that hints are not believed. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/store/cluster/clock.js';
import type { Engine, Entry, HintListener } from '../../src/store/cluster/engine.js';
import { RecordTable } from '../../src/store/cluster/record-table.js';
import { decodeEntry } from '../../src/store/cluster/records.js';
import { SeenRevisions } from '../../src/store/cluster/seen-revisions.js';

/** Records in memory, and how often each process has asked for one or for the newest revision. */
class Records {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<HintListener>();
  #last = 0;
  /** What hints tell instead of the revision. */
  told: ((revision: number) => number | undefined) | undefined;

  client(): { readonly engine: Engine; readonly asked: Asked } {
    const asked = { next: 0, state: 0 };
    const none = (): Promise<never> => Promise.reject(new Error('not asked for here'));
    const engine: Engine = {
      chunkBytes: 64,
      next: (after) => {
        asked.next += 1;
        const later = [...this.#entries.values()].filter(({ revision }) => revision > after);
        return Promise.resolve(later.toSorted((a, b) => a.revision - b.revision)[0]);
      },
      read: (key) => Promise.resolve(this.#entries.get(key)),
      write: (key, value) => {
        const revision = ++this.#last;
        this.#entries.set(key, { key, revision, value });
        const told = this.told ? this.told(revision) : revision;
        for (const listener of this.#listeners) setImmediate(() => listener('changed', told));
        return Promise.resolve(revision);
      },
      state: () => {
        asked.state += 1;
        return Promise.resolve({ identity: 'one', last: this.#last });
      },
      putChunk: none,
      getChunk: none,
      dropChunks: none,
      chunkKeys: none,
      open: none,
      listen: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    return { engine, asked };
  }
}

interface Asked {
  next: number;
  state: number;
}

/** One process writes, another follows: what each asked for, and how many records the other knows at the end. */
async function followed(
  records: Records,
  work: (writer: RecordTable) => Promise<void>,
): Promise<{ readonly writes: Asked; readonly reads: Asked; readonly seen: number }> {
  const ended = new AbortController();
  const open = async (id: string) => {
    const { engine, asked } = records.client();
    const patience = { clock: systemClock, signal: ended.signal, reopen: () => Promise.resolve() };
    const table = new RecordTable(engine, patience, id, { read: decodeEntry, changed: () => {} });
    await table.mirror.refresh();
    return { asked, table, following: table.mirror.follow() };
  };
  const [writer, reader] = [await open('w'), await open('r')];
  for (const { asked } of [writer, reader]) asked.next = asked.state = 0;
  await work(writer.table);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const result = {
    writes: { ...writer.asked },
    reads: { ...reader.asked },
    seen: [...reader.table.mirror.all()].length,
  };
  ended.abort(new Error('over'));
  await Promise.all([writer.following, reader.following]);
  return result;
}

const claim = (i: number) => ({ chapter: i, layer: 0, kind: 'train' }) as const;

describe('news of records', () => {
  it('cost each follower one request, and the writer none', async () => {
    const { writes, reads, seen } = await followed(new Records(), async (writer) => {
      for (let i = 0; i < 20; i++) {
        await writer.claim(claim(i));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    expect(seen).toBe(20);
    expect(writes.next).toBe(0);
    expect(reads.next).toBe(20);
    expect(reads.state + writes.state).toBeLessThanOrEqual(2);
  });

  it.each([
    ['tell nothing', () => undefined],
    ['tell a revision that is far off', () => 1e12],
    ['tell one that is long past', () => 0],
  ])('are read where hints %s', async (_, told) => {
    const records = new Records();
    records.told = told;
    const { seen } = await followed(records, async (writer) => {
      await writer.claim(claim(0));
      await writer.claim(claim(1));
      // Where hints tell nothing of use, the next look at the server does.
      if (told() === 0) await new Promise((resolve) => setTimeout(resolve, 1100));
    });
    expect(seen).toBe(2);
  });
});

describe('the revisions that were seen', () => {
  it('reach as far as there is no gap, and begin again when the server may have lost them', () => {
    const seen = new SeenRevisions();
    seen.reach(3);
    seen.add(5, seen.incarnation);
    expect(seen.all).toBe(3);
    seen.add(4, seen.incarnation);
    expect(seen.all).toBe(5);
    // The server keeps the newest record of a key only, so that revisions are left out.
    seen.add(7, seen.incarnation);
    seen.reach(9);
    expect(seen.all).toBe(9);
    const before = seen.incarnation;
    seen.reset();
    seen.add(1, before);
    expect(seen.all).toBe(0);
  });
});
