/** Ed25519 in JavaScript: the browser's own is asynchronous, and missing from pages over plain HTTP. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE, concatBytes, equalBytes } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';
import type { Ed25519Pair } from '../contract.js';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

export function ed25519FromSeed(seed: Uint8Array): Ed25519Pair {
  return {
    publicKey: ed25519.getPublicKey(seed),
    sign: (message) => ed25519.sign(message, seed),
  };
}

/**
 * False for whatever is no signature of `message` by this key. Without the cofactor (RFC 8032, 5.1.7, the equation that is sufficient), as OpenSSL
 * has it: else a signature with a part of small order would be good here and bad in Node.js, and nodes would not agree on what was said.
 */
export function ed25519Verifies(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  if (s >= ORDER) return false;
  try {
    const key = Point.fromBytes(publicKey);
    const k = bytesToNumberLE(sha512(concatBytes(r, publicKey, message))) % ORDER;
    const point = Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k));
    return equalBytes(point.toBytes(), r);
  } catch {
    return false;
  }
}
