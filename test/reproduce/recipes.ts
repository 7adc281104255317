/** Recipes for the toy dataset, in a folder of their own: rows of every kind, small enough to train in a moment. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { registerDataset } from '../../src/data/sources/load.js';
import type { PartialSpec } from '../../src/spec/spec.js';
import { toyDataset } from '../helpers/tiny.js';

const toy: PartialSpec = { dataset: 'toy', layers: [36, 24, 20, 16], batch: 16, epochs: 12, learningRate: 0.02 };
const specs: Readonly<Record<string, PartialSpec>> = {
  adaptive: { ...toy, negatives: 'adaptive' },
  heads: { ...toy, objective: 'performance-optimized', classifier: 'all-heads' },
  backprop: { ...toy, objective: 'backprop' },
  dff: { ...toy, negatives: 'random', epochs: 20, splits: 20 },
  absent: { ...toy, dataset: 'idx' },
};

const sequential = { schedule: 'sequential', nodes: 1 } as const;
export const toyManifest = {
  format: 'pff-reproduce/1',
  copies: { [toyDataset().digest]: 'toys, no digits' },
  tables: [
    {
      name: 'one',
      title: 'All kinds of rows',
      rows: [
        {
          id: 'adaptive',
          label: 'AdaptiveNEG',
          spec: 'adaptive.json',
          lines: [
            { ...sequential, paper: { seconds: 100, accuracy: 90 } },
            { schedule: 'single-layer', nodes: 3, labelLag: 3, paper: { seconds: 50, accuracy: 91 } },
            { schedule: 'all-layers', nodes: 3, labelLag: 3 },
          ],
        },
        { id: 'heads', label: 'All heads', spec: 'heads.json', lines: [sequential] },
        { id: 'last-head', label: 'Last head', spec: 'heads.json', reads: 'last-layer', lines: [sequential] },
        { id: 'backprop', label: 'Backpropagation', spec: 'backprop.json', lines: [sequential] },
        { id: 'dff', label: 'DFF', spec: 'dff.json', lines: [{ schedule: 'dff', nodes: 1 }] },
        { id: 'others', label: 'Of others', quoted: { accuracy: 12.3, from: 'them' } },
      ],
    },
    {
      name: 'two',
      title: 'Data that is not there',
      extra: true,
      rows: [{ id: 'absent', label: 'Absent', spec: 'absent.json', lines: [sequential] }],
    },
  ],
};

/** A folder that goes with the test, with the recipes in it; `manifest` in place of the usual one. */
export function toyRecipes(manifest: unknown = toyManifest): { readonly recipes: string; readonly out: string } {
  registerDataset('toy', () => Promise.resolve(toyDataset()));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-reproduce-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, spec] of Object.entries(specs))
    writeFileSync(path.join(folder, `${name}.json`), JSON.stringify(spec));
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  return { recipes: folder, out: path.join(folder, 'out') };
}
