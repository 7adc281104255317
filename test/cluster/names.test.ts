/** Names of runs and secrets in addresses: neither reaches where it should not. */
import { afterEach, describe, expect, it } from 'vitest';
import { listRuns, stopRun } from '../../src/run/cluster/manage.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { recordStream, stateStream } from '../../src/store/nats/engine.js';
import { REGISTRY_STREAM } from '../../src/store/nats/registry.js';
import { RUN_NAME } from '../../src/store/cluster/run-record.js';
import { Fleet, follow } from './fleet.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const tiny = resolveSpec({ layers: [784, 24, 20], trainSamples: 400, testSamples: 100, epochs: 2, seed: 4 });

describe('runs whose names are those of ours', () => {
  it('are runs like any other: they are done, and removing them removes nothing else', async () => {
    const at = await fleet.server();
    fleet.node(at);
    const server = { server: at.url };
    const names = ['RUNS', 'a', 'a-STATES'];
    for (const run of names) expect((await follow(server, {}, { spec: tiny, run })).digest).toMatch(/^[0-9a-f]{64}$/);
    await stopRun(server, 'RUNS', true);
    expect((await listRuns(server)).map(({ run }) => run)).toEqual(['a', 'a-STATES']);
  });

  it('have streams of their own, whatever they are called', () => {
    const names = ['RUNS', 'RECORDS', 'STATES', 'a', 'a-RECORDS', 'RUNS-STATES'];
    const streams = [REGISTRY_STREAM, ...names.flatMap((run) => [recordStream(run), stateStream(run)])];
    expect(new Set(streams).size).toBe(streams.length);
    for (const name of ['RUNS_STATES', 'a_RECORDS', '_', 'a.b', 'a*', 'a>']) expect(name).not.toMatch(RUN_NAME);
  });
});

describe('credentials in an address', () => {
  it('log in, and no line shows them', async () => {
    const at = await fleet.server('authorization { user: "me", password: "p@ss:s3cret" }');
    const address = at.url.replace('//', '//me:p%40ss%3As3cret@');
    const runs = fleet.pff('runs', '--server', address);
    expect(await runs.exited, runs.text).toBe(0);
    const node = fleet.node({ url: address }, '--once');
    await follow({ server: address }, {}, { spec: tiny });
    expect(await node.exited).toBe(0);
    const wrong = fleet.pff('runs', '--server', at.url.replace('//', '//me:s3cret@'));
    expect(await wrong.exited).toBe(1);
    expect(wrong.text).toMatch(/the server nats:\/\/127\.0\.0\.1:\d+ refused this user/);
    for (const { text } of [runs, node, wrong]) expect(text).not.toMatch(/s3cret/);
  });
});
