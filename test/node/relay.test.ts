/** Handing on layer inputs from thread to thread: who gets what, who waits, and what happens to those who wait for the dead. */
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { RelayedInputs } from '../../src/node/relay.js';
import { portRelay, serveRelay } from '../../src/node/threads/port-relay.js';
import { RelayHub } from '../../src/node/threads/relay-hub.js';
import { handsOn, relayedLayers, takesOver } from '../../src/schedule/relay.js';
import { graphShape } from '../../src/schedule/shape.js';
import { trainTask } from '../../src/schedule/tasks.js';
import { resolveSpec } from '../../src/spec/spec.js';

const inputs = (value: number): RelayedInputs => ({
  buffer: Float32Array.of(value).buffer,
  count: 1,
  variants: 1,
  width: 1,
});
const valueOf = (given: RelayedInputs | undefined): number | undefined => given && new Float32Array(given.buffer)[0];
/** Whether a promise is settled once all that is under way is done. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('the hub', () => {
  it('gives what was handed on, once', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0).relay, hub.member(1).relay];
    await lower.announce(trainTask(0, 1));
    await lower.handOn(trainTask(0, 1), inputs(7));
    expect(valueOf(await upper.takeOver(trainTask(0, 1)))).toBe(7);
    expect(await upper.takeOver(trainTask(0, 1))).toBeUndefined();
  });

  it('lets a receiver wait for what is announced, and not for what is not', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0).relay, hub.member(1).relay];
    expect(await upper.takeOver(trainTask(0, 1))).toBeUndefined();
    await lower.announce(trainTask(1, 1));
    const taken = upper.takeOver(trainTask(1, 1));
    expect(await isDone(taken)).toBe(false);
    await lower.handOn(trainTask(1, 1), inputs(3));
    expect(valueOf(await taken)).toBe(3);
  });

  it('keeps one chapter a layer: a node that is ahead waits until that is taken', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0).relay, hub.member(1).relay];
    await lower.handOn(trainTask(0, 1), inputs(0));
    await lower.announce(trainTask(1, 1));
    const second = lower.handOn(trainTask(1, 1), inputs(1));
    expect(await isDone(second)).toBe(false);
    expect(valueOf(await upper.takeOver(trainTask(0, 1)))).toBe(0);
    await second;
    expect(valueOf(await upper.takeOver(trainTask(1, 1)))).toBe(1);
  });

  it('drops what a receiver has gone past, so that nobody waits for it', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0).relay, hub.member(1).relay];
    await lower.handOn(trainTask(0, 1), inputs(0));
    const second = lower.handOn(trainTask(1, 1), inputs(1));
    await lower.announce(trainTask(2, 1));
    const third = upper.takeOver(trainTask(2, 1));
    await second;
    await lower.handOn(trainTask(2, 1), inputs(2));
    expect(valueOf(await third)).toBe(2);
  });

  it('holds back nobody for what a receiver has behind it, while that waits for what comes next', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0).relay, hub.member(1).relay];
    await lower.handOn(trainTask(1, 1), inputs(1));
    const second = lower.handOn(trainTask(2, 1), inputs(2));
    expect(await isDone(second)).toBe(false);
    // As a run that was resumed: chapters 1 and 2 of the upper layer were saved, those of the lower one are done again.
    await upper.expect(trainTask(3, 1));
    await second;
    await lower.handOn(trainTask(3, 1), inputs(3));
    expect(valueOf(await upper.takeOver(trainTask(3, 1)))).toBe(3);
  });

  it('hands on nothing to one that had ended before, and something to one that was started anew', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0).relay, hub.member(1)];
    upper.leave();
    await lower.handOn(trainTask(0, 1), inputs(0));
    await lower.handOn(trainTask(1, 1), inputs(1));
    const anew = hub.member(1).relay;
    expect(await anew.takeOver(trainTask(1, 1))).toBeUndefined();
    await lower.handOn(trainTask(2, 1), inputs(2));
    expect(valueOf(await anew.takeOver(trainTask(2, 1)))).toBe(2);
  });

  it('holds back nobody for one that has left', async () => {
    const hub = new RelayHub(() => 1);
    const [lower, upper] = [hub.member(0), hub.member(1)];
    await lower.relay.announce(trainTask(0, 1));
    const taken = upper.relay.takeOver(trainTask(0, 1));
    expect(await isDone(taken)).toBe(false);
    lower.leave();
    expect(await taken).toBeUndefined();

    const other = hub.member(0);
    await other.relay.handOn(trainTask(1, 1), inputs(1));
    const waiting = other.relay.handOn(trainTask(2, 1), inputs(2));
    expect(await isDone(waiting)).toBe(false);
    upper.leave();
    await waiting;
  });
});

it('memory moves through a port and is not copied', async () => {
  const { port1, port2 } = new MessageChannel();
  serveRelay(port1, new RelayHub(() => 0).member(0).relay);
  const relay = portRelay(port2);
  const given = inputs(5);
  await relay.announce(trainTask(0, 1));
  await relay.handOn(trainTask(0, 1), given);
  expect(given.buffer.byteLength).toBe(0);
  expect(valueOf(await relay.takeOver(trainTask(0, 1)))).toBe(5);
  port1.close();
});

describe('who hands on to whom', () => {
  const shape = graphShape(resolveSpec({ layers: [784, 20, 20, 20, 20], negatives: 'random', classifier: 'softmax' }));
  const boundaries = (nodes: number, variant: 'single-layer' | 'all-layers' = 'single-layer'): number[] =>
    [0, 1, 2, 3, 4].filter((layer) => handsOn(shape, { variant, nodes }, trainTask(0, layer)));

  it('between the blocks of Single-Layer, but for images and the head', () => {
    expect(boundaries(1)).toEqual([]);
    expect(boundaries(2)).toEqual([2]);
    expect(boundaries(5)).toEqual([1, 2]);
    expect(boundaries(4, 'all-layers')).toEqual([]);
    expect(relayedLayers(shape, { variant: 'single-layer', nodes: 5 })).toBe(2);
    expect(takesOver(shape, { variant: 'single-layer', nodes: 2 }, trainTask(0, 3))).toBe(true);
  });

  it('not where each layer has images of its own', () => {
    const own = { ...shape, ownInputs: true } as const;
    expect(relayedLayers(own, { variant: 'single-layer', nodes: 5 })).toBe(0);
  });
});
