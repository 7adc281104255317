/** The simulation keeps to the graph, agrees with the closed form, and accounts for every second and byte. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../src/schedule/assign.js';
import { bound } from '../../src/simulate/bound.js';
import { type Costs, equalCosts } from '../../src/simulate/costs.js';
import { type GraphShape, trainedLayers } from '../../src/schedule/shape.js';
import { type SimulationInput, simulate } from '../../src/simulate/simulate.js';
import { allTasks, needs, taskKey } from '../../src/schedule/tasks.js';
import { type Span, isComputing, refKey, refOf, summarise } from '../../src/schedule/timeline.js';
import { pffTraffic } from '../../src/simulate/traffic.js';
import { maxKeptChapters } from '../../src/schedule/retention.js';
import { nodeCounts, shapes, variants } from '../schedule/arbitraries.js';
import { closedForm, criticalPath } from './closed-form.js';

/** A whole number below `most`, drawn from `seed` and what the number is for. */
const drawn = (seed: number, index: number, most: number) => (seed * 7919 + index * 104729 + seed * index * 31) % most;

/** Whole numbers of seconds and bytes, so that sums are exact; some layers free. */
function drawnCosts(shape: GraphShape, seed: number): Costs {
  const layers = (from: number, most: number, count = shape.layers) =>
    Array.from({ length: count }, (_, i) => drawn(seed, from + i, most));
  return {
    train: layers(1, 9).map((seconds) => seconds + 1),
    pass: layers(20, 3),
    head: shape.head ? drawn(seed, 40, 6) : 0,
    labels: drawn(seed, 41, 4),
    stateBytes: layers(50, 1000, trainedLayers(shape)),
    labelBytes: drawn(seed, 42, 100),
  };
}

const inputs: fc.Arbitrary<SimulationInput> = fc
  .record({
    shape: shapes,
    variant: variants,
    nodes: nodeCounts,
    seed: fc.nat(1000),
    speeds: fc.array(fc.constantFrom(0.5, 1, 2), { maxLength: 9 }),
    network: fc.record({
      bandwidth: fc.constantFrom(64, 512, 4096, Number.POSITIVE_INFINITY),
      latency: fc.constantFrom(0, 0.25, 2),
      overlap: fc.boolean(),
    }),
  })
  .map(({ seed, ...rest }) => ({ ...rest, costs: drawnCosts(rest.shape, seed) }));

const computing = (spans: readonly Span[]) => spans.filter((span) => isComputing(span.phase));

