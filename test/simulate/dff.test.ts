/** DFF's graph and simulation, and its bytes beside PFF's. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalCosts } from '../../src/simulate/costs.js';
import { assignDff, dffNeeds, dffOutputBytes, simulateDff } from '../../src/simulate/dff.js';
import type { GraphShape } from '../../src/schedule/shape.js';
import { pffTraffic, trafficPerChapter } from '../../src/simulate/traffic.js';

describe('DFF', () => {
  it('has a server for each layer, each step behind the one below', () => {
    const shape = { units: [3, 2], steps: 2, rows: 10 };
    expect(assignDff(shape)).toEqual([
      [
        { step: 0, layer: 0 },
        { step: 1, layer: 0 },
      ],
      [
        { step: 0, layer: 1 },
        { step: 1, layer: 1 },
      ],
    ]);
    expect(dffNeeds({ step: 0, layer: 0 })).toEqual([]);
    expect(dffNeeds({ step: 1, layer: 1 })).toEqual([
      { step: 0, layer: 1 },
      { step: 1, layer: 0 },
    ]);
  });

  it('takes steps + L - 1 slots with equal layers and free transfers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 30 }), (layers, steps) => {
        const shape = { units: Array.from({ length: layers }, () => 5), steps, rows: 3 };
        const { summary, timeline } = simulateDff({ shape, seconds: shape.units.map(() => 1) });
        expect(summary.makespan).toBe(steps + layers - 1);
        expect(summary.busy).toBe(steps * layers);
        expect(timeline.spans.filter((span) => span.phase === 'train')).toHaveLength(steps * layers);
      }),
    );
  });

  it("sends every output but the last layer's, once a step", () => {
    const shape = { units: [2000, 2000, 2000, 2000], steps: 5, rows: 120_000 };
    const one = 120_000 * 2000 * 4;
    expect(dffOutputBytes(shape)).toEqual([one, one, one, 0]);
    const { summary } = simulateDff({ shape, seconds: [1, 1, 1, 1], network: { bandwidth: 1e9, latency: 0.001 } });
    expect([summary.bytesOut, summary.bytesIn]).toEqual([15 * one, 15 * one]);
    expect(summary.idle.find(({ reason }) => reason === 'network')).toBeDefined();
  });
});

describe('traffic', () => {
  const shape: GraphShape = { layers: 4, head: false, splits: 100, predictedLabels: 'none', labelLag: 1 };
  const state = 3 * 4 * (2000 * 2000 + 2000);
  const costs = { ...equalCosts(shape), stateBytes: [state, state, state, state] };

  it('of all-layers is every state out once and in once', () => {
    expect(pffTraffic(shape, 'all-layers', 4, costs)).toEqual({ published: 400 * state, fetched: 99 * 4 * state });
    expect(pffTraffic(shape, 'sequential', 4, costs)).toEqual({ published: 0, fetched: 0 });
  });

  it('of single-layer is each state in once for every node above', () => {
    expect(pffTraffic(shape, 'single-layer', 4, costs)).toEqual({ published: 400 * state, fetched: 600 * state });
    expect(pffTraffic(shape, 'single-layer', 2, costs)).toEqual({ published: 400 * state, fetched: 200 * state });
  });

  it('counts labels where they travel', () => {
    const labelled: GraphShape = { ...shape, predictedLabels: 'all-layers', labelLag: 4 };
    const priced = { ...costs, stateBytes: [0, 0, 0, 0], labelBytes: 10 };
    expect(pffTraffic(labelled, 'single-layer', 4, priced)).toEqual({ published: 960, fetched: 3 * 960 });
    expect(pffTraffic(labelled, 'all-layers', 4, priced)).toEqual({ published: 960, fetched: 0 });
  });

  it('of DFF stands beside it, per chapter', () => {
    const dff = { units: [2000, 2000, 2000, 2000], rows: 120_000 };
    const side = trafficPerChapter(shape, 'all-layers', 4, costs, dff, 1);
    expect(side.pff).toEqual({ published: 4 * state, fetched: 3.96 * state });
    expect(side.dff).toEqual({ published: 3 * 960e6, fetched: 3 * 960e6 });
    expect(side.ratio).toBeCloseTo((6 * 960e6) / (7.96 * state), 9);
    expect(trafficPerChapter(shape, 'sequential', 1, costs, dff, 2)).toMatchObject({
      dff: { published: 6 * 960e6 },
      ratio: Number.POSITIVE_INFINITY,
    });
  });
});
