/** A node that cannot use its data tells others so, and never what stands in them; its own user is told all. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadData } from '../../src/data/sources/own/load-data.js';
import { exactNumerics } from '../../src/kernels/numerics.js';
import { examine } from '../../src/run/cluster/examine.js';
import { newRunRecord } from '../../src/run/cluster/record.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { ownFolder } from '../cli/helpers.js';

const table = (...more: string[]): string => {
  const file = path.join(ownFolder(), 'table.csv');
  const rows = Array.from({ length: 40 }, (_, i) => `${20 + (i % 7)},${i % 2 === 0 ? 'ill' : 'well'}`);
  writeFileSync(file, ['age,class', ...rows, ...more].join('\n'));
  return file;
};

it.each([
  ['a cell', 'Jane Doe born 1951,ill', /Jane Doe born 1951/],
  ['a class', '7,HIV positive', /HIV positive/],
])('%s that does not fit', async (_, row, secret) => {
  const file = table(row);
  const { inputs, ...dataset } = await loadData(table());
  const spec = resolveSpec({ dataset: 'own', layers: [1, 4, 4], shards: 2, epochs: 2, labelMode: 'append' });
  const setting = {
    run: 'r',
    spec,
    variant: 'federated',
    nodes: 2,
    numerics: exactNumerics.f32,
    leaseMs: 1000,
  } as const;
  const record = newRunRecord({ ...setting, storage: 'file', replicas: 1, maxBytes: 0 }, dataset, inputs);
  const found = await examine(record, { kernels: 'auto', data: file, dataDir: file });
  expect(found).toMatchObject({
    refusal: expect.stringMatching(secret),
    told: 'its data cannot be used for run r; the node itself says why',
  });
});
