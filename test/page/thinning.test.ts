/** Logs of very many tasks: some chapters are drawn, all are counted, and what is kept does not grow with the log. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { packEvent } from '../../src/page/pack-event.js';
import { RunFeed } from '../../src/page/run-feed.js';
import { tasksDone, viewOf, type RunView } from '../../src/page/run-view.js';
import type { RunEvent } from '../../src/run/events.js';
import { train } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-thin-'));
afterAll(() => rmSync(folder, { recursive: true }));

const real: RunEvent[] = [];
for await (const event of train({ spec: toySpec(), nodes: 2, variant: 'all-layers' }, toyDataset())) real.push(event);
type Of<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;
const finished = real.filter((event): event is Of<'task-finished'> => event.type === 'task-finished');
const started = real.find((event): event is Of<'started'> => event.type === 'started') as Of<'started'>;
const layers = started.spec.layers.length - 1;
const SPLITS = Math.ceil(21_000 / layers);

/** A run of very many chapters, each as a real one was, from second `from` on. */
function* longRun(chapters: number): Generator<RunEvent> {
  yield { ...started, spec: { ...started.spec, negatives: 'random', splits: SPLITS } };
  for (let chapter = 0; chapter < chapters; chapter++)
    for (const layer of started.spec.layers.slice(1).keys()) {
      const like = finished.filter(({ task }) => task.layer === layer)[chapter % 2] as Of<'task-finished'>;
      const moved = { ...like, task: { chapter, layer }, node: chapter % 2 };
      // Times that the page's units hold exactly, so that sums are not of what was rounded.
      yield {
        ...moved,
        spans: like.spans.map((span, i) => ({ ...span, start: chapter + i / 16, end: chapter + i / 16 + 0.015 })),
      };
    }
}

function written(events: Iterable<RunEvent>, lineOf = (event: RunEvent): string => JSON.stringify(event)): string {
  const run = mkdtempSync(path.join(folder, 'run-'));
  writeFileSync(path.join(run, 'events.jsonl'), [...events].map((event) => `${lineOf(event)}\n`).join(''));
  return run;
}

/** What the nodes' table and the overview show. */
function figures(view: RunView): unknown {
  const round = (value: number): number => Math.round(value * 10);
  const nodes = view.nodes.map(({ node, samples, tasks, bytesIn, bytesOut, ...rest }) => {
    const times = [rest.busy, rest.waiting, rest.fetching, rest.publishing].map(round);
    return { node, samples, tasks, bytesIn, bytesOut, times };
  });
  return { nodes, now: round(view.now), done: tasksDone(view), unreadable: view.unreadable };
}

it('counts every task of a long run, whatever its line looks like, and draws some of all its parts', () => {
  const events = [...longRun(SPLITS)];
  const whole = viewOf(events.map((event) => packEvent(event, 'run')));
  const feed = new RunFeed(written(events));
  expect(figures(feed.view)).toEqual(figures(whole));
  expect(feed.view.remarks).toEqual([
    expect.stringMatching(/^21\d{3} tasks are too many to draw: of each 8 chapters, 4 in a row/),
  ]);
  expect(feed.view.done.size).toBeLessThanOrEqual(20_000);
  const chapters = feed.view.trained.map(({ task }) => task.chapter);
  expect([Math.min(...chapters), Math.max(...chapters)]).toEqual([0, expect.toSatisfy((last) => last > SPLITS - 9)]);
  expect(new Set(feed.view.trained.map(({ node }) => node))).toEqual(new Set([0, 1]));
  // Lines of another order of fields, which have to be read whole.
  const turned = written(events, (event) => JSON.stringify(Object.fromEntries(Object.entries(event).toReversed())));
  expect(figures(new RunFeed(turned).view)).toEqual(figures(whole));
});

it('reads a long log in pieces to what it is when read at once', () => {
  const run = written([...longRun(SPLITS)]);
  const feed = new RunFeed(run, 1);
  let pieces = 1;
  const first = tasksDone(feed.view);
  while (feed.poll(1)) pieces++;
  const whole = new RunFeed(run);
  expect(pieces).toBeGreaterThan(1);
  expect(first).toBeLessThan(tasksDone(whole.view));
  expect(figures(feed.view)).toEqual(figures(whole.view));
  expect(feed.view.done).toEqual(whole.view.done);
});

it('counts on in a resumed run, and keeps only the newest progress', () => {
  const first = [...longRun(SPLITS - 100)];
  const tasks = first.flatMap((event) => (event.type === 'task-finished' ? [event.task] : []));
  const progress = { ...finished[0], type: 'progress' } as unknown as RunEvent;
  const events: RunEvent[] = [...first, ...longRun(0), { type: 'resumed', done: tasks.slice(0, -50), damaged: [] }];
  const feed = new RunFeed(written([...events, ...Array.from({ length: 1000 }, () => progress)]));
  expect(tasksDone(feed.view)).toBeGreaterThanOrEqual(tasks.length - 50);
  expect(tasksDone(feed.view)).toBeLessThanOrEqual(tasks.length);
  expect(feed.view.nodes[0]?.doing).toBeDefined();
  expect(feed.count).toBeLessThan(20_100);
});
