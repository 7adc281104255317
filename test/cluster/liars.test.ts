/**
 * Three honest node processes and one that returns well-formed wrong states: it is found, refused, and the bits are those of
 * sequential.
 * Own process: a node's code is changed in it.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runStatus, stopRun } from '../../src/run/cluster/manage.js';
import { nodeSigner } from '../../src/run/cluster/node-key.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { Fleet, follow, sequentialDigest } from './fleet.js';
import { keysIn, lyingNode, type DrawnLie } from './lying-node.js';
import { Pff } from './server.js';

const fleet = new Fleet();
const specOf = (epochs: number) =>
  resolveSpec({ layers: [784, 32, 24], trainSamples: 320, testSamples: 50, epochs, batch: 32, seed: 5 });
/** PFF_LIAR_RUNS asks for more runs of each kind, and tells how soon the liars were found. */
const RUNS = Number(process.env['PFF_LIAR_RUNS'] ?? 1);
/** Long enough for a liar to earn trust and lose it again: some twenty tasks of its own. */
const [SHORT, LONG] = [8, 30];
/** So many runs more at most, where a liar that is checked now and then was not found. */
const LUCK = 4;
afterEach(async () => {
  vi.restoreAllMocks();
  await fleet.end();
});

describe('a cluster with a node that lies', () => {
  it.each([
    ['always', SHORT, 1, () => true],
    ['in one task of fifty', LONG, 1, (task: number, _: number, first: number) => task % 50 === first],
    ['only where it believes that nobody looks', LONG, 0.05, (_: number, rate: number) => rate < 0.5],
  ] as const)('%s', { timeout: 120_000 * (RUNS + LUCK) }, async (kind, epochs, audit, lies) => {
    const spec = specOf(epochs);
    const honest = await sequentialDigest(spec);
    const at = await fleet.server();
    const { key } = keysIn(fleet);
    for (let i = 0; i < 3; i++) fleet.node(at, '--key', key(i));
    const found: Found[] = [];
    let runs = RUNS;
    for (let i = 0; i < runs; i++) {
      const run = `run-${i}`;
      // Somewhere among the results that it gets done in so short a run.
      const first = 1 + ((7 * i + 2) % 12);
      const liar = lyingNode(fleet, at.url, key(3), {
        run,
        rate: audit,
        lies: (task, rate) => lies(task, rate, first),
      });
      const { digest, notices } = await follow({ server: at.url }, {}, { spec, nodes: 4, audit, run, key: key(4) });
      if (liar.told() === 0) expect(digest).toBe(honest);
      const lucky = audit < 1 && (digest !== honest || liar.told() === 0);
      found.push({ lies: liar.drawn(), first: liar.first(), own: liar.own() });
      if (lucky) {
        // By chance none of its lies was checked, or it got no turn once it was trusted: another run.
        expect(liar.drawn().filter(({ isChecked }) => isChecked)).toEqual([]);
        expect(runs++).toBeLessThan(RUNS + LUCK);
      } else {
        expect(digest).toBe(honest);
        expect(liar.told()).toBeGreaterThan(0);
        await expectFound(at.url, run, notices, nodeSigner(key(3)).key);
      }
      vi.restoreAllMocks();
      await stopRun({ server: at.url }, run, true, key(4));
    }
    if (process.env['PFF_LIAR_RUNS']) tellFound(kind, found);
    // Each lie is checked with its own probability: as many should have been as these add up to.
    const drawn = found.flatMap((each) => each.lies);
    const sum = (of: (lie: DrawnLie) => number): number => drawn.reduce((all, lie) => all + of(lie), 0);
    const deviation = Math.sqrt(sum(({ rate }) => rate * (1 - rate)));
    const checked = sum(({ isChecked }) => (isChecked ? 1 : 0));
    if (audit >= 1) expect(drawn).toEqual([]);
    else expect(Math.abs(checked - sum(({ rate }) => rate))).toBeLessThanOrEqual(4 * deviation + 1);
  });

  it('a key that is refused from the beginning takes no part', async () => {
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

async function expectFound(server: string, run: string, notices: string, liar: string): Promise<void> {
  expect(notices).toMatch(/A RESULT WAS REFUTED: what node .* did counts no more/);
  const { audits, refused } = await runStatus({ server }, run);
  expect(audits?.keys.filter((each) => each.refused).map((each) => each.key)).toEqual([liar]);
  expect(audits?.open).toEqual([]);
  expect(refused.map(({ why }) => why).join()).toMatch(/a result of this node's was refuted by others/);
}

interface Found {
  readonly lies: readonly DrawnLie[];
  /** Which of its own results was its first lie. */
  readonly first: number;
  /** Its own results, those included that it published before it was told. */
  readonly own: number;
}

/** How many lies passed until one was checked, and how many results a liar had published when it left. */
function tellFound(kind: string, found: readonly Found[]): void {
  const drawn = found.flatMap(({ lies }) => lies);
  console.log(kind, {
    runs: found.length,
    liesUntilChecked: found.map(({ lies }) => lies.length),
    checked: drawn.filter(({ isChecked }) => isChecked).length,
    predicted: drawn.reduce((sum, { rate }) => sum + rate, 0),
    deviation: Math.sqrt(drawn.reduce((sum, { rate }) => sum + rate * (1 - rate), 0)),
    firstLie: found.map(({ first }) => first),
    resultsWhenItLeft: found.map(({ own }) => own),
  });
}
