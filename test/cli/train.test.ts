/** `pff train` as a user runs it: output, digests, files, precedence, interruption. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/run/events.js';
import { CONTROL, ownFolder, pff, SMALL } from './helpers.js';

async function trainJson(args: readonly string[], cwd: string): Promise<RunResult> {
  const { code, stdout, stderr } = await pff(['train', ...args, '--json', '--quiet'], cwd);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as RunResult;
}

describe('pff train --json', () => {
  it('prints one object with the figures of the run', async () => {
    const cwd = ownFolder();
    const { code, stdout, stderr } = await pff(['train', ...SMALL, '--json'], cwd);
    expect(code).toBe(0);
    expect(stdout.trimEnd()).not.toContain('\n');
    const result = JSON.parse(stdout) as RunResult;
    expect(result).toMatchObject({
      dataset: 'mnist',
      layers: [784, 32, 32],
      epochs: 1,
      splits: 1,
      negatives: 'sampled',
      classifier: 'goodness',
      objective: 'goodness',
      variant: 'sequential',
      nodes: 1,
      seed: 1,
    });
    expect(result.testAccuracy).toBeGreaterThanOrEqual(0);
    expect(result.trainSeconds).toBeGreaterThan(0);
    expect(result.peakRssBytes).toBeGreaterThan(1e6);
    expect(result.kernels).toMatch(/^(native\/|reference$)/);
    expect(result.modelDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(stderr).toMatch(/chapter 1\/1 {2}layer \d\/2 {2}loss [\d.]+ {2}goodness pos [\d.]+ neg [\d.]+/);
    expect(stderr).not.toMatch(CONTROL);
  });

  it('gives the same digest again, on nodes and with other kernels, and another one with another seed', async () => {
    const cwd = ownFolder();
    const args = [...SMALL, '--train-samples', '320', '--splits', '2', '--negatives', 'random'];
    const first = await trainJson(args, cwd);
    const again = await trainJson(args, cwd);
    const nodes = await trainJson([...args, '--nodes', '2', '--variant', 'single-layer'], cwd);
    const reference = await trainJson([...args, '--kernels', 'reference'], cwd);
    const other = await trainJson([...args, '--seed', '2'], cwd);
    const { modelDigest } = first;
    expect([again, nodes, reference].map((run) => run.modelDigest)).toEqual([modelDigest, modelDigest, modelDigest]);
    expect(other.modelDigest).not.toBe(modelDigest);
    expect(nodes).toMatchObject({ nodes: 2, variant: 'single-layer' });
    expect(reference.kernels).toBe('reference');
    expect(readdirSync(path.join(cwd, 'pff-runs'))).toHaveLength(5);
  });

  it('takes flags over the file, and the file over the preset', async () => {
    const cwd = ownFolder();
    const config = { layers: [784, 16, 16], epochs: 2, splits: 2, seed: 7, trainSamples: 320, testSamples: 100 };
    writeFileSync(path.join(cwd, 'some.json'), JSON.stringify(config));
    const { spec } = await trainJson(
      ['--config', 'some.json', '--preset', 'paper', '--seed', '8', '--out', 'run'],
      cwd,
    );
    expect(spec).toMatchObject({ ...config, seed: 8, negatives: 'adaptive', learningRate: 0.02 });
    // A run's spec.json is such a file.
    expect(JSON.parse(readFileSync(path.join(cwd, 'run', 'spec.json'), 'utf8'))).toEqual(spec);
    expect((await trainJson(['--config', 'run/spec.json'], cwd)).spec).toEqual(spec);
  });

  it("leaves out what a preset says for another objective's sake", async () => {
    const args = ['--preset', 'paper', '--objective', 'performance-optimized', '--layers', '784,16', '--splits', '1'];
    const { spec } = await trainJson(
      [...args, '--epochs', '1', '--train-samples', '320', '--test-samples', '50'],
      ownFolder(),
    );
    expect(spec).toMatchObject({ negatives: 'none', classifier: 'all-heads', objective: 'performance-optimized' });
  });
});

describe('pff train for people', () => {
  it('sums up on stdout, with plain progress on stderr, and leaves a run folder', async () => {
    const cwd = ownFolder();
    const { code, stdout, stderr } = await pff(
      ['train', ...SMALL, '--nodes', '2', '--gantt', 'run.svg', '--out', 'run'],
      cwd,
    );
    expect(code).toBe(0);
    for (const part of [
      'Test accuracy',
      'by one layer alone',
      'Confusion matrix',
      'model digest',
      'peak memory',
      'run folder',
    ])
      expect(stdout).toContain(part);
    expect(stdout).toMatch(/pipeline +all-layers on 2 nodes: [\d.]+ % of their time computing/);
    expect(stdout).toContain('pff eval run');
    expect(stderr).toContain('all-layers on 2 nodes');
    expect(stdout + stderr).not.toMatch(CONTROL);
    const files = ['checkpoint', 'events.jsonl', 'model.safetensors', 'result.json', 'spec.json'];
    expect(readdirSync(path.join(cwd, 'run')).toSorted()).toEqual(files);
    expect(readFileSync(path.join(cwd, 'run.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it('refuses a folder that has something in it, and touches nothing', async () => {
    const cwd = ownFolder();
    writeFileSync(path.join(cwd, 'mine.txt'), 'mine');
    const { code, stdout, stderr } = await pff(['train', ...SMALL, '--out', '.'], cwd);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('exists and is not empty');
    expect(readdirSync(cwd)).toEqual(['mine.txt']);
  });

  it('survives a reader that goes away', async () => {
    const closed = await pff(['train', ...SMALL, '--out', 'run'], ownFolder(), (child) => child.stdout.destroy());
    expect(closed.code).toBe(0);
    expect(closed.stderr).not.toMatch(/EPIPE|^\s+at /m);
  });
});

describe('Ctrl-C', () => {
  const endless = '--train-samples 2000 --test-samples 100 --layers 784,16,16 --epochs 400 --out run'.split(' ');

  it('ends cleanly and keeps the model, which can be evaluated', async () => {
    const cwd = ownFolder();
    let sent = false;
    const { code, stdout, stderr } = await pff(['train', ...endless], cwd, (child, text) => {
      // Of three lines two are a second apart, and a chapter takes some milliseconds.
      if (sent || (text.match(/^chapter/gm) ?? []).length < 3) return;
      sent = child.kill('SIGINT');
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/interrupted after \d+ of 400 chapters/);
    expect(stderr).toContain(path.join('run', 'model.safetensors'));
    expect(stderr).not.toMatch(/^\s+at /m);
    const log = readFileSync(path.join(cwd, 'run', 'events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(JSON.parse(log.at(-1) ?? '')).toMatchObject({ type: 'interrupted' });
    const evaluated = await pff(['eval', 'run', '--test-samples', '100'], cwd);
    expect(evaluated.code).toBe(0);
    expect(evaluated.stdout).toMatch(/a model of an interrupted run: \d+ of 400 chapters/);
    const asJson = await pff(['eval', 'run', '--test-samples', '100', '--json'], cwd);
    expect(
      (JSON.parse(asJson.stdout) as { interruptedAfterChapters: number }).interruptedAfterChapters,
    ).toBeGreaterThan(0);
    for (const rest of [
      ['predict', 'run', 'test:0'],
      ['export', 'run', '--to', 'npz'],
    ])
      expect((await pff(rest, cwd)).stderr).toMatch(/a model of an interrupted run: \d+ of 400/);
  });

  it('right after the first progress line leaves the event log', async () => {
    const cwd = ownFolder();
    let sent = false;
    const { code, stderr } = await pff(['train', ...endless, '--nodes', '2'], cwd, (child, text) => {
      if (!sent && /^node \d {2}chapter/m.test(text)) sent = child.kill('SIGTERM');
    });
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted after');
    expect(existsSync(path.join(cwd, 'run', 'events.jsonl'))).toBe(true);
  });
});
