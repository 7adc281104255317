/** Progress from events: estimates, plain lines, live frames. */
import { describe, expect, it } from 'vitest';
import type { StepStats } from '../../src/kernels/trainer.js';
import { Estimate } from '../../src/report/estimate.js';
import { liveFrame } from '../../src/report/live-frame.js';
import { PlainLines } from '../../src/report/plain-lines.js';
import { RunProgress } from '../../src/report/progress.js';
import type { RunEvent } from '../../src/run/events.js';
import { resolveSpec } from '../../src/spec/spec.js';

const spec = resolveSpec({ layers: [784, 100, 50], epochs: 4 });
const stats: StepStats = { samples: 64, loss: 32, positiveGoodness: 128, negativeGoodness: 32, correct: 48 };

function started(nodes: number): Extract<RunEvent, { type: 'started' }> {
  return {
    type: 'started',
    time: '',
    version: '',
    spec,
    execution: { variant: nodes > 1 ? 'all-layers' : 'sequential', nodes, threadsPerNode: 1, kernels: 'auto' },
    kernels: 'reference',
    kernelsReason: undefined,
    dataset: { name: 'mnist', digest: '', trainSamples: 640, testSamples: 100, evaluatedOn: 'test', classes: [] },
    folder: undefined,
  };
}

function finished(
  chapter: number,
  layer: number,
  start: number,
  end: number,
): Extract<RunEvent, { type: 'task-finished' }> {
  const task = { chapter, layer };
  return {
    type: 'task-finished',
    node: 0,
    task,
    stats,
    spans: [{ node: 0, task, phase: 'train', start, end, bytes: 0 }],
  };
}

describe('the estimate', () => {
  it('weighs layers by their measured seconds, and by size before that', () => {
    const estimate = new Estimate(spec);
    expect(estimate.left(5)).toBe(Number.POSITIVE_INFINITY);
    estimate.progress(0, { chapter: 0, layer: 0 }, 0.5);
    const sizes = [784 * 100, 100 * 50];
    expect(estimate.share()).toBeCloseTo((0.5 * 78_400) / (4 * (78_400 + 5000)));
    estimate.finished(0, { chapter: 0, layer: 0 }, finished(0, 0, 0, 3).spans);
    estimate.finished(0, { chapter: 0, layer: 1 }, finished(0, 1, 3, 4).spans);
    expect(sizes).toHaveLength(2);
    expect(estimate.share()).toBeCloseTo(0.25);
    expect(estimate.left(4)).toBeCloseTo(12);
    estimate.finished(0, { chapter: 1, layer: 0 }, finished(1, 0, 4, 7).spans);
    expect(estimate.left(7)).toBeCloseTo(9);
  });

  it('of DFF goes on from whole chapters', () => {
    const estimate = new Estimate(spec);
    estimate.resumed([0, 1].map((chapter) => ({ chapter, layer: 'network' })));
    expect(estimate.share()).toBeCloseTo(0.5);
  });
});

it('plain lines come for finished tasks, at most one a second, and of last layers as many', () => {
  const progress = new RunProgress(started(1), 0);
  const plain = new PlainLines();
  const lines: string[] = [];
  for (const [event, now] of [
    [finished(0, 0, 0, 0.4), 0.4],
    [finished(0, 1, 0.4, 0.5), 0.5],
    [finished(1, 0, 0.5, 1), 1],
    [finished(1, 1, 1, 1.5), 1.5],
  ] as const) {
    progress.observe(event, now);
    const line = plain.after(event, progress, now);
    if (line !== undefined) lines.push(line);
  }
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^chapter 1\/4 {2}layer 2\/2 /);
  expect(lines[0]).toMatch(/^chapter 1\/4 {2}layer 1\/2 {2}loss 0.5000 {2}goodness pos 2.000 neg 0.5000 {2}/);
  expect(lines[2]).toMatch(/^chapter 2\/4 {2}layer 2\/2 .* 0:02 left$/);
});

it('a frame has a line for all, and one for each node', () => {
  const progress = new RunProgress(started(2), 0);
  const event: RunEvent = { type: 'progress', node: 1, task: { chapter: 1, layer: 0 }, batch: 5, batches: 10, stats };
  progress.observe(event, 1);
  const lines = liveFrame(progress, (text) => text);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('%');
  expect(lines[1]).toBe('node 1  waiting for its first task');
  expect(lines[2]).toBe('node 2  chapter 2/4  layer 1/2  batch  5/10  loss 0.5000  goodness pos 2.000 neg 0.5000');
  progress.observe({ type: 'evaluating', done: 50, samples: 100 }, 2);
  expect(liveFrame(progress, (text) => text)).toEqual([expect.stringContaining('50 of 100 images')]);
});

describe('a run that is followed from its middle', () => {
  it('has the speed and the time of when things happened, not of when they were told', () => {
    const progress = new RunProgress(started(1), 0);
    for (let i = 0; i < 100; i++) progress.observe(finished(Math.floor(i / 50), i % 2, i, i + 1), 0.01 + i * 1e-5);
    // 64 samples a second, of which all were told within a hundredth of one.
    expect(progress.samplesPerSecond).toBeGreaterThan(50);
    expect(progress.samplesPerSecond).toBeLessThan(90);
    expect(progress.elapsed).toBeCloseTo(100);
  });

  it('counts from its first task on, however long it waited for a node', () => {
    const progress = new RunProgress(started(1), 0);
    progress.observe(finished(0, 0, 3600, 3610), 3610);
    progress.observe(finished(0, 1, 3610, 3620), 3620);
    expect(progress.elapsed).toBeCloseTo(20);
    // A quarter of the work is done.
    expect(progress.secondsLeft).toBeCloseTo(60);
  });
});
