/** Who does what where nodes are not equally fast: nobody waits for a slow one, and each task is somebody's, in an order that never waits for ever. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign } from '../../src/schedule/assign.js';
import { placeBySpeed } from '../../src/schedule/placement.js';
import type { GraphShape } from '../../src/schedule/shape.js';
import { needs, taskKey } from '../../src/schedule/tasks.js';

const even = [1, 1, 1, 1];

describe('whole chapters', () => {
  it.each<[string, readonly number[], readonly number[] | undefined]>([
    ['alike', [10, 10], undefined],
    ['nearly alike', [10, 9], undefined],
    ['more than half as fast helps', [10, 6], undefined],
    ['less than half as fast only makes the other wait', [10, 4], [0]],
    ['two GPUs and a CPU', [100, 5, 90], [0, 2]],
    ['one that cannot be measured', [10, 0], undefined],
  ])('%s', (_, speeds, placement) => expect(placeBySpeed('all-layers', speeds, even)).toEqual(placement));
});

describe('layers', () => {
  it.each<[string, readonly number[], readonly number[] | undefined]>([
    ['alike', [10, 10], undefined],
    ['twice as fast: for the last layer the data pass through all others, which is work, too', [20, 10], [0, 0, 0, 1]],
    ['a slow first node has the first layer', [10, 30], [0, 1, 1, 1]],
    ['so slow that a layer takes longer than all on the other', [1000, 1], [0, 0, 0, 0]],
  ])('%s', (_, speeds, placement) => expect(placeBySpeed('single-layer', speeds, even)).toEqual(placement));
});

it('shards stay with their nodes', () => {
  expect(placeBySpeed('federated', [1, 9], even)).toBeUndefined();
  expect(placeBySpeed('sequential', [1], even)).toBeUndefined();
});

it('each task is of one node, and following the lists never waits for ever', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('all-layers' as const, 'single-layer' as const),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 4 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom('none' as const, 'first-layer' as const, 'all-layers' as const),
      fc.integer({ min: 1, max: 3 }),
      (variant, speeds, layers, splits, predictedLabels, labelLag) => {
        const shape: GraphShape = { layers, head: false, splits, predictedLabels, labelLag };
        const placement = placeBySpeed(
          variant,
          speeds,
          Array.from({ length: layers }, () => 1),
        );
        fc.pre(placement !== undefined);
        const keys = (lists: ReturnType<typeof assign>): string[] => lists.flat().map(taskKey).toSorted();
        const lists = assign(shape, variant, placement?.length ?? 0, placement);
        expect(keys(lists)).toEqual(keys(assign(shape, 'sequential', 1)));
        const done = new Set<string>();
        const left = lists.map((list) => [...list]);
        for (let moved = true; moved;) {
          moved = false;
          for (const list of left)
            while (list[0] && needs(shape, list[0]).every((need) => done.has(taskKey(need)))) {
              done.add(taskKey(list.shift()!));
              moved = true;
            }
        }
        expect(left.flat()).toEqual([]);
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});
