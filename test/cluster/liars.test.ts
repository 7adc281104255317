/**
 * Three honest node processes and one that returns well-formed wrong states: it is found, refused, and the bits are those of
 * sequential.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runStatus } from '../../src/run/cluster/manage.js';
import { nodeSigner } from '../../src/run/cluster/node-key.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { Fleet, follow, sequentialDigest } from './fleet.js';
import { keysIn, lyingNode } from './lying-node.js';
import { Pff } from './server.js';

const fleet = new Fleet();
const specOf = (epochs: number) =>
  resolveSpec({ layers: [784, 32, 24], trainSamples: 320, testSamples: 50, epochs, batch: 32, seed: 5 });
/** Long enough for a liar to earn trust and lose it again: some twenty tasks of its own. */
const [SHORT, LONG] = [8, 30];
afterEach(async () => {
  vi.restoreAllMocks();
  await fleet.end();
});

describe('a cluster with a node that lies', () => {
  it.each([
    ['always', SHORT, 1, () => true],
    ['in one task of fifty, at its third first', LONG, 1, (task: number) => task % 50 === 3],
    ['only where it believes that nobody looks', LONG, 0.05, (_: number, rate: number) => rate < 0.5],
  ] as const)('%s', { timeout: 120_000 }, async (_, epochs, audit, lies) => {
    const spec = specOf(epochs);
    const honest = await sequentialDigest(spec);
    const at = await fleet.server();
    const { key } = keysIn(fleet);
    for (let i = 0; i < 3; i++) fleet.node(at, '--key', key(i));
    const { told } = lyingNode(fleet, at.url, key(3), { lies });
    const { digest, notices } = await follow({ server: at.url }, {}, { spec, nodes: 4, audit, key: key(4) });
    expect(digest).toBe(honest);
    expect(told()).toBeGreaterThan(0);
    expect(notices).toMatch(/A RESULT WAS REFUTED: what node .* did counts no more/);
    const { audits, refused } = await runStatus({ server: at.url }, 'test');
    expect(audits?.keys.filter((each) => each.refused).map((each) => each.key)).toEqual([nodeSigner(key(3)).key]);
    expect(audits?.open).toEqual([]);
    expect(refused.map(({ why }) => why).join()).toMatch(/a result of this node's was refuted by others/);
  });

  it('a key that is refused from the beginning takes no part', { timeout: 60_000 }, async () => {
    const at = await fleet.server();
    const { key } = keysIn(fleet);
    const spec = specOf(SHORT);
    const refused = fleet.node(at, '--key', key(2), '--run', 'test');
    for (let i = 0; i < 2; i++) fleet.node(at, '--key', key(i));
    const refuse = [nodeSigner(key(2)).key];
    const { digest } = await follow({ server: at.url }, {}, { spec, nodes: 2, audit: 1, refuse, key: key(4) });
    expect(digest).toBe(await sequentialDigest(spec));
    expect(await refused.exited).toBe(1);
    expect(refused.text).toMatch(/does not let the key of this node take part \(--refuse\)/);
    const { audits } = await runStatus({ server: at.url }, 'test');
    expect(audits?.keys).toHaveLength(2);
    const both = { spec, nodes: 2, audit: 1, refuse, auditors: refuse, key: key(4) };
    await expect(follow({ server: at.url }, {}, { ...both, run: 'other' })).rejects.toThrow(/as one to refuse/);
  });

  it('nobody but who submitted an audited run stops it; nodes with one key do not check each other', async () => {
    const at = await fleet.server();
    const { key } = keysIn(fleet);
    for (let i = 0; i < 2; i++) fleet.node(at, '--key', key(0));
    const ending = new AbortController();
    const following = follow(
      { server: at.url },
      {},
      { spec: specOf(SHORT), nodes: 2, audit: 1, key: key(4), signal: ending.signal },
    );
    const ended = following.then(
      ({ notices }) => notices,
      (error: unknown) => String(error),
    );
    const until = async (text: string, seconds = 20): Promise<string> => {
      for (let i = 0; i < 10 * seconds; i++) {
        const status = new Pff('status', 'test', '--server', at.url);
        await status.exited;
        if (status.text.includes(text)) return status.text;
      }
      throw new Error(`no status with ${text}`);
    };
    // Three chapters: the window and one more, then it waits.
    expect(await until('still to check')).toMatch(/audits: 0 results checked, \d+ still to check/);
    const stranger = fleet.pff('stop', 'test', '--server', at.url, '--key', key(1));
    expect(await stranger.exited).toBe(1);
    expect(stranger.text).toMatch(/run test is audited: only who submitted it can stop it/);
    const owner = fleet.pff('stop', 'test', '--server', at.url, '--key', key(4));
    expect(await owner.exited).toBe(0);
    expect(await ended).toMatch(/was stopped/);
  });
});
