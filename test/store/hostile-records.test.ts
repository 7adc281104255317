/** What others may write into a run's records: every field has its range, and a result that is known does not change. */
import { expect, describe, it, afterEach } from 'vitest';
import { RandomStream } from '../../src/random.js';
import { trainTask } from '../../src/schedule/tasks.js';
import { isPlain, plainText } from '../../src/store/cluster/plain-text.js';
import {
  decodeEntry,
  encodeRecord,
  keys,
  type DoneRecord,
  type ReportRecord,
} from '../../src/store/cluster/records.js';
import { chunkPrefix, digestOf } from '../../src/store/cluster/transfer.js';
import type { ModelServer } from '../faults/model-engine.js';
import { BYTES, endStores, shape, world } from './world.js';

const limits = { shape, nodes: 2 };
const task = trainTask(0, 0);

function reads(key: string, value: object): boolean {
  return decodeEntry(key, Buffer.from(JSON.stringify(value)), limits) !== undefined;
}

describe('the range of each field', () => {
  const stats = { samples: 10, loss: 1, positiveGoodness: 1, negativeGoodness: 0, correct: 5 };
  const ref = { chapter: 0, layer: 0 };
  const span: ReportRecord['spans'][number] = { node: 0, task: ref, phase: 'train', start: 0, end: 1, bytes: 0 };
  const report: ReportRecord = { v: 1, node: 0, task: ref, stats, spans: [span] };
  const node = { v: 1, id: 'a', name: 'host:1', beat: 1, left: false };
  const done = { v: 2, state: 'done', by: 'a', digest: 'a'.repeat(64), steps: 1, bytes: BYTES, chunkBytes: 6 };
  const note = { v: 1, by: 'a', name: 'host:1', text: 'why' };
  const escape = '\u001b[2J';

  it('takes what nodes write', () => {
    expect(reads('report.c0.l0', report)).toBe(true);
    expect(reads('node.0', { ...node, doing: 'c0.l0', progress: { task: ref, batch: 1, batches: 2, stats } })).toBe(
      true,
    );
    expect(reads('task.c0.l0', done)).toBe(true);
    expect(reads('refused.a', note)).toBe(true);
  });

  it.each<[string, string, object]>([
    ['a report of node 10^15', 'report.c0.l0', { ...report, node: 1e15 }],
    ['a report of a node just beyond', 'report.c0.l0', { ...report, node: 1020 }],
    ['a report of chapter 10^15', 'report.c0.l0', { ...report, task: { chapter: 1e15, layer: 0 } }],
    ['a report of another task', 'report.c0.l0', { ...report, task: { chapter: 1, layer: 0 } }],
    ['a report under a task that is none', 'report.c9.l0', { ...report, task: { chapter: 9, layer: 0 } }],
    ['a span of node 10^15', 'report.c0.l0', { ...report, spans: [{ ...span, node: 1e15 }] }],
    ['a span of another run', 'report.c0.l0', { ...report, spans: [{ ...span, task: { chapter: 0, layer: 7 } }] }],
    ['a span that ends first', 'report.c0.l0', { ...report, spans: [{ ...span, start: 2 }] }],
    ['a span in the year 30000', 'report.c0.l0', { ...report, spans: [{ ...span, end: 1e12 }] }],
    ['a span of less than no bytes', 'report.c0.l0', { ...report, spans: [{ ...span, bytes: -1 }] }],
    ['negative samples', 'report.c0.l0', { ...report, stats: { ...stats, samples: -1 } }],
    ['a task beyond the run', 'task.c3.l0', done],
    ['a layer beyond the run', 'task.c0.l2', done],
    ['labels that the run has not', 'task.c1.labels', done],
    ['a name that is written otherwise', 'task.c00.l0', done],
    ['steps of 2^53 - 1', 'task.c0.l0', { ...done, steps: Number.MAX_SAFE_INTEGER }],
    ['a state of 10^15 bytes', 'task.c0.l0', { ...done, bytes: 1e15 }],
    ['8 GiB in single bytes', 'task.c0.l0', { ...done, bytes: 2 ** 33, chunkBytes: 1 }],
    ['a digest without its steps', 'task.c0.l0', { ...done, v: 1 }],
    ['a node number that nobody takes', 'node.1020', node],
    ['a number that is written otherwise', 'node.00', node],
    ['an escape sequence in a name', 'node.0', { ...node, name: `x${escape}` }],
    ['an escape sequence in what it does', 'node.0', { ...node, doing: escape }],
    ['an escape sequence in a refusal', 'refused.a', { ...note, text: escape }],
    ['a line break in a refusal', 'refused.a', { ...note, text: 'a\nb' }],
    ['text from right to left', 'conflict.c0.l0.a', { ...note, text: 'a\u202eb' }],
    ['an 8-bit escape', 'stop', { ...note, name: '\u009b31m' }],
    [
      'an escape sequence in a failure',
      'failed',
      { v: 1, by: 'a', name: 'h', error: { name: 'E', code: 'usage', message: escape } },
    ],
    [
      'a failure of a kind that is no run’s fault',
      'failed',
      { v: 1, by: 'a', name: 'h', error: { name: 'E', code: 'interrupted', message: 'bye' } },
    ],
  ])('%s is refused', (_, key, value) => {
    expect(reads(key, value)).toBe(false);
  });

  it('plain text has no control characters, and keeps what people write', () => {
    const random = new RandomStream(1, 'test', 1);
    for (let i = 0; i < 500; i++) {
      const text = String.fromCodePoint(...Array.from({ length: 20 }, () => random.below(0x2100)));
      expect(isPlain(plainText(text))).toBe(true);
    }
    for (const text of ['Größe 3 × 4 …', 'می\u200cخواهم', '日本語', '🦊']) expect(plainText(text)).toBe(text);
    expect(plainText('ab🦊', 3)).toBe('ab');
    expect(plainText('a\r\n\u001b]0;x\u0007b')).toBe('a ]0;x b');
  });
});

