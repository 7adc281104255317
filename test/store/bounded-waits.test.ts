/** A store of a user's own that never answers does not keep a run that is stopped, or that is over. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { trainToEnd } from '../../src/run/train.js';
import { boundedWaits } from '../../src/store/bounded-waits.js';
import { openOwnStore, type OwnStore } from '../../src/store/own-store.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const never = <T>(): Promise<T> => new Promise<T>(() => {});
const spec = toySpec({ epochs: 4, layers: [36, 8, 8] });
const dataset = toyDataset();
const MINUTE = 60_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** Keeps bytes, and stops the run and answers no more when it is asked to put `last`. */
function deadAt(last: string, controller: AbortController): OwnStore {
  const kept = new Map<string, Uint8Array>();
  let dead = false;
  return {
    put: (key, bytes) => {
      dead ||= key === last;
      if (dead) controller.abort();
      return dead ? never() : Promise.resolve(void kept.set(key, bytes));
    },
    get: (key) => (dead ? never() : Promise.resolve(kept.get(key))),
    close: () => (dead ? never() : Promise.resolve()),
  };
}

it('a run is stopped though its store answers nothing', async () => {
  const controller = new AbortController();
  const store = deadAt('c2.l0', controller);
  const asked = trainToEnd({ spec, store, signal: controller.signal }, dataset).catch((error: unknown) => error);
  let ended: unknown;
  void asked.then((error) => (ended = error));
  await vi.waitFor(
    async () => {
      await vi.advanceTimersByTimeAsync(1000);
      expect(ended).toBeDefined();
    },
    { timeout: 8000, interval: 5 },
  );
  expect(ended).toMatchObject({ name: 'PffError', code: 'interrupted' });
});

it('a call after that is refused', async () => {
  const controller = new AbortController();
  controller.abort();
  const own = { put: () => never<void>(), get: () => never<undefined>() };
  const store = await openOwnStore(own, { spec, folder: undefined }, { signal: controller.signal });
  const put = store.put('c0.l0', new Uint8Array(1)).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(await put).toMatchObject({
    code: 'interrupted',
    message: expect.stringContaining('put c0.l0 was not answer'),
  });
});

it('calls are waited for as long as it takes until then, and a while after', async () => {
  const controller = new AbortController();
  const waits = boundedWaits({ signal: controller.signal }, 100);
  const slow = (ms: number): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(ms), ms));
  const answered = waits.afterAbort('get', slow(MINUTE));
  await vi.advanceTimersByTimeAsync(MINUTE - 50);
  controller.abort();
  const late = waits.afterAbort('get', slow(200)).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(100);
  expect(await answered).toBe(MINUTE);
  expect(await late).toMatchObject({ code: 'interrupted' });
  // What answers at once is heard even then.
  expect(await waits.afterAbort('get', Promise.resolve(7))).toBe(7);
});

it('a close is waited for until the run is stopped, which is told, and one that fails is an error', async () => {
  const notices: string[] = [];
  const controller = new AbortController();
  const waits = boundedWaits({ signal: controller.signal, notice: (text) => notices.push(text) }, 100);
  let isOver = false;
  const closing = waits.atEnd('store x: close', never()).then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(notices).toEqual(['store x: close was not answered within 0.1 s; it is waited for, until Ctrl-C']);
  expect(isOver).toBe(false);
  controller.abort();
  await vi.advanceTimersByTimeAsync(100);
  await closing;
  expect(notices[1]).toBe('store x: close was not answered within 0.1 s; the run ends without it');
  await expect(waits.atEnd('close', Promise.reject(new Error('cut')))).rejects.toThrow('cut');
});
