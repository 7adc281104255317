/** Ctrl-C while a run is submitted to a server that does not answer: nobody is told that the run goes on. */
import { afterEach, expect, it } from 'vitest';
import { train } from '../../src/run/train.js';
import { Fleet, spec } from './fleet.js';

const fleet = new Fleet();
afterEach(() => fleet.end());

it('says that it is not known whether the server has the run, and how to find out', async () => {
  const at = await fleet.server();
  const enough = new AbortController();
  const cluster = { server: { server: at.url }, run: 'test' };
  const submitted = (async () => {
    for await (const event of train({ spec, variant: 'all-layers', nodes: 2, signal: enough.signal, cluster })) {
      if (event.type !== 'started') continue;
      at.signal('SIGSTOP');
      enough.abort();
    }
  })();
  await expect(submitted).rejects.toMatchObject({
    code: 'interrupted',
    message: 'interrupted before it was known whether the server has run test',
    hint: expect.stringMatching(/^If it has \(pff runs .*\), pff attach test .* follows it; pff stop test .* stops it/),
  });
  at.signal('SIGCONT');
});
