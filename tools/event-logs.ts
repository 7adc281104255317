/** Event logs for tests of the page and its bench: of a run that a simulation made up, and as files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../src/run/events.js';
import { assign, type PffVariant } from '../src/schedule/assign.js';
import { equalCosts } from '../src/simulate/costs.js';
import { graphShape } from '../src/schedule/shape.js';
import { simulate } from '../src/simulate/simulate.js';
import { summarise, type Span } from '../src/schedule/timeline.js';
import { resolveSpec, type PartialSpec } from '../src/spec/spec.js';

export type Started = Extract<RunEvent, { type: 'started' }>;

/** The events of a run of `nodes` nodes, whose tasks take a second each, up to the end of training. */
export function simulatedEvents(partial: PartialSpec, variant: PffVariant, nodes: number): RunEvent[] {
  const spec = resolveSpec(partial);
  const shape = graphShape(spec);
  const costs = {
    ...equalCosts(shape),
    pass: equalCosts(shape).train.map(() => 0.1),
    stateBytes: equalCosts(shape).train.map(() => 1e6),
  };
  const { timeline } = simulate({ shape, variant, nodes, costs, network: { bandwidth: 1e8, latency: 0.001 } });
  assign(shape, variant, nodes);
  const byTask = new Map<string, Span[]>();
  for (const span of timeline.spans) {
    const owner =
      span.phase === 'fetch' ? `fetch ${span.node}` : `${span.node} ${span.task.chapter} ${span.task.layer}`;
    byTask.set(owner, [...(byTask.get(owner) ?? []), span]);
  }
  const started: Started = {
    type: 'started',
    time: '2026-01-02T03:04:05.000Z',
    version: '0.0.0',
    spec,
    execution: { variant, nodes, threadsPerNode: 1, kernels: 'auto' },
    kernels: 'reference',
    kernelsReason: undefined,
    dataset: {
      name: spec.dataset,
      digest: '0'.repeat(64),
      trainSamples: 1000,
      testSamples: 100,
      evaluatedOn: 'test',
      classes: ['a', 'b', 'c'],
    },
    folder: undefined,
  };
  const finished = [...byTask.values()]
    .filter((spans) => spans.some(({ phase }) => phase === 'train' || phase === 'labels'))
    .toSorted((a, b) => endOf(a) - endOf(b))
    .map((spans, i): RunEvent => {
      const { task, node } = spans.find(({ phase }) => phase === 'train' || phase === 'labels') as Span;
      const samples = task.layer === 'labels' ? 0 : 1000;
      const stats = {
        samples,
        loss: samples / (1 + task.chapter),
        positiveGoodness: samples * 1.5,
        negativeGoodness: samples * 0.5,
        correct: samples * 0.9,
      };
      const fetched = byTask.get(`fetch ${node}`) ?? [];
      // All of a node's fetches go with its first task: who tells of them is of no matter here.
      byTask.set(`fetch ${node}`, []);
      return { type: 'task-finished', node, task, stats, spans: [...spans, ...fetched], processBytes: 1e8 + i };
    });
  return [
    started,
    ...finished,
    { type: 'trained', seconds: summarise(timeline).makespan, summary: summarise(timeline) },
  ];
}

function endOf(spans: readonly Span[]): number {
  return Math.max(...spans.map(({ end }) => end));
}

/** A run folder with these events in its log, and `rest` after them. */
export function logFolder(folder: string, events: readonly RunEvent[], rest = ''): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join('') + rest);
  return folder;
}
