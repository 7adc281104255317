/** The what-if table: its figures, where more nodes stop helping, and that it names the right limit. */
import { describe, expect, it } from 'vitest';
import { type Costs, equalCosts } from '../../src/simulate/costs.js';
import { limitOf } from '../../src/simulate/limits.js';
import type { GraphShape } from '../../src/schedule/shape.js';
import type { SimulationInput } from '../../src/simulate/simulate.js';
import { whatIf } from '../../src/simulate/what-if.js';

const shape: GraphShape = { layers: 4, head: false, splits: 100, predictedLabels: 'none', labelLag: 1 };
const equal: SimulationInput = { shape, variant: 'all-layers', nodes: 4, costs: equalCosts(shape) };
/** Layers of the paper's sizes, roughly: the first is cheaper, and passing takes a quarter of training. */
const costs: Costs = {
  train: [8, 12, 12, 12],
  pass: [2, 3, 3, 3],
  head: 0,
  labels: 1,
  stateBytes: [19e6, 48e6, 48e6, 48e6],
  labelBytes: 60_000,
};
const real: SimulationInput = { ...equal, costs };

describe('whatIf', () => {
  it('says that four equal layers keep four nodes busy and no fifth', () => {
    const { rows, enough } = whatIf(equal, [2, 4, 5, 64]);
    expect(rows.map((row) => [row.nodes, row.makespan])).toEqual([
      [1, 400],
      [2, 201],
      [4, 103],
      [5, 103],
      [64, 103],
    ]);
    const four = rows[2];
    expect(four?.speedUp).toBeCloseTo(400 / 103, 9);
    expect(four?.efficiency).toBeCloseTo(100 / 103, 9);
    expect(four?.utilisation).toBeCloseTo(100 / 103, 9);
    expect(four?.limit.reason).toBe('none');
    expect(enough).toMatchObject({ nodes: 4, limit: { reason: 'dependency', seconds: 20 } });
    expect(enough.limit.text).toBe('dependency (c-1, l): more nodes than layers (4)');
  });

  it('measures speed-up against one node without a network, and tells the bound from the makespan', () => {
    const { rows, enough } = whatIf({ ...real, network: { bandwidth: 12.5e6 } }, [3, 4, 8]);
    expect(rows[0]).toMatchObject({ nodes: 1, speedUp: 1, makespan: 5200, bytes: 0, limit: { reason: 'none' } });
    for (const row of rows.slice(1)) {
      expect(row.makespan).toBeGreaterThan(row.bound * 1.1);
      expect(row.limit.reason).toBe('network');
      expect(row.bytes).toBeGreaterThan(0);
    }
    expect(enough.nodes).toBe(3);
  });

  it('can let the label lag follow the number of nodes, as runs do', () => {
    const adaptive: SimulationInput = { ...real, shape: { ...shape, predictedLabels: 'all-layers', labelLag: 4 } };
    const fixed = whatIf(adaptive, [4, 8]);
    const following = whatIf(adaptive, [4, 8], (labelLag) => ({ ...adaptive.shape, labelLag }));
    expect(fixed.rows[2]?.limit.reason).toBe('labels');
    expect(following.rows[2]?.limit).toMatchObject({
      reason: 'dependency',
      text: expect.stringMatching(/more nodes than layers/),
    });
    expect(following.rows[0]).toMatchObject({ nodes: 1, speedUp: 1 });
    expect(following.rows[1]?.makespan).toBe(fixed.rows[1]?.makespan);
    expect(following.rows[2]?.makespan).toBeLessThanOrEqual(fixed.rows[2]?.makespan ?? 0);
  });
});

describe('limitOf', () => {
  const lag = (labelLag: number): GraphShape => ({ ...shape, predictedLabels: 'all-layers', labelLag });
  const cases: [string, SimulationInput, string, RegExp][] = [
    ['equal layers, as many nodes', equal, 'none', /within 3 %/],
    ['more nodes than layers', { ...equal, nodes: 6 }, 'dependency', /more nodes than layers \(4\)/],
    ['few chapters', { ...equal, shape: { ...shape, splits: 8 } }, 'chapters', /too few chapters: 8 for 4 nodes/],
    [
      'one long layer',
      { ...equal, costs: { ...costs, train: [1, 20, 1, 1], pass: [0, 0, 0, 0] } },
      'dependency',
      /longest layer/,
    ],
    ['fewer chapters than nodes', { ...equal, nodes: 4, shape: { ...shape, splits: 2 } }, 'chapters', /2 for 4 nodes/],
    ['labels without lag', { ...real, shape: lag(1) }, 'labels', /chapter c - 1: a longer label lag would help/],
    ['labels with lag', { ...real, shape: lag(4) }, 'none', /within/],
    ['sequential', { ...equal, variant: 'sequential' }, 'idle-nodes', /one node does everything/],
    ['a slow node', { ...equal, speeds: [1, 1, 1, 0.5] }, 'speeds', /slowest has speed 0.5/],
    ['a slow network', { ...real, network: { bandwidth: 12.5e6 } }, 'network', /transfers/],
    [
      'single-layer, layers left over',
      { ...equal, variant: 'single-layer', nodes: 3 },
      'unequal',
      /4 layers on 3 nodes, up to 2/,
    ],
    ['single-layer, too many nodes', { ...equal, variant: 'single-layer', nodes: 5 }, 'idle-nodes', /1 of 5 have none/],
    ['single-layer, unequal layers', { ...real, variant: 'single-layer' }, 'unequal', /node 4 has most/],
    [
      'single-layer, costly passes',
      { ...equal, variant: 'single-layer', nodes: 2, costs: { ...costs, train: [12, 6, 5, 2], pass: [5, 5, 5, 5] } },
      'passes',
      /pass the data/,
    ],
  ];
  it.each(cases)('names it: %s', (_, input, reason, text) => {
    const limit = limitOf(input);
    expect([limit.reason, limit.text]).toEqual([reason, expect.stringMatching(text)]);
  });
});
