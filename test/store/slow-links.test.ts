/** Transfers over a link that carries little, in virtual time: as fast as the link, nothing sent in vain, and signs of life get through. */
import { beforeEach, expect, it } from 'vitest';
import { ChunkWindow } from '../../src/store/cluster/chunk-window.js';
import { EngineError, type Engine } from '../../src/store/cluster/engine.js';
import { patiently } from '../../src/store/cluster/patience.js';
import { putOutput } from '../../src/store/cluster/transfer.js';
import { Process, VirtualTime } from '../faults/virtual-time.js';

/** Stands for the 1 MiB of a real chunk. */
const CHUNK = 64;
const CHUNK_BITS = 8 * 1024 * 1024;
/** After so long without an answer a chunk has failed, as with a NATS server; a sign of life after a shorter time. */
const ANSWER_MS = 30_000;
/** A client takes a connection for lost whose server does not answer its pings for so long, and they wait behind chunks. */
const CUT_MS = 8000;

let end = new AbortController();
beforeEach(() => {
  end = new AbortController();
});

/** A connection that carries what it is given in order, at its rate: what is sent too early waits in its queue. */
class Link {
  sent = 0;
  readonly #time: VirtualTime;
  readonly #msPerChunk: number;
  #freeMs = 0;

  constructor(time: VirtualTime, mbitPerSecond: number) {
    this.#time = time;
    this.#msPerChunk = CHUNK_BITS / (mbitPerSecond * 1000);
  }

  /** Milliseconds that a message given now waits for those before it. */
  get delayMs(): number {
    return Math.max(0, this.#freeMs - this.#time.now);
  }

  putChunk(): Promise<void> {
    this.sent += 1;
    this.#freeMs = Math.max(this.#freeMs, this.#time.now) + this.#msPerChunk;
    const answeredMs = this.#freeMs - this.#time.now;
    return new Promise((resolve, reject) => {
      this.#time.after(answeredMs, resolve);
      this.#time.after(ANSWER_MS, () => reject(new EngineError('busy', 'no answer')));
    });
  }
}

it.each([10, 24, 100, 1000])('three uploads of 40 chunks at %d Mbit/s', async (rate) => {
  const time = new VirtualTime();
  const clock = new Process(time, 1, 0);
  const link = new Link(time, rate);
  const { signal } = end;
  const patience = { clock, signal, reopen: () => Promise.resolve() };
  const window = new ChunkWindow(clock, signal);
  const engine = { chunkBytes: CHUNK, putChunk: () => link.putChunk() } as unknown as Engine;
  let done = 0;
  for (const name of ['a', 'b', 'c'])
    void putOutput(engine, name, new ArrayBuffer(40 * CHUNK), (work) =>
      patiently(patience, () => window.pass(work)),
    ).then(() => (done += 1));
  let longest = 0;
  const look = (): void => {
    longest = Math.max(longest, link.delayMs);
    if (done < 3) time.after(100, look);
  };
  look();
  const ideal = (120 * CHUNK_BITS) / (rate * 1000);
  expect(await time.run(() => done === 3, 2 * ideal)).toBe(true);
  expect(time.now).toBeLessThanOrEqual(1.05 * ideal + 1);
  expect(link.sent).toBe(120);
  // Eight chunks to begin with; then about two seconds, or one chunk.
  const chunkMs = CHUNK_BITS / (rate * 1000);
  expect(longest).toBeLessThanOrEqual(Math.max(2000 + chunkMs, 8 * chunkMs) + 1);
  expect(longest).toBeLessThan(CUT_MS);
});

it('narrows once where chunks on their way together fail, and widens again', async () => {
  const time = new VirtualTime();
  const window = new ChunkWindow(new Process(time, 1, 0), end.signal);
  const fast = (): Promise<void> => new Promise((resolve) => time.after(1, resolve));
  const all = async (count: number, work: () => Promise<void>): Promise<void> => {
    let ended = false;
    void Promise.allSettled(Array.from({ length: count }, () => window.pass(work))).then(() => (ended = true));
    await time.run(() => ended, Infinity);
  };
  await all(20, fast);
  expect(window.width).toBe(8);
  await all(8, () => Promise.reject(new EngineError('busy', 'no answer')));
  // Once for all that were on their way together.
  expect(window.width).toBe(4);
  await all(60, fast);
  expect(window.width).toBe(8);
});

it('an abort ends those that wait for a place, and those on their way', async () => {
  const aborted = new AbortController();
  const window = new ChunkWindow(new Process(new VirtualTime(), 1, 0), aborted.signal);
  const never = (): Promise<never> => new Promise(() => {});
  const all = Promise.allSettled(Array.from({ length: 5 }, () => window.pass(never)));
  await Promise.resolve();
  aborted.abort(new Error('left'));
  expect((await all).map((each) => each.status === 'rejected' && (each.reason as Error).message)).toEqual(
    Array.from({ length: 5 }, () => 'left'),
  );
});
