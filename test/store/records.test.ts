/** The records on the wire: what is written is read, and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelsTask, trainTask } from '../../src/schedule/tasks.js';
import { decodeEntry, encodeRecord, keys, MAX_RECORD_BYTES, type TaskRecord } from '../../src/store/cluster/records.js';

const task = fc.oneof(
  fc.nat(9999).map((chapter) => labelsTask(chapter)),
  fc.tuple(fc.nat(9999), fc.nat(99)).map(([chapter, layer]) => trainTask(chapter, layer)),
);
const id = fc.stringMatching(/^[\w-]{1,64}$/);
const record: fc.Arbitrary<TaskRecord> = fc.oneof(
  id.map((by): TaskRecord => ({ v: 1, state: 'claimed', by })),
  id.map((by): TaskRecord => ({ v: 1, state: 'free', by })),
  fc
    .tuple(id, fc.stringMatching(/^[0-9a-f]{64}$/), fc.nat(), fc.nat(1e9), fc.integer({ min: 20_000, max: 1e6 }))
    .map(([by, digest, steps, bytes, chunkBytes]): TaskRecord => ({
      v: 2,
      state: 'done',
      by,
      digest,
      steps,
      bytes,
      chunkBytes,
    })),
);

describe('records', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(task, record, (of, value) => {
        expect(decodeEntry(keys.task(of), encodeRecord(value))).toEqual({ type: 'task', task: of, record: value });
      }),
    );
  });

  it('of any other bytes are refused, and never throw', () => {
    fc.assert(
      fc.property(fc.oneof(task.map(keys.task), fc.string()), fc.uint8Array({ maxLength: 300 }), (key, bytes) => {
        expect(decodeEntry(key, bytes)).toBeUndefined();
      }),
    );
  });

  it('with one byte changed are refused, or are still a record', () => {
    fc.assert(
      fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const bytes = encodeRecord(value);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] as number) ^ flip;
        const read = decodeEntry('task.c0.l0', bytes);
        if (read?.type === 'task') expect(['claimed', 'free', 'done']).toContain(read.record.state);
        else expect(read).toBeUndefined();
      }),
    );
  });

  it.each<[string, string, unknown]>([
    ['another version', 'task.c0.l0', { v: 2, state: 'claimed', by: 'a' }],
    ['more fields', 'task.c0.l0', { v: 1, state: 'claimed', by: 'a', admin: true }],
    [
      'a negative size',
      'task.c0.l0',
      { v: 1, state: 'done', by: 'a', digest: 'a'.repeat(64), steps: 1, bytes: -1, chunkBytes: 1 },
    ],
    ['an unknown key', 'admin', { v: 1, by: 'a', name: 'a', text: '' }],
    ['a task that is none', 'task.c1.l1.l2', { v: 1, state: 'claimed', by: 'a' }],
    ['a huge value', 'stop', { v: 1, by: 'a', name: 'a', text: 'x'.repeat(MAX_RECORD_BYTES) }],
  ])('with %s are refused', (_, key, value) => {
    expect(decodeEntry(key, Buffer.from(JSON.stringify(value)))).toBeUndefined();
  });
});
