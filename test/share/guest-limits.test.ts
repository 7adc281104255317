/** What one guest may do at once, over all its connections. */
import type { WebSocket } from 'ws';
import { expect, it } from 'vitest';
import { GuestLimits } from '../../src/page/share/guest-limits.js';
import { sleep } from '../cluster/server.js';

interface Line {
  bufferedAmount: number;
  paused: boolean;
  ended: boolean;
}

function connect(limits: GuestLimits): Line & { end: () => void } {
  const line = { bufferedAmount: 0, paused: false, ended: false };
  const client = {
    get bufferedAmount() {
      return line.bufferedAmount;
    },
    pause: () => (line.paused = true),
    resume: () => (line.paused = false),
    terminate: () => (line.ended = true),
  };
  limits.add(client as unknown as WebSocket);
  return Object.assign(line, { end: () => limits.remove(client as unknown as WebSocket) });
}

/** One that is carried out at once. */
function request(limits: GuestLimits): void {
  limits.count();
  limits.carriedOut();
}

it('a guest that connects again is no new one: what it asked for before still goes on', async () => {
  const limits = new GuestLimits();
  const first = connect(limits);
  for (let i = 0; i < 64; i++) limits.count();
  first.end();
  expect(limits.isOver).toBe(false);
  const again = connect(limits);
  limits.count();
  expect(again.paused).toBe(true);
  again.end();
  for (let i = 0; i < 65; i++) limits.carriedOut();
  await expect.poll(() => limits.isOver).toBe(true);
});

it('a guest that asks too fast waits on all its connections, and then goes on', async () => {
  const limits = new GuestLimits();
  const lines = [connect(limits), connect(limits)];
  // Bursts of a few too many, as they come in one piece: each time the wait has to end.
  for (let burst = 0; burst < 20; burst++) {
    for (let i = 0; i < 6000 && !lines[0]?.paused; i++) request(limits);
    expect(lines.map(({ paused }) => paused)).toEqual([true, true]);
    for (let i = 0; i < burst % 9; i++) request(limits);
    for (let waited = 0; waited < 500 && lines[1]?.paused; waited++) await sleep(2);
    expect(lines.map(({ paused }) => paused)).toEqual([false, false]);
  }
});

it('requests under way count together, and so does what waits to be read', () => {
  const limits = new GuestLimits();
  const [quick, slow] = [connect(limits), connect(limits)];
  for (let i = 0; i < 64; i++) limits.count();
  expect([quick.paused, slow.paused]).toEqual([true, true]);
  limits.carriedOut();
  expect([quick.paused, slow.paused]).toEqual([false, false]);
  [quick.bufferedAmount, slow.bufferedAmount] = [1 << 20, 64 << 20];
  limits.makeRoom();
  expect([quick.ended, slow.ended]).toEqual([false, true]);
});
