/** What `pff stop` says, and what it tells those who follow the run. */
import { afterEach, expect, it } from 'vitest';
import { resolveSpec } from '../../src/spec/spec.js';
import { Fleet, follow } from './fleet.js';
import type { Pff } from './server.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

const spec = resolveSpec({ layers: [784, 24, 20], trainSamples: 400, testSamples: 100, epochs: 2 });

it('a run that is over is not said to be stopped', async () => {
  const at = await fleet.server();
  fleet.node(at);
  await follow({ server: at.url }, {}, { spec });
  const stop = async (...args: string[]): Promise<Pff> => {
    const stopping = fleet.pff('stop', 'test', '--server', at.url, ...args);
    expect(await stopping.exited, stopping.text).toBe(0);
    return stopping;
  };
  expect((await stop()).out).toBe('test is finished already\n');
  expect((await stop('--remove')).out).toBe('removed test\n');
});

it.each([
  [['--remove'], /^run test was removed from the server$/, undefined],
  [[], /^run test was stopped$/, expect.stringContaining('pff fetch test') as string],
])('who follows a run is told to fetch it only where it is still there (stop %s)', async (args, message, hint) => {
  const at = await fleet.server();
  const following = follow({ server: at.url }, {}, { spec });
  const ended = following.catch((error: unknown) => error);
  await expect.poll(() => fleet.pff('status', 'test', '--server', at.url).exited, { timeout: 20_000 }).toBe(0);
  const stop = fleet.pff('stop', 'test', '--server', at.url, ...args);
  expect(await stop.exited, stop.text).toBe(0);
  expect(stop.out).toBe(args.length > 0 ? 'removed test\n' : 'stopped test\n');
  expect(await ended).toMatchObject({ code: 'interrupted', message: expect.stringMatching(message) as string, hint });
});
