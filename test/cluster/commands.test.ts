/** The commands of a cluster, as a person uses them: submit, detach, look, get what there is, follow again, stop. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { FetchedModel } from '../../src/run/cluster/fetch-model.js';
import type { RunStatus, RunSummary } from '../../src/run/cluster/manage.js';
import { trainToEnd } from '../../src/run/train.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';
import { Fleet } from './fleet.js';
import { sleep, type Pff } from './server.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const given: PartialSpec = {
  layers: [784, 96, 64],
  trainSamples: 2000,
  testSamples: 200,
  epochs: 8,
  seed: 3,
  wire: 'bf16',
};
const flags = '--layers 784,96,64 --train-samples 2000 --test-samples 200 --epochs 8 --seed 3 --wire bf16'.split(' ');

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !what() && Date.now() < end;) await sleep(50);
  expect(what()).toBe(true);
}

describe('the commands of a cluster', () => {
  it('a submission that is not accepted leaves no run folder', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-no-server-'));
    fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    const out = path.join(folder, 'out');
    const train = fleet.pff('train', ...flags, '--server', 'nats://127.0.0.1:1', '--out', out);
    expect(await train.exited).toBe(1);
    expect(train.text).toContain('cannot reach the server');
    expect(existsSync(out)).toBe(false);
    const at = await fleet.server();
    const submit = (run: string, to: string): Pff =>
      fleet.pff('train', ...flags, '--server', at.url, '--run', run, '--out', path.join(folder, to));
    const first = submit('mine', 'first');
    await until(() => first.text.includes('submitted run mine'));
    const second = submit('mine', 'second');
    expect(await second.exited).toBe(1);
    expect(second.text).toContain('there is a run mine already');
    expect(existsSync(path.join(folder, 'second'))).toBe(false);
    first.child.kill('SIGINT');
    expect(await first.exited).toBe(130);
  });

  it('train, Ctrl-C, runs, status, fetch, attach, stop', async () => {
    const digest = (await trainToEnd({ spec: resolveSpec(given), threadsPerNode: 1 })).modelDigest;
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-commands-'));
    fleet.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    const at = await fleet.server();
    const out = (name: string): string => path.join(folder, name);
    const pff = (command: string, ...args: string[]): Pff => fleet.pff(command, ...args, '--server', at.url);
    const done = async (...args: [string, ...string[]]): Promise<string> => {
      const process = pff(...args);
      expect(await process.exited, process.text).toBe(0);
      return process.out;
    };
    const json = async <T>(...args: [string, ...string[]]): Promise<T> => JSON.parse(await done(...args)) as T;
    const submit = (run: string, to = run): Pff =>
      pff('train', ...flags, '--nodes', '2', '--run', run, '--lease', '1.5', '--out', out(to));

    expect(await done('runs')).toBe('no runs\n');
    const train = submit('first');
    await until(() => train.text.includes('no node is there; waiting for one'));
    expect(await json<RunSummary[]>('runs', '--json')).toMatchObject([{ run: 'first', state: 'open', nodes: 2 }]);
    expect(await done('status', 'first')).toMatch(/first: open, 0 of 23 tasks done.*\n {2}no node is at work/);
    const early = pff('fetch', 'first', '--out', out('early'));
    expect(await early.exited).toBe(1);
    expect(early.text).toMatch(/run first has no model yet: layer 1 has not finished a chapter/);

    const node = fleet.node(at);
    await until(() => /done c1\.l1/.test(node.text));
    node.child.kill('SIGSTOP');
    train.child.kill('SIGINT');
    expect(await train.exited).toBe(130);
    expect(train.text).toMatch(/detached from run first, which goes on/);
    const half = await json<FetchedModel>('fetch', 'first', '--out', out('half'), '--json');
    expect(half.finished).toBe(false);
    expect(half.chapters).toBeGreaterThanOrEqual(1);
    const evaluated = fleet.pff('eval', out('half'));
    expect(await evaluated.exited, evaluated.text).toBe(0);

    const attach = pff('attach', 'first', '--out', out('attached'));
    await sleep(500);
    node.child.kill('SIGCONT');
    expect(await attach.exited, attach.text).toBe(0);
    expect(attach.text).toContain(digest.slice(0, 12));
    expect(existsSync(path.join(out('attached'), 'result.json'))).toBe(true);
    const whole = await json<FetchedModel>('fetch', 'first', '--out', out('whole'), '--json');
    expect(whole).toMatchObject({ modelDigest: digest, finished: true, chapters: 8 });
    const status = await json<RunStatus>('status', 'first', '--json');
    expect(status).toMatchObject({ state: 'finished', tasksDone: 23, tasks: 23, refusedRecords: 0 });

    const second = submit('second');
    await until(() => /joined run second/.test(node.text));
    // Frozen, so that it is not done before it is told.
    node.child.kill('SIGSTOP');
    expect(await done('stop', 'second')).toBe('stopped second\n');
    node.child.kill('SIGCONT');
    expect(await second.exited).toBe(130);
    expect(second.text).toMatch(/run second was stopped/);
    await until(() => node.text.includes('run second is stopped'));
    expect(await done('stop', 'second', '--remove')).toBe('removed second\n');
    expect(await done('runs')).toMatch(/^first {2}finished .*\n$/);
    for (const command of ['status', 'fetch', 'stop', 'attach']) {
      const unknown = pff(command, 'second');
      expect(await unknown.exited).toBe(1);
      expect(unknown.text).toMatch(/the server has no run second.*pff runs lists those it has/s);
    }
    // Its name is free again, also for the node that was done with it.
    const anew = submit('second', 'anew');
    expect(await anew.exited, anew.text).toBe(0);
    expect(anew.text).toContain(digest.slice(0, 12));
    const again = pff('train', ...flags, '--run', 'first', '--out', out('again'));
    expect(await again.exited).toBe(1);
    expect(again.text).toMatch(/there is a run first already/);
  }, 120_000);
});
