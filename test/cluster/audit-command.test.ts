/**
 * `pff audit`: since which batch a liar's parameters differ, by how much, and the same task done again, on a run that has finished.
 * Own process: a node's code is changed in it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { resolveSpec } from '../../src/spec/spec.js';
import { Fleet, follow, sequentialDigest } from './fleet.js';
import { keysIn, lyingNode, withDigests } from './lying-node.js';
import { Pff } from './server.js';

const fleet = new Fleet();
/** Ten batches a task; so many chapters that a node which comes late has one of its own. */
const spec = resolveSpec({ layers: [784, 32, 24], trainSamples: 320, testSamples: 50, epochs: 10, batch: 32, seed: 5 });
const WRONG_FROM = 7;
afterEach(async () => {
  vi.restoreAllMocks();
  await fleet.end();
});

async function pff(...words: string[]): Promise<{ readonly code: number | null; readonly text: string }> {
  const started = new Pff(...words);
  const code = await started.exited;
  return { code, text: started.text };
}

describe('pff audit', () => {
  it('names the batch from which on a node was wrong', { timeout: 120_000 }, async () => {
    const honest = await sequentialDigest(spec);
    const at = await fleet.server();
    const { key, folder } = keysIn(fleet);
    for (let i = 0; i < 3; i++) fleet.node(at, '--key', key(i));
    const { told } = lyingNode(fleet, at.url, key(3), {
      // Once: a second lie may be of what the first one led to.
      lies: (own) => own === 1,
      chain: (chain) => withDigests(chain, WRONG_FROM),
    });
    const { digest } = await follow({ server: at.url }, {}, { spec, nodes: 4, audit: 1, auditCuts: 10, key: key(4) });
    expect(digest).toBe(honest);
    expect(told()).toBeGreaterThan(0);
    const server = ['--server', at.url];

    const listed = await pff('audit', 'test', ...server);
    expect(listed.code).toBe(0);
    expect(listed.text).toMatch(/test: \d+ results checked, \d+ disputed/);
    expect(listed.text).toMatch(/key [0-9a-f]{8} \(.+\) says [0-9a-f]{16}: REFUTED\n.*first after batch 7\n/);
    expect(listed.text).toMatch(/1 of [\d,]+ values differ/);
    expect(listed.text).toMatch(/few values: they were changed after the training \(a lie\)/);
    const task = /^(c\d+\.l\d+): decided$/m.exec(listed.text)?.[1] as string;

    const file = path.join(folder, 'chain.json');
    const redone = await pff('audit', 'test', task, '--chain', file, ...server);
    expect(redone.text).toMatch(/which was refuted; parameters differ first after batch 7\n/);
    expect(redone.text).toMatch(/says the same/);
    expect(redone.code).toBe(0);

    const chain = JSON.parse(readFileSync(file, 'utf8')) as { chain: { digests: string[]; batches: number } };
    expect(chain.chain.digests).toHaveLength(10);
    writeFileSync(file, JSON.stringify({ ...chain, output: 'f'.repeat(64), chain: withDigests(chain.chain, 5) }));
    const compared = await pff('audit', 'test', task, '--against', file, ...server);
    expect(compared.text).toMatch(/the other machine has another result; parameters differ first after batch 5\n/);
    expect(compared.code).toBe(1);
    const before = path.join(folder, 'before.json');
    writeFileSync(before, JSON.stringify({ ...chain, v: 1 }));
    const older = await pff('audit', 'test', task, '--against', before, ...server);
    expect([older.code, older.text]).toEqual([
      2,
      expect.stringMatching(/of version 1, but .* version 2\n.*--chain FILE/),
    ]);

    const other = await pff('audit', 'test', task === 'c0.l0' ? 'c0.l1' : 'c0.l0', '--against', file, ...server);
    expect([other.code, other.text]).toEqual([2, expect.stringMatching(/is of task c\d\.l\d of run test, not of/)]);
    const none = await pff('audit', 'test', 'c9.l9', ...server);
    expect([none.code, none.text]).toEqual([2, expect.stringMatching(/no task c9\.l9.*\n.*c0\.l0 to c9\.l1/)]);
    const json = await pff('audit', 'test', '--json', ...server);
    expect(JSON.parse(json.text)).toMatchObject({ run: 'test', disputes: expect.any(Array) as unknown });
  });

  it('says what it needs: an audited run, and a task for a chain', async () => {
    const at = await fleet.server();
    fleet.node(at);
    await follow({ server: at.url }, {}, { spec: { ...spec, epochs: 1, splits: 1 }, nodes: 1, variant: 'sequential' });
    const plain = await pff('audit', 'test', '--server', at.url);
    expect([plain.code, plain.text]).toEqual([1, expect.stringMatching(/run test are not audited(.|\n)*--audit RATE/)]);
    const chain = await pff('audit', 'test', '--chain', 'x.json', '--server', at.url);
    expect([chain.code, chain.text]).toEqual([2, expect.stringMatching(/--chain is of a task, but none was named/)]);
    const words = await pff('audit', '--server', at.url);
    expect([words.code, words.text]).toEqual([2, expect.stringMatching(/takes a run, and perhaps a task/)]);
  });
});
