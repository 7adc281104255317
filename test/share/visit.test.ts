/** What one guest may do at once, over all its connections. */
import type { WebSocket } from 'ws';
import { expect, it } from 'vitest';
import { Visit } from '../../src/page/share/visit.js';
import type { Relay } from '../../src/store/relay/relay.js';
import { sleep } from '../cluster/server.js';

interface Line {
  bufferedAmount: number;
  pending: number;
  paused: boolean;
  ended: boolean;
}

function connect(visit: Visit): Line {
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
  visit.add(client as unknown as WebSocket, relay as unknown as Relay);
  return line;
}

it('a guest that asks too fast waits on all its connections, and then goes on', async () => {
  const visit = new Visit();
  const lines = [connect(visit), connect(visit)];
  // Bursts of a few too many, as they come in one piece: each time the wait has to end.
  for (let burst = 0; burst < 20; burst++) {
    for (let i = 0; i < 6000 && !lines[0]?.paused; i++) visit.count();
    expect(lines.map(({ paused }) => paused)).toEqual([true, true]);
    for (let i = 0; i < burst % 9; i++) visit.count();
    for (let waited = 0; waited < 500 && lines[1]?.paused; waited++) await sleep(2);
    expect(lines.map(({ paused }) => paused)).toEqual([false, false]);
  }
});

it('requests under way count together, and so does what waits to be read', () => {
  const visit = new Visit();
  const [quick, slow] = [connect(visit), connect(visit)];
  [quick.pending, slow.pending] = [32, 32];
  visit.count();
  expect([quick.paused, slow.paused]).toEqual([true, true]);
  quick.pending = 0;
  visit.carriedOut();
  expect([quick.paused, slow.paused]).toEqual([false, false]);
  [quick.bufferedAmount, slow.bufferedAmount] = [1 << 20, 64 << 20];
  visit.makeRoom();
  expect([quick.ended, slow.ended]).toEqual([false, true]);
});
