import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chapterPlan } from '../../src/model/chapter.js';
import { toySpec } from '../helpers/tiny.js';

const shardOf = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i * 3);

describe('chapters', () => {
  it('together cover every sample once an epoch, whatever the splits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 9 }),
        (n, batch, epochs, splits) => {
          fc.pre(splits <= epochs * Math.ceil(n / batch));
          const spec = toySpec({ batch, epochs, splits });
          const shard = shardOf(n);
          const seen = new Map<number, number>();
          let last = -1;
          for (let chapter = 0; chapter < splits; chapter++) {
            const plan = chapterPlan(spec, shard, chapter);
            for (const { positions, progress } of plan.batches) {
              expect(progress).toBeGreaterThan(last);
              last = progress;
              for (const position of positions) {
                const sample = plan.samples[position] as number;
                seen.set(sample, (seen.get(sample) ?? 0) + 1);
              }
            }
          }
          expect([...seen.keys()].sort((a, b) => a - b)).toEqual([...shard]);
          expect(new Set(seen.values())).toEqual(new Set([epochs]));
        },
      ),
    );
  });

  it('shorter than an epoch hold only the samples that they use', () => {
    const plan = chapterPlan(toySpec({ batch: 10, epochs: 1, splits: 5 }), shardOf(100), 2);
    expect(plan.samples.length).toBe(20);
    expect(plan.batches.length).toBe(2);
  });

  it('of very large batches are drawn, too', () => {
    const plan = chapterPlan(toySpec({ batch: 200_000, epochs: 2, splits: 4 }), shardOf(400_000), 3);
    expect([plan.batches.length, plan.samples.length]).toEqual([1, 200_000]);
  });

  it('are refused where there are more than batches', () => {
    expect(() => chapterPlan(toySpec({ batch: 10, epochs: 2, splits: 5 }), shardOf(20), 0)).toThrow(
      /5 splits were asked for, but 2 epochs of 20 samples have only 4 batches/,
    );
  });
});