describe('a result that is known', () => {
  afterEach(endStores);

  const output = (value: number) => ({ steps: 3, buffer: new Float32Array(BYTES / 4).fill(value).buffer });
  const doneAt = (server: ModelServer): DoneRecord => {
    const entry = decodeEntry('task.c0.l0', server.stored.records.get('task.c0.l0')?.value ?? new Uint8Array(), limits);
    if (entry?.type !== 'task' || entry.record.state !== 'done') throw new Error('not done');
    return entry.record;
  };

  /** A whole result of another's, chunks and all, over the one that is there. */
  async function overwrite(server: ModelServer, value: number): Promise<DoneRecord> {
    const other = output(value);
    const digest = await digestOf(other, () => Promise.resolve());
    for (let i = 0; i * 6 < BYTES; i++)
      server.stored.chunks.set(
        `${chunkPrefix('c0.l0', digest)}.${i}`,
        new Uint8Array(other.buffer, 6 * i, Math.min(6, BYTES - 6 * i)).slice(),
      );
    const record = { v: 2, state: 'done', by: 'mallory', digest, steps: 3, bytes: BYTES, chunkBytes: 6 } as const;
    server.write(keys.task(task), encodeRecord(record), undefined);
    return record;
  }

  it('is not given up for one that is written over it: it is told, and its maker puts it right', async () => {
    const { server, open, settle } = world();
    const [maker, reader] = [await open('maker'), await open('reader')];
    await maker.publish(task, output(1));
    await settle();
    const mine = doneAt(server);
    const got = reader.fetch(task, reader.signal);
    await settle();
    expect(new Float32Array((await got).buffer)[0]).toBe(1);
    const other = await overwrite(server, 2);
    expect(other.digest).not.toBe(mine.digest);
    await settle();
    expect(doneAt(server)).toEqual(mine);
    for (const store of [maker, reader]) {
      const again = store.fetch(task, store.signal);
      await settle();
      expect(new Float32Array((await again).buffer)[0]).toBe(1);
      expect(store.mirror.refusedRecords).toBe(1);
    }
    const told = [...server.stored.records.keys()].filter((key) => key.startsWith('conflict.'));
    expect(told.toSorted()).toEqual(['conflict.c0.l0.maker', 'conflict.c0.l0.reader']);
  });

  it('comes back after a stranger claimed or freed it, or wrote nonsense over it', async () => {
    const { server, open, settle } = world();
    const maker = await open('maker');
    await maker.publish(task, output(1));
    await settle();
    const mine = doneAt(server);
    for (const text of ['{"v":1,"state":"claimed","by":"m"}', '{"v":1,"state":"free","by":"m"}', '{']) {
      server.write(keys.task(task), Buffer.from(text), undefined);
      await settle();
      expect(doneAt(server)).toEqual(mine);
    }
  });

  it('has the steps that the spec says, and a digest that covers them', async () => {
    const { server, open, settle } = world();
    const [maker, reader] = [await open('maker'), await open('reader')];
    await maker.publish(task, output(1));
    await settle();
    const mine = doneAt(server);
    await maker.close();
    server.write(keys.task(task), encodeRecord({ ...mine, steps: 4 }), undefined);
    await settle();
    expect(reader.mirror.done(task)).toBeUndefined();
    const [a, b] = await Promise.all([3, 4].map((steps) => digestOf({ ...output(1), steps }, () => Promise.resolve())));
    expect(a).not.toBe(b);
  });

  it('a claim that is written again is no younger, whoever writes it', async () => {
    const { server, open, settle } = world();
    const watcher = await open('watcher');
    const claim = (by: string): void => {
      server.write(keys.task(task), Buffer.from(JSON.stringify({ v: 1, state: 'claimed', by })), undefined);
    };
    for (let i = 0; i < 50; i++) {
      claim(i < 25 ? 'mallory' : `mallory-${i}`);
      await settle(200);
    }
    const found = watcher.mirror.claim(task);
    expect(watcher.mirror.observed - (found?.first ?? Infinity)).toBeGreaterThan(8000);
    expect(watcher.mirror.observed - (found?.since ?? Infinity)).toBeLessThan(2000);
  });
});
