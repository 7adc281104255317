/** Both sides of the platform do the same, as far as they can be compared in Node.js. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as browserEvents from '../../src/platform/browser/event-loop.js';
import * as browserHash from '../../src/platform/browser/hash.js';
import * as nodeEvents from '../../src/platform/node/event-loop.js';
import * as nodeHash from '../../src/platform/node/hash.js';

describe.each([
  ['Node.js', nodeHash],
  ['a browser', browserHash],
])('sha256 of %s', (_, { sha256 }) => {
  it('takes pieces, text and shared memory, and gives what SHA-256 is', () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const whole = Buffer.concat(pieces.map((each) => Buffer.from(each as string)));
        const expected = createHash('sha256').update(whole).digest();
        const hash = (): ReturnType<typeof sha256> => {
          const started = sha256();
          for (const each of pieces) started.update(typeof each === 'string' ? each : shared(each));
          return started;
        };
        expect(hash().hex()).toBe(expected.toString('hex'));
        expect(hash().bytes()).toEqual(new Uint8Array(expected));
      }),
    );
  });
});

describe.each([
  ['Node.js', nodeEvents],
  ['a browser', browserEvents],
])('yieldToEvents of %s', (_, { yieldToEvents }) => {
  it('lets timers that are due come first, and everyone who waits go on', async () => {
    const seen = { timer: false };
    setTimeout(() => {
      seen.timer = true;
    }, 1);
    while (!seen.timer) await yieldToEvents();
    await Promise.all(Array.from({ length: 5 }, () => yieldToEvents()));
  });
});

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
