/** Both sides of the platform do the same, as far as they can be compared in Node.js. */
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { ed25519, ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, concatBytes, numberToBytesLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as browserEd25519 from '../../src/platform/browser/ed25519.js';
import * as browserEvents from '../../src/platform/browser/event-loop.js';
import * as browserHash from '../../src/platform/browser/hash.js';
import * as browserZlib from '../../src/platform/browser/zlib.js';
import * as nodeEd25519 from '../../src/platform/node/ed25519.js';
import * as nodeEvents from '../../src/platform/node/event-loop.js';
import * as nodeHash from '../../src/platform/node/hash.js';
import * as nodeZlib from '../../src/platform/node/zlib.js';

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

describe.each([
  ['Node.js', nodeEd25519],
  ['a browser', browserEd25519],
])('Ed25519 of %s', (_, { ed25519FromSeed, ed25519Verifies }) => {
  it('has the keys and signatures of RFC 8032, and says no to all else', () => {
    // 7.1, test 2.
    const seed = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex');
    const { publicKey, sign } = ed25519FromSeed(seed);
    expect(Buffer.from(publicKey).toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    const signature = sign(Uint8Array.of(0x72));
    expect(Buffer.from(signature).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
    expect(ed25519Verifies(publicKey, Uint8Array.of(0x72), signature)).toBe(true);
    expect(ed25519Verifies(publicKey, Uint8Array.of(0x73), signature)).toBe(false);
    expect(ed25519Verifies(new Uint8Array(32).fill(255), Uint8Array.of(0x72), signature)).toBe(false);
    expect(ed25519Verifies(new Uint8Array(3), Uint8Array.of(0x72), signature)).toBe(false);
    expect(ed25519Verifies(publicKey, Uint8Array.of(0x72), new Uint8Array(5))).toBe(false);
  });
});

it('Ed25519 of Node.js and of a browser agree on signatures with a part of small order', () => {
  const { Point } = ed25519;
  const order = Point.Fn.ORDER;
  const [secret, nonce] = [12345678901234567890n, 98765432109876543210n];
  const message = new TextEncoder().encode('a statement');
  const key = Point.BASE.multiply(secret).toBytes();
  const verdicts = ED25519_TORSION_SUBGROUP.map((hex) => {
    const r = Point.BASE.multiply(nonce).add(Point.fromHex(hex)).toBytes();
    const k = bytesToNumberLE(sha512(concatBytes(r, key, message))) % order;
    const signature = concatBytes(r, numberToBytesLE((nonce + k * secret) % order, 32));
    return [nodeEd25519, browserEd25519].map(({ ed25519Verifies }) => ed25519Verifies(key, message, signature));
  });
  // The first of the subgroup is the neutral point.
  expect(verdicts).toEqual(ED25519_TORSION_SUBGROUP.map((_, i) => [i === 0, i === 0]));
});

describe.each([
  ['Node.js', nodeZlib],
  ['a browser', browserZlib],
])('zlib of %s', (_, zlib) => {
  it('unpacks what was packed, up to what is allowed, and has its checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.constantFrom(0, 1, 9), (bytes, level) => {
        const packed = deflateSync(bytes, { level });
        expect(Buffer.from(zlib.inflate(packed, Math.max(1, bytes.length))).equals(bytes)).toBe(true);
        expect(zlib.crc32(bytes)).toBe(crc32(bytes));
      }),
    );
  });

  it('refuses more than that, and what is damaged', () => {
    for (const level of [0, 9])
      expect(() => zlib.inflate(deflateSync(new Uint8Array(100_000), { level }), 1000)).toThrow(RangeError);
    expect(() => zlib.inflate(Uint8Array.of(1, 2, 3), 1000)).toThrow();
    expect(() => zlib.inflate(deflateSync(new Uint8Array(1000)).subarray(0, 8), 1000)).toThrow();
  });
});
