/** What is tried again and again: streams that are gone come back by whoever may make them. */
import { expect, it } from 'vitest';
import type { Clock } from '../../src/store/cluster/clock.js';
import { EngineError } from '../../src/store/cluster/engine.js';
import { patiently } from '../../src/store/cluster/patience.js';

const clock = { now: () => 0, sleep: () => Promise.resolve() } as unknown as Clock;
const { signal } = new AbortController();

/** Something that is gone for two tries, in a run whose streams this process can, or cannot, make again. */
async function tried(again: EngineError['kind'] | 'made'): Promise<{ tries: number; said: string[] }> {
  let tries = 0;
  const said: string[] = [];
  const reopen = (): Promise<void> =>
    again === 'made' ? Promise.resolve() : Promise.reject(new EngineError(again, `not made: ${again}`));
  await patiently({ clock, signal, reopen, onTrouble: ({ message }) => said.push(message) }, async () => {
    if (++tries < 3) throw new EngineError('gone', 'there is no stream');
  });
  return { tries, said };
}

it('waits for another process where it may not make them itself, and says so', async () => {
  expect(await tried('made')).toEqual({ tries: 3, said: ['there is no stream', 'there is no stream'] });
  expect(await tried('busy')).toMatchObject({ tries: 3 });
  const { tries, said } = await tried('denied');
  expect([tries, said.filter((text) => text === 'not made: denied').length]).toEqual([3, 2]);
});

it('ends where the run was removed, and where the work itself is denied', async () => {
  await expect(tried('removed')).rejects.toMatchObject({ kind: 'removed' });
  const work = (): Promise<void> => Promise.reject(new EngineError('denied', 'no'));
  await expect(patiently({ clock, signal, reopen: () => Promise.resolve() }, work)).rejects.toMatchObject({
    kind: 'denied',
  });
});
