/**
 * SIGKILL at random moments: the run that goes on from what is there ends with the bits of one that was never stopped, and
 * leaves nothing behind. PFF_KILLS sets how many kills (30, the default, take about a minute); moments come from a fixed seed.
 * Own process: it registers parts.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/random.js';
import type { TrainOptions } from '../../src/run/options.js';
import { leftovers, toyRun } from './toy-run.js';

const plugin = fileURLToPath(new URL('../library/my-plugin.mjs', import.meta.url));
const KILLS = Number(process.env['PFF_KILLS'] ?? 30);
const spec = { dataset: 'toy', layers: [36, 32, 24, 16], batch: 8, epochs: 16, learningRate: 0.02, seed: 3 };

const variants: readonly [string, Omit<TrainOptions, 'signal'>][] = [
  ['sequential', { spec: { ...spec, negatives: 'adaptive', classifier: 'softmax' } }],
  ['all-layers on two nodes', { spec: { ...spec, negatives: 'sampled' }, nodes: 2, threadsPerNode: 1 }],
  [
    'single-layer on two nodes',
    { spec: { ...spec, negatives: 'adaptive' }, variant: 'single-layer', nodes: 2, threadsPerNode: 1 },
  ],
  [
    'a store of one’s own, on two nodes',
    { spec: { ...spec, negatives: 'sampled' }, nodes: 2, threadsPerNode: 1, plugins: [plugin], store: 'folder' },
  ],
  ['backprop-heads', { spec: { ...spec, objective: 'backprop-heads' } }],
];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pff-kill-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('SIGKILL', () => {
  it.each(variants.map(([name, options], i) => [name, options, i] as const))(
    '%s: the same digest however often, and no leftover file',
    { timeout: 600_000 },
    async (_, options, index) => {
      const whole = await toyRun({ ...options, out: path.join(folder, `whole-${index}`) });
      expect(whole.digest).toBeDefined();
      const random = new RandomStream(5, 'test', index);
      let kills = 0;
      for (let round = 0; kills < KILLS / variants.length; round++) {
        const run = path.join(folder, `run-${index}-${round}`);
        let end = await toyRun({ ...options, out: run }, random.uniform() * whole.ms);
        for (; end.digest === undefined; kills++) {
          expect(end.lines.filter((line) => line.startsWith('failed'))).toEqual([]);
          end = await toyRun(
            { resume: run, plugins: options.plugins },
            kills % 3 === 2 ? undefined : random.uniform() * whole.ms,
          );
        }
        expect(end.digest).toBe(whole.digest);
        // A process that was killed at its very last step leaves its lock: the next one sees that the owner is gone.
        expect(leftovers(run).filter((name) => !(end.killed && name === 'lock'))).toEqual([]);
        const log = readFileSync(path.join(run, 'events.jsonl'), 'utf8').trimEnd().split('\n');
        expect(log.map((line) => (JSON.parse(line) as { type: string }).type).at(-1)).toBe('finished');
        if (options.store !== undefined)
          expect(readdirSync(`${run}.kept`).toSorted()).toEqual(['c15.l0', 'c15.l1', 'c15.l2', 'closed']);
        rmSync(run, { recursive: true });
      }
    },
  );
});
