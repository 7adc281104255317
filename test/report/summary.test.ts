/** What the summary of a run advises, and when. */
import { expect, it } from 'vitest';
import { runSummary } from '../../src/report/summary.js';
import { trainToEnd } from '../../src/run/train.js';
import type { RunResult } from '../../src/run/events.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const plain = { strong: (text: string) => text, faint: (text: string) => text };
const dataset = toyDataset();
const finished = await trainToEnd({ spec: toySpec({ epochs: 2 }) }, dataset);

function summaryOf(more: Partial<RunResult>): string {
  const { classes } = dataset;
  const input = { classes, kernelsReason: undefined, timeline: undefined, files: [] };
  return runSummary({ result: { ...finished, ...more }, ...input }, plain).join('\n');
}

/** Each class has 20 samples; `right` of them are told right, the others taken for the next class. */
function confusionOf(right: readonly number[]): number[][] {
  return right.map((count, label) =>
    right.map((_, predicted) =>
      predicted === label ? count : predicted === (label + 1) % right.length ? 20 - count : 0,
    ),
  );
}

const even = confusionOf([18, 18, 18, 18]);

it('advises nothing where nothing is odd', () => {
  expect(summaryOf({ testAccuracy: 0.9, layerAccuracy: [0.85, 0.9, 0.905], confusion: even })).not.toMatch(
    /does better|never right/,
  );
});

it('a stack that does worse than one of its layers: which one, and what to try', () => {
  const worse = { testAccuracy: 0.9, layerAccuracy: [0.85, 0.95, 0.92], confusion: even };
  const text = summaryOf(worse);
  expect(text).toContain('layer 2 alone does better than all together');
  expect(text).toContain(
    'Try --steepness 60, which leaves more for upper layers to tell samples apart by; --dropout 0.1; --objective performance-optimized, whose layers have heads of their own; fewer layers;',
  );
  // What is done already is not advised.
  const spec = toySpec({ dropout: 0.1, objective: 'performance-optimized' });
  expect(summaryOf({ ...worse, spec })).toContain('Try fewer layers; for images --shift 1 with --augment-per layer.');
  expect(summaryOf({ ...worse, spec: toySpec({ steepness: 60 }) })).toContain('Try --dropout 0.1; --objective');
  // One layer has nothing to be compared with, and a hair's breadth is chance.
  expect(summaryOf({ ...worse, layerAccuracy: [0.95] })).not.toContain('does better');
  expect(summaryOf({ ...worse, layerAccuracy: [0.909, 0.9] })).not.toContain('does better');
});

it('classes that are never right, but not those without samples', () => {
  const confusion = confusionOf([18, 0, 18, 0]);
  expect(summaryOf({ confusion })).toContain(
    'never right: top right, bottom right. Look at how many training samples they have; more --epochs may help.',
  );
  expect(summaryOf({ confusion: confusion.map((row, label) => (label === 1 ? row.map(() => 0) : row)) })).toContain(
    'never right: bottom right.',
  );
  const many = Array.from({ length: 8 }, () => 0);
  expect(summaryOf({ confusion: confusionOf(many) })).toMatch(/never right: .*, 4 and 3 more\. /);
});

it('a training in which a class is never right says so', async () => {
  // All samples of one class are missing from training: their label is never learned.
  const { train } = dataset;
  const kept = Array.from({ length: train.count }, (_, i) => i).filter((i) => train.labels[i] !== 2);
  const size = train.images.length / train.count;
  const images = new Uint8Array(kept.length * size);
  const labels = new Uint8Array(kept.length);
  for (const [to, from] of kept.entries()) {
    images.set(train.images.subarray(from * size, (from + 1) * size), to * size);
    labels[to] = train.labels[from] ?? 0;
  }
  const without = { ...dataset, train: { count: kept.length, images, labels } };
  const result = await trainToEnd({ spec: toySpec({ epochs: 8, objective: 'performance-optimized' }) }, without);
  expect(summaryOf(result)).toContain('never right: bottom left.');
});