describe('simulate', () => {
  it('does every task, each after all that it needs was published and had the time to arrive', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { spans } = simulate(input).timeline;
        const last = new Map(computing(spans).map((span) => [refKey(span.task), span]));
        const tasks = [...allTasks(input.shape)];
        expect(last.size).toBe(tasks.length);
        const { bandwidth, latency } = { bandwidth: Number.POSITIVE_INFINITY, latency: 0, ...input.network };
        for (const task of tasks) {
          const span = last.get(refKey(refOf(input.shape, task)));
          for (const need of needs(input.shape, task)) {
            const source = last.get(refKey(refOf(input.shape, need)));
            if (span === undefined || source === undefined) throw new Error('a task was not done');
            const bytes = need.kind === 'labels' ? input.costs.labelBytes : (input.costs.stateBytes[need.layer] ?? 0);
            const trip = source.node === span.node ? 0 : 2 * (bytes / bandwidth + latency);
            expect(span.start).toBeGreaterThanOrEqual(source.end + trip - 1e-9);
          }
        }
      }),
    );
  });

  it('never has a node compute two things at once, nor fetch or publish two at once', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { spans } = simulate({ ...input, network: { ...input.network, latency: 0 } }).timeline;
        for (let node = 0; node < input.nodes; node++) {
          for (const group of [['pass', 'train', 'labels', 'wait'], ['fetch'], ['publish']]) {
            const own = spans
              .filter((span) => span.node === node && group.includes(span.phase) && span.end > span.start)
              .toSorted((a, b) => a.start - b.start);
            own.forEach((span, i) => expect(span.start).toBeGreaterThanOrEqual((own[i - 1]?.end ?? 0) - 1e-9));
          }
        }
      }),
    );
  });

  it('gives the same result each time', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(simulate(input)).toEqual(simulate(input));
      }),
      { numRuns: 30 },
    );
  });

  it('accounts for every second of every node, and leaves none unexplained', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { summary } = simulate(input);
        for (const { busy, idle } of summary.nodes) {
          const sum = Object.values(idle).reduce((a, b) => a + b, busy);
          expect(sum).toBeCloseTo(summary.makespan, 6);
          expect(idle.other ?? 0).toBeLessThan(1e-6);
        }
        expect(summary.utilisation).toBeCloseTo(summary.busy / (input.nodes * summary.makespan), 9);
      }),
    );
  });

  it('moves the bytes that the schedule says, and none for a lone node', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { summary } = simulate(input);
        const { published, fetched } = pffTraffic(input.shape, input.variant, input.nodes, input.costs);
        expect([summary.bytesOut, summary.bytesIn]).toEqual([published, fetched]);
        expect(simulate({ ...input, nodes: 1 }).summary).toMatchObject({ bytesIn: 0, bytesOut: 0 });
      }),
    );
  });

  it('keeps the store within its bound', () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 12 }), (input, window) => {
        const chapter = input.costs.stateBytes.reduce((sum, bytes) => sum + bytes, 0);
        const kept = maxKeptChapters(input.shape, input.variant, input.nodes, window);
        const labels = input.shape.splits * input.costs.labelBytes;
        expect(simulate({ ...input, window }).peakStoreBytes).toBeLessThanOrEqual(kept * chapter + labels);
      }),
    );
  });

  it('is never faster with a slower network, nor without overlap', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const free = simulate({ ...input, network: {} }).summary.makespan;
        expect(simulate(input).summary.makespan).toBeGreaterThanOrEqual(free - 1e-9);
      }),
    );
  });

  it('counts head training apart and charges a node that rebuilds inputs for its passes', () => {
    const shape: GraphShape = { layers: 3, head: true, splits: 1, predictedLabels: 'none', labelLag: 1 };
    const costs: Costs = {
      train: [10, 10, 10],
      pass: [1, 2, 4],
      head: 5,
      labels: 0,
      stateBytes: [0, 0, 0, 0],
      labelBytes: 0,
    };
    const busy = (variant: 'sequential' | 'single-layer', nodes: number) =>
      simulate({ shape, variant, nodes, costs }).summary.nodes.map((node) => node.busy);
    expect(busy('sequential', 1)).toEqual([30 + 1 + 2 + 5]);
    expect(busy('single-layer', 4)).toEqual([10, 11, 13, 5]);
  });

  it('takes the given speeds', () => {
    const shape: GraphShape = { layers: 2, head: false, splits: 4, predictedLabels: 'none', labelLag: 1 };
    const makespan = (speeds: number[]) =>
      simulate({ shape, variant: 'sequential', nodes: 1, costs: equalCosts(shape), speeds }).summary.makespan;
    expect([makespan([]), makespan([2]), makespan([0.5])]).toEqual([8, 4, 16]);
  });

  it('says what a slow network costs', () => {
    const shape: GraphShape = { layers: 4, head: false, splits: 20, predictedLabels: 'none', labelLag: 1 };
    const costs = { ...equalCosts(shape), stateBytes: [100, 100, 100, 100] };
    const input = { shape, variant: 'all-layers' as const, nodes: 4, costs };
    const slow = simulate({ ...input, network: { bandwidth: 100 } }).summary;
    expect(slow.makespan).toBeGreaterThan(bound(shape, 'all-layers', 4, costs) * 1.2);
    expect(slow.idle.find(({ reason }) => reason === 'network')?.seconds).toBeGreaterThan(20);
    expect(simulate(input).summary.idle.map(({ reason }) => reason)).not.toContain('network');
    const blocking = simulate({ ...input, network: { bandwidth: 400, overlap: false } }).summary;
    const overlapping = simulate({ ...input, network: { bandwidth: 400 } }).summary;
    expect(blocking.makespan).toBeGreaterThan(overlapping.makespan);
  });

  it('refuses costs, speeds and networks that are none', () => {
    const shape: GraphShape = { layers: 2, head: true, splits: 1, predictedLabels: 'none', labelLag: 1 };
    const input: SimulationInput = { shape, variant: 'sequential', nodes: 1, costs: equalCosts(shape) };
    expect(() => simulate({ ...input, costs: { ...input.costs, train: [1] } })).toThrow(
      /costs.train has 1 values, but there are 2/,
    );
    expect(() => simulate({ ...input, costs: { ...input.costs, head: Number.NaN } })).toThrow(/costs.head .* NaN/);
    expect(() => simulate({ ...input, speeds: [0] })).toThrow(/speed/);
    expect(() => simulate({ ...input, network: { bandwidth: 0 } })).toThrow(/bandwidth/);
    expect(() => simulate({ ...input, network: { latency: -1 } })).toThrow(/latency/);
  });
});

