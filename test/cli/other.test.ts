/** `pff data` and `pff simulate`. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownFolder, pff } from './helpers.js';

describe('pff data', () => {
  it('lists datasets and says where they lie', async () => {
    const cwd = ownFolder();
    const listed = await pff(['data', '--cache-dir', cwd], cwd);
    expect(listed.stdout).toMatch(/^mnist +here /m);
    expect(listed.stdout).toMatch(/^cifar10 +pff data get cifar10 +170 MB/m);
    expect((await pff(['data', 'path', 'cifar10', '--cache-dir', cwd], cwd)).stdout).toBe(
      `${path.join(cwd, 'cifar10')}\n`,
    );
    expect((await pff(['data', 'path', '--cache-dir', cwd], cwd)).stdout).toBe(`${cwd}\n`);
    expect((await pff(['data', 'get', 'mnist'], cwd)).stdout).toContain('needs no download');
  });

  it('says so where nobody answers', async () => {
    const cwd = ownFolder();
    const args = ['data', 'get', 'cifar10', '--cache-dir', cwd, '--from', 'http://127.0.0.1:1/'];
    const { code, stderr } = await pff(args, cwd);
    expect(code).toBe(1);
    expect(stderr).toContain('cannot be reached');
  });
});

describe('pff simulate', () => {
  const paper = '--layers 784,2000,2000,2000,2000 --epochs 100 --negatives random --nodes 4'.split(' ');

  it('gives the closed form of the paper for equal layers', async () => {
    const { code, stdout } = await pff(['simulate', ...paper, '--costs', 'equal', '--json'], ownFolder());
    expect(code).toBe(0);
    // S · L / N + (N - 1) = 103 slots of a second.
    expect(JSON.parse(stdout)).toMatchObject({
      makespan: 103,
      bound: 103,
      alone: 400,
      nodes: 4,
      variant: 'all-layers',
    });
  });

  it('draws the timeline and a table over nodes', async () => {
    const cwd = ownFolder();
    const args = ['simulate', ...paper, '--costs', 'equal', '--what-if', '8', '--gantt', 'plan.svg'];
    const { code, stdout } = await pff(args, cwd);
    expect(code).toBe(0);
    expect(stdout).toContain('3.88x');
    expect(stdout).toContain('More than 4 nodes (3.88x) would bring less than 1 %');
    expect(existsSync(path.join(cwd, 'plan.svg'))).toBe(true);
  });

  it('measures this machine, and keeps the costs', async () => {
    const cwd = ownFolder();
    const args = '--layers 784,32,32 --train-samples 6400 --epochs 4 --save-costs costs.json --json'.split(' ');
    const measured = await pff(['simulate', ...args], cwd);
    expect(measured.code).toBe(0);
    const costs = JSON.parse(readFileSync(path.join(cwd, 'costs.json'), 'utf8')) as { train: number[]; labels: number };
    expect(costs.train).toHaveLength(2);
    for (const seconds of [...costs.train, costs.labels]) expect(seconds).toBeGreaterThan(0);
    const again = await pff(['simulate', ...args.slice(0, 6), '--costs', 'costs.json', '--json'], cwd);
    const makespanOf = (text: string): unknown => (JSON.parse(text) as { makespan: number }).makespan;
    expect(makespanOf(again.stdout)).toBe(makespanOf(measured.stdout));
  });
});
