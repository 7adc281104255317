/** Ed25519 by Node.js's native implementation. */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Ed25519Pair } from '../contract.js';

/** What stands before the 32 bytes of a seed or of a public key in their DER forms (RFC 8410). */
const SEED_FORM = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_FORM = Buffer.from('302a300506032b6570032100', 'hex');

export function ed25519FromSeed(seed: Uint8Array): Ed25519Pair {
  const key = createPrivateKey({ key: Buffer.concat([SEED_FORM, seed]), format: 'der', type: 'pkcs8' });
  const form = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(form.subarray(PUBLIC_FORM.length)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** Keys that were read, by their digits: to read one takes half as long as to verify a signature. */
const publicKeys = new Map<string, KeyObject>();
const MOST_KEYS = 1000;

function readKey(publicKey: Uint8Array): KeyObject {
  const digits = Buffer.from(publicKey).toString('hex');
  const known = publicKeys.get(digits);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_FORM, publicKey]), format: 'der', type: 'spki' });
  if (publicKeys.size >= MOST_KEYS) publicKeys.clear();
  publicKeys.set(digits, key);
  return key;
}

/** False for whatever is no signature of `message` by this key. */
export function ed25519Verifies(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  let key: KeyObject;
  try {
    key = readKey(publicKey);
  } catch {
    return false;
  }
  return verify(null, message, key, signature);
}
