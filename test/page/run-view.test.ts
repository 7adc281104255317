/** The page's data model: packing loses nothing that is shown, and the view agrees with the ledger of the run. */
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogTail } from '../../src/page/log-tail.js';
import { packEvent, packSpans } from '../../src/page/pack-event.js';
import { KeptEvents } from '../../src/page/kept-events.js';
import { unpackSpans, type PageEvent } from '../../src/page/page-event.js';
import { RunFeed } from '../../src/page/run-feed.js';
import { bytesMoved, elapsed, trainingSeconds, utilisation, viewOf, type RunView } from '../../src/page/run-view.js';
import type { RunEvent } from '../../src/run/events.js';
import { summarise, type Span } from '../../src/schedule/timeline.js';
import { ownFolder } from '../cli/helpers.js';
import { logFolder, simulatedEvents } from '../../tools/event-logs.js';

const spec = { layers: [784, 10, 10, 10], splits: 6, epochs: 6, negatives: 'random' as const };
const events = simulatedEvents(spec, 'all-layers', 3);
const packed = events.map((event) => packEvent(event, 'a run'));

const ref = fc.record({
  chapter: fc.nat(1000),
  layer: fc.oneof(fc.nat(20), fc.constantFrom('labels' as const, 'head' as const, 'network' as const)),
});
const anySpan: fc.Arbitrary<Span> = fc
  .record({
    node: fc.nat(100),
    task: ref,
    phase: fc.constantFrom('wait', 'fetch', 'pass', 'train', 'labels', 'publish'),
    start: fc.double({ min: 0, max: 1e5, noNaN: true }),
    length: fc.double({ min: 0.01, max: 100, noNaN: true }),
    bytes: fc.nat(),
    waitedFor: fc.option(ref, { nil: undefined }),
  })
  .map(({ length, waitedFor, ...span }) => ({
    ...span,
    end: span.start + length,
    ...(waitedFor ? { waitedFor } : {}),
  }));

describe('spans', () => {
  it('come out of packing as they went in, to a tenth of a millisecond', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 20 }), (spans) => {
        expect(unpackSpans(packSpans(spans))).toEqual(
          spans.map((span) => ({ ...span, start: expect.closeTo(span.start, 3), end: expect.closeTo(span.end, 3) })),
        );
      }),
    );
  });
});

describe('the view', () => {
  const view = viewOf(packed);

  it('agrees with the ledger', () => {
    const spans = events.flatMap((event) => (event.type === 'task-finished' ? event.spans : []));
    const ledger = summarise({ nodes: 3, spans });
    expect(view.now).toBeCloseTo(ledger.makespan, 3);
    for (const { node, busy, bytesIn, bytesOut } of ledger.nodes) {
      expect(view.nodes[node]?.busy).toBeCloseTo(busy, 2);
      expect(view.nodes[node]?.bytesIn).toBe(bytesIn);
      expect(view.nodes[node]?.bytesOut).toBe(bytesOut);
    }
    expect(view.done.size).toBe(18);
    expect(view.trained.map(({ loss }) => loss)).toEqual(
      events.flatMap((event) => (event.type === 'task-finished' ? [event.stats.loss / event.stats.samples] : [])),
    );
    expect(view.status).toBe('evaluating');
  });

  it('is the same after any event is followed by what it replaces', () => {
    const noise: PageEvent[] = packed.flatMap((event): PageEvent[] =>
      event.type === 'task'
        ? [
            {
              type: 'progress',
              node: event.node,
              task: event.task,
              batch: 1,
              batches: 2,
              stats: { samples: 0, loss: 0, positiveGoodness: 0, negativeGoodness: 0, correct: 0 },
            },
            { type: 'bound', seconds: 1, alone: 2 },
            { type: 'audits', checked: event.task.chapter, open: [], keys: [], disputes: [] },
            event,
          ]
        : [event],
    );
    const list = new KeptEvents();
    for (const event of noise) list.push(event);
    const thin = list.from(0).events;
    expect(thin.length).toBe(packed.length + 2);
    expect(viewOf(thin)).toEqual(viewOf(noise));
    expect(viewOf(thin).audits?.checked).toBe(5);
    // Numbers stay: a reader that was at an event goes on after it.
    expect(list.count).toBe(noise.length);
    const parts = Array.from({ length: Math.ceil(noise.length / 7) }, (_, i) => list.from(7 * i, 7));
    expect(parts.flatMap(({ events: some }) => some)).toEqual(thin);
    expect(parts.at(-1)?.next).toBe(noise.length);
  });

  it('goes on from where a resumed run stopped', () => {
    const [started, first, second] = packed as [PageEvent, PageEvent, PageEvent];
    const before = viewOf([started, first]);
    const after = viewOf([started, first, started, { type: 'resumed', done: [], damaged: [] }, second]);
    expect(after.offset).toBe(before.now);
    expect(after.marks).toEqual([expect.objectContaining({ at: before.now, kind: 'resumed' })]);
    expect(after.spans.at(-1)?.start).toBeGreaterThanOrEqual(before.now);
    expect(after.done.size).toBe(2);
  });

  it('adds up the parts of a resumed run', () => {
    const [started, ...rest] = packed as [PageEvent, ...PageEvent[]];
    const whole = viewOf(packed);
    const half = Math.floor(rest.length / 2);
    const resumed: PageEvent[] = [started, { type: 'resumed', done: [], damaged: [] }];
    const twice = viewOf([started, ...rest.slice(0, half), ...resumed, ...rest]);
    const first = viewOf([started, ...rest.slice(0, half)]);
    expect(trainingSeconds(twice)).toBeCloseTo(first.now + elapsed(whole), 3);
    expect(bytesMoved(twice)).toBe(bytesMoved(first) + bytesMoved(whole));
    const busy = (of: RunView): number => utilisation(of) * elapsed(of);
    expect(busy(twice)).toBeCloseTo(busy(first) + busy(whole));
    // For a run in one part, these are what its result says.
    const summary = events.flatMap((event) => (event.type === 'trained' ? [event.summary] : []))[0];
    expect(trainingSeconds(whole)).toBeCloseTo(summary?.makespan ?? 0, 3);
    expect(utilisation(whole)).toBeCloseTo(summary?.utilisation ?? 0, 3);
    expect(bytesMoved(whole)).toBe(summary?.bytesIn);
  });

  it('counts from the first task on, however long the run waited for a node', () => {
    const [started, ...rest] = packed as [PageEvent, ...PageEvent[]];
    const late = rest.map((event) =>
      event.type === 'task'
        ? {
            ...event,
            spans: packSpans(unpackSpans(event.spans).map((s) => ({ ...s, start: s.start + 3600, end: s.end + 3600 }))),
          }
        : event,
    );
    const [whole, waited] = [viewOf(packed), viewOf([started, ...late])];
    expect(waited.now).toBeGreaterThan(3600);
    expect(trainingSeconds(waited)).toBeCloseTo(trainingSeconds(whole), 2);
    expect(utilisation(waited)).toBeCloseTo(utilisation(whole), 2);
  });

  it('marks a death at its moment, and counts it', () => {
    const death: PageEvent = { type: 'node-died', node: 1, reason: 'exit code 1', deaths: 1, at: 2.5 };
    const { marks, nodes } = viewOf([packed[0] as PageEvent, death]);
    expect(marks).toEqual([
      { at: 2.5, kind: 'fault', node: 1, text: expect.stringContaining('node 2 died') as string },
    ]);
    expect(nodes[1]?.deaths).toBe(1);
  });
});