describe('bound', () => {
  const equalShapes = shapes.map((shape): GraphShape => ({ ...shape, predictedLabels: 'none' }));

  it('of equal layers is the closed form', () => {
    fc.assert(
      fc.property(equalShapes, variants, nodeCounts, (shape, variant, nodes) => {
        expect(bound(shape, variant, nodes, equalCosts(shape))).toBe(
          closedForm(variant, trainedLayers(shape), shape.splits, nodes),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("is the paper's S·L/N + N - 1 where S is a multiple of N", () => {
    expect(closedForm('all-layers', 4, 100, 4)).toBe((100 * 4) / 4 + 3);
    for (let nodes = 1; nodes <= 6; nodes++)
      for (let rounds = 1; rounds < 9; rounds++)
        expect(closedForm('all-layers', 6, rounds * nodes, nodes)).toBe(rounds * 6 + nodes - 1);
    const shape: GraphShape = { layers: 4, head: false, splits: 100, predictedLabels: 'none', labelLag: 1 };
    const speedUp = closedForm('sequential', 4, 100, 1) / bound(shape, 'all-layers', 4, equalCosts(shape));
    expect(speedUp).toBeCloseTo(3.88, 2);
  });

  it('never grows with the number of nodes', () => {
    fc.assert(
      fc.property(equalShapes, variants, nodeCounts, (shape, variant, nodes) => {
        const most = closedForm(variant, trainedLayers(shape), shape.splits, nodes);
        expect(bound(shape, variant, nodes + 1, equalCosts(shape))).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('is no shorter than the longest chain of the graph, nor than the work shared out', () => {
    fc.assert(
      fc.property(inputs, ({ shape, variant, nodes, costs }) => {
        const shortest = bound(shape, variant, nodes, costs);
        expect(shortest).toBeGreaterThanOrEqual(criticalPath(shape, costs));
        const work = shape.splits * (costs.train.reduce((a, b) => a + b, 0) + costs.head);
        expect(shortest).toBeGreaterThanOrEqual(work / nodes - 1e-9);
      }),
    );
  });

  it('reaches the longest chain with a node for each chapter', () => {
    fc.assert(
      fc.property(equalShapes, fc.nat(1000), (shape, seed) => {
        // Where each layer has inputs of its own, more nodes yet could make those of one chapter side by side.
        fc.pre(!shape.ownInputs);
        const costs = drawnCosts(shape, seed);
        expect(bound(shape, 'all-layers', shape.splits, costs)).toBe(criticalPath(shape, costs));
      }),
    );
  });

  it('is not made longer by the limit on running ahead', () => {
    fc.assert(
      fc.property(equalShapes, variants, nodeCounts, fc.nat(1000), (shape, variant, nodes, seed) => {
        const costs = drawnCosts(shape, seed);
        const free = simulate({ shape, variant, nodes, costs, window: shape.splits }).summary.makespan;
        expect(bound(shape, variant, nodes, costs)).toBe(free);
      }),
    );
  });
});

describe('summarise', () => {
  it('explains the gaps of a recorded run: waits by what was waited for, transfers, overhead', () => {
    const task = { chapter: 2, layer: 1 };
    const span = (phase: Span['phase'], start: number, end: number, more: Partial<Span> = {}): Span => ({
      node: 0,
      task,
      phase,
      // Nobody was there for the first hour.
      start: 3600 + start,
      end: 3600 + end,
      bytes: 0,
      ...more,
    });
    const below = { chapter: 2, layer: 0 };
    const { nodes, idle, makespan } = summarise({
      nodes: 3,
      spans: [
        span('train', 0, 0.5, { node: 1, task: { chapter: 1, layer: 0 } }),
        span('train', 1, 2, { task: { chapter: 1, layer: 1 } }),
        span('wait', 2, 5, { waitedFor: below }),
        span('train', 3, 4, { node: 1, task: below }),
        span('fetch', 5, 5.5, { task: below, bytes: 10 }),
        span('pass', 5.5, 6),
        span('wait', 6, 7, { waitedFor: { chapter: 1, layer: 1 } }),
        span('train', 7.25, 8),
        span('publish', 8, 9, { bytes: 7 }),
      ],
    });
    expect(makespan).toBe(9);
    expect(nodes[0]).toEqual({
      node: 0,
      busy: 2.25,
      bytesIn: 10,
      bytesOut: 7,
      // From 4 on the layer below was trained: what follows is the network's, as is the wait for a state long trained.
      idle: { other: 0.25, 'layer-below': 2, network: 1 + 0.5 + 1, fill: 1, drain: 1 },
    });
    expect(nodes[2]?.idle).toEqual({ 'no-task': 9 });
    expect(idle[0]).toEqual({ reason: 'no-task', seconds: 9 });
  });

  it('of nothing is nothing', () => {
    expect(summarise({ nodes: 2, spans: [] })).toMatchObject({ makespan: 0, busy: 0, utilisation: 0, idle: [] });
  });
});

it('assigns the work that it simulates', () => {
  const shape: GraphShape = { layers: 2, head: false, splits: 3, predictedLabels: 'all-layers', labelLag: 1 };
  const lists = assign(shape, 'all-layers', 2);
  const { spans } = simulate({ shape, variant: 'all-layers', nodes: 2, costs: equalCosts(shape) }).timeline;
  const done = lists.map((_, node) => computing(spans).filter((span) => span.node === node && span.phase !== 'pass'));
  expect(done.map((own) => own.map((span) => refKey(span.task)))).toEqual(
    lists.map((list) => list.map((task) => refKey(refOf(shape, task)))),
  );
  expect(lists.flat().map(taskKey)).toHaveLength(8);
});
