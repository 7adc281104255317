/** Event logs read back: whole lines in pieces, and lines that are no events, which no reader stumbles over. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunFeed } from '../../src/page/run-feed.js';
import { traceOfRun } from '../../src/report/trace.js';
import type { RunEvent } from '../../src/run/events.js';
import { eachLine, parseEvent } from '../../src/run/log-lines.js';
import { train } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

let folder = '';
const events: RunEvent[] = [];
beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-log-'));
  for await (const event of train({ spec: toySpec(), nodes: 1 }, toyDataset())) events.push(event);
});
afterAll(() => rmSync(folder, { recursive: true }));

it('every event of a run is one', () => {
  for (const event of events) expect(parseEvent(JSON.stringify(event))?.type).toBe(event.type);
});

it('lines come whole, also those longer than a piece, and from where the last reading ended', () => {
  const file = path.join(folder, 'lines');
  const lines = ['a', 'b'.repeat(9 << 20), '', 'ä', 'c'.repeat((4 << 20) - 1), 'd'];
  writeFileSync(file, `${lines.join('\n')}\ncut`);
  const read = (from: number): { end: number; got: string[] } => {
    const got: string[] = [];
    return { end: eachLine(file, from, (line) => got.push(line)), got };
  };
  const { end, got } = read(0);
  expect(got.map((line) => line.length)).toEqual(lines.filter((line) => line !== '').map((line) => line.length));
  expect([got[0], got[2], got[4]]).toEqual(['a', 'ä', 'd']);
  expect(read(end)).toEqual({ end, got: [] });
  appendFileSync(file, ' off\n');
  expect(read(end).got).toEqual(['cut off']);
});

it('lines that are no events are counted by the page and passed over by a trace', () => {
  /** The first event of a type, with parts of it replaced. */
  const changed = (type: RunEvent['type'], change: object): string =>
    JSON.stringify({ ...events.find((each) => each.type === type), ...change });
  const bad = [
    'nonsense',
    'null',
    '[]',
    '{"type":"toString"}',
    changed('task-finished', { spans: 3 }),
    changed('task-finished', { spans: [null] }),
    changed('task-finished', { spans: [{}] }),
    changed('task-finished', { node: 1e9 }),
    changed('task-finished', { task: { chapter: 1e15, layer: 0 } }),
    changed('task-finished', { stats: null }),
    changed('started', { execution: { nodes: 1e9, variant: 'all-layers' } }),
    changed('started', { spec: 3 }),
    changed('started', { dataset: { classes: 'x' } }),
    changed('validation', { accuracy: 'x' }),
    changed('trained', { summary: {} }),
    changed('finished', { result: 7 }),
    '{"type":"resumed","done":5,"damaged":[]}',
    '{"type":"node-died","node":-1,"reason":"x"}',
    '{"type":"notice","text":{}}',
    '{"type":"analysis","chapter":0,"at":1,"analysis":null}',
  ];
  const runWith = (between: readonly string[]): string => {
    const run = mkdtempSync(path.join(folder, 'run-'));
    const lines = events.flatMap((event) => [JSON.stringify(event), ...(event.type === 'started' ? between : [])]);
    writeFileSync(path.join(run, 'events.jsonl'), `${lines.join('\n')}\n`);
    return run;
  };
  const whole = runWith([]);
  const { done } = new RunFeed(whole).view;
  const spans = traceOfRun(whole).traceEvents.length;
  expect([done.size > 0, spans > 0]).toEqual([true, true]);
  for (const line of bad) {
    const run = runWith([line]);
    const { view } = new RunFeed(run);
    const shown = line.slice(0, 60);
    expect([shown, view.unreadable, view.done]).toEqual([shown, 1, done]);
    expect([shown, traceOfRun(run).traceEvents.length]).toEqual([shown, spans]);
  }
});