describe('the log', () => {
  it('is read line by line, however its bytes come', () => {
    const file = path.join(ownFolder(), 'events.jsonl');
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    const tail = new LogTail(file);
    const got: RunEvent[] = [];
    const poll = (): void => {
      tail.poll(
        (event) => got.push(event),
        () => got.splice(0),
      );
    };
    poll();
    expect(got).toEqual([]);
    writeFileSync(file, '');
    for (let at = 0; at < text.length; at += 997) {
      appendFileSync(file, text.slice(at, at + 997));
      poll();
    }
    expect(got).toEqual(JSON.parse(JSON.stringify(events)));
  });

  it('may end in the middle of a line, or have lines that are none', () => {
    const folder = ownFolder();
    const cut = JSON.stringify(events[3]).slice(0, 60);
    logFolder(folder, events.slice(0, 3), `nonsense\n{"type":"task-finished","node":1e9}\nnull\n${cut}`);
    const feed = new RunFeed(folder);
    expect(feed.view.done.size).toBe(2);
    expect(feed.view.unreadable).toBe(3);
    appendFileSync(path.join(folder, 'events.jsonl'), `${JSON.stringify(events[3]).slice(60)}\n`);
    feed.poll();
    expect(feed.view.done.size).toBe(3);
  });

  it('that is replaced by another starts again', () => {
    const folder = ownFolder();
    logFolder(folder, events);
    const feed = new RunFeed(folder);
    const { session } = feed;
    logFolder(folder, events.slice(0, 2));
    feed.poll();
    expect(feed.session).not.toBe(session);
    expect(feed.view.done.size).toBe(1);
  });

  it('gives the bound of the schedule as soon as each layer was trained', () => {
    const folder = ownFolder();
    logFolder(folder, events);
    const { bound, trainSeconds } = new RunFeed(folder).view;
    expect(bound?.seconds).toBeGreaterThan(0);
    expect(bound?.seconds).toBeLessThanOrEqual((trainSeconds as number) + 1e-6);
    expect(bound?.alone).toBeCloseTo(18 + 12 * 0.1, 2);
  });

  it('gives the bound again with a tenth more chapters and at the end, and never of a large graph', () => {
    const long = simulatedEvents({ ...spec, splits: 40, epochs: 40 }, 'all-layers', 3);
    const feed = new RunFeed(ownFolder());
    let told = 0;
    for (const event of long) {
      const { bound } = feed.view;
      feed.add([packEvent(event, 'a run')]);
      if (feed.view.bound !== bound) told++;
    }
    const last = feed.from(feed.count - 1).events;
    expect(told).toBeLessThan(30);
    expect(last.map(({ type }) => type)).toEqual(['bound']);
    const [started] = packed as [Extract<PageEvent, { type: 'started' }>];
    const many = { ...started, spec: { ...started.spec, splits: 7000, epochs: 7000 } };
    const large = new RunFeed(ownFolder());
    large.add([many, ...packed.slice(1)]);
    expect(large.view.bound).toBeUndefined();
  });
});
