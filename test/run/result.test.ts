/** The figures of a finished run: how near a pipeline came to its bound. */
import { expect, it } from 'vitest';
import { runResult, type ResultParts } from '../../src/run/result.js';
import { graphShape } from '../../src/schedule/shape.js';
import { summarise, type Span } from '../../src/schedule/timeline.js';
import { equalCosts } from '../../src/simulate/costs.js';
import { simulate } from '../../src/simulate/simulate.js';
import { resolveSpec } from '../../src/spec/spec.js';

it('a run that beats the bound of its mean tasks has reached all of it, not more', () => {
  const spec = resolveSpec({ layers: [36, 8, 8], epochs: 2, negatives: 'random' });
  const task = (node: number, chapter: number, layer: number, start: number, end: number): Span[] => [
    { node, task: { chapter, layer }, phase: 'train', start, end, bytes: 0 },
    { node, task: { chapter, layer }, phase: 'publish', start: end, end, bytes: 8 },
  ];
  // Each layer takes 1 s and 3 s, 2 s in the mean, and the long tasks lie beside each other.
  const spans = [...task(0, 0, 0, 0, 1), ...task(1, 0, 1, 1, 4), ...task(0, 1, 0, 1, 4), ...task(1, 1, 1, 4, 5)];
  const parts = {
    spec,
    execution: { variant: 'single-layer', nodes: 2, threadsPerNode: 1, kernels: 'reference' },
    dataset: {},
    kernels: {},
    evaluation: {},
    spans,
    summary: summarise({ nodes: 2, spans }),
  } as unknown as ResultParts;
  expect(runResult(parts).pipeline).toMatchObject({ boundSeconds: 5, reached: 1 });
});

it('the bound of Single-Layer is that of nodes that hand their inputs on, where they did', () => {
  const spec = resolveSpec({ layers: [36, 8, 8, 8, 8], epochs: 6, negatives: 'random' });
  const shape = graphShape(spec);
  const costs = { ...equalCosts(shape), pass: [0.5, 0.5, 0.5, 0.5] };
  const how = { shape, variant: 'single-layer', nodes: 4, costs, sharedMemory: true } as const;
  const { timeline, summary: ideal } = simulate(how);
  // The run itself took longer than it might have.
  const spans = timeline.spans.flatMap((span): Span[] =>
    span.phase === 'train' ? [span, { ...span, phase: 'publish', start: span.end }] : [span],
  );
  const late = { node: 0, task: { chapter: 5, layer: 3 }, phase: 'publish', start: 100, end: 100, bytes: 0 } as const;
  const found = (relayed: boolean): number | undefined => {
    const all = [...spans, late];
    const execution = { variant: 'single-layer', nodes: 4, threadsPerNode: 1, kernels: 'reference' };
    const summary = summarise({ nodes: 4, spans: all });
    const parts = { spec, execution, dataset: {}, kernels: {}, evaluation: {}, spans: all, summary, relayed };
    return runResult(parts as unknown as ResultParts).pipeline?.boundSeconds;
  };
  expect(found(true)).toBeCloseTo(ideal.makespan);
  expect(found(false)).toBeGreaterThan(ideal.makespan + 0.4);
});
