/** Runs of a cluster on a table of one's own: the model that is fetched takes rows as the one does that its submitter has. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { decodeModel } from '../../src/model/model-file.js';
import type { RunResult } from '../../src/run/events.js';
import { Fleet } from './fleet.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

it('a fetched model has the columns of the table, and evaluates and exports as the submitter’s', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-own-cluster-'));
  fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const out = (name: string): string => path.join(folder, name);
  const rows = Array.from(
    { length: 120 },
    (_, i) => `${(i % 9) * 1000},${i % 2 ? 'red' : 'blue'},${i % 9 > 4 ? 'a' : 'b'}`,
  );
  writeFileSync(out('table.csv'), ['size,colour,class', ...rows].join('\n'));
  const at = await fleet.server();
  const data = ['--data', out('table.csv')];
  const spec = ['--layers', 'auto,16,16', '--epochs', '4', '--splits', '2', '--batch', '16'];
  const to = ['--server', at.url, '--run', 'own', '--out', out('run'), '--json'];
  const train = fleet.pff('train', ...to, ...data, ...spec);
  const node = fleet.node(at, ...data, '--run', 'own');
  expect(await train.exited, train.text).toBe(0);
  expect(JSON.parse(train.out) as RunResult).toMatchObject({ followed: true });
  expect(await node.exited, node.text).toBe(0);
  const fetched = fleet.pff('fetch', 'own', '--server', at.url, '--out', out('fetched'));
  expect(await fetched.exited, fetched.text).toBe(0);
  const inputs = (run: string): unknown => decodeModel(readFileSync(path.join(out(run), 'model.safetensors')))?.inputs;
  expect(inputs('fetched')).toMatchObject({ kind: 'columns', label: 'class' });
  expect(inputs('fetched')).toEqual(inputs('run'));
  const evaluated = fleet.pff('eval', out('fetched'), ...data, '--json');
  expect(await evaluated.exited, evaluated.text).toBe(0);
  const exported = async (run: string): Promise<Buffer> => {
    const pff = fleet.pff('export', out(run), '--to', 'onnx', '--out', out(`${run}.onnx`));
    expect(await pff.exited, pff.text).toBe(0);
    return readFileSync(out(`${run}.onnx`));
  };
  expect((await exported('fetched')).equals(await exported('run'))).toBe(true);
});
