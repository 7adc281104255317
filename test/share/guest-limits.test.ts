/** What one guest may do at once, over all its connections. */
import type { WebSocket } from 'ws';
import { expect, it } from 'vitest';
import { GuestLimits } from '../../src/page/share/guest-limits.js';
import type { Relay } from '../../src/store/relay/relay.js';
import { sleep } from '../cluster/server.js';

interface Line {
  bufferedAmount: number;
  pending: number;
  paused: boolean;
  ended: boolean;
}

function connect(limits: GuestLimits): Line {
  const line = { bufferedAmount: 0, pending: 0, paused: false, ended: false };
  const client = {
    get bufferedAmount() {
      return line.bufferedAmount;
    },
    pause: () => (line.paused = true),
    resume: () => (line.paused = false),
    terminate: () => (line.ended = true),
  };
  const relay = {
    get pending() {
      return line.pending;
    },
  };
  limits.add(client as unknown as WebSocket, relay as unknown as Relay);
  return line;
}

it('a guest that asks too fast waits on all its connections, and then goes on', async () => {
  const limits = new GuestLimits();
  const lines = [connect(limits), connect(limits)];
  // Bursts of a few too many, as they come in one piece: each time the wait has to end.
  for (let burst = 0; burst < 20; burst++) {
    for (let i = 0; i < 6000 && !lines[0]?.paused; i++) limits.count();
    expect(lines.map(({ paused }) => paused)).toEqual([true, true]);
    for (let i = 0; i < burst % 9; i++) limits.count();
    for (let waited = 0; waited < 500 && lines[1]?.paused; waited++) await sleep(2);
    expect(lines.map(({ paused }) => paused)).toEqual([false, false]);
  }
});

it('requests under way count together, and so does what waits to be read', () => {
  const limits = new GuestLimits();
  const [quick, slow] = [connect(limits), connect(limits)];
  [quick.pending, slow.pending] = [32, 32];
  limits.count();
  expect([quick.paused, slow.paused]).toEqual([true, true]);
  quick.pending = 0;
  limits.carriedOut();
  expect([quick.paused, slow.paused]).toEqual([false, false]);
  [quick.bufferedAmount, slow.bufferedAmount] = [1 << 20, 64 << 20];
  limits.makeRoom();
  expect([quick.ended, slow.ended]).toEqual([false, true]);
});
