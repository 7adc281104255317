/** Ed25519 in JavaScript: the browser's own is asynchronous, and missing from pages over plain HTTP. */
import { ed25519 } from '@noble/curves/ed25519.js';
import type { Ed25519Pair } from '../contract.js';

export function ed25519FromSeed(seed: Uint8Array): Ed25519Pair {
  return {
    publicKey: ed25519.getPublicKey(seed),
    sign: (message) => ed25519.sign(message, seed),
  };
}

/** False for whatever is no signature of `message` by this key. */
export function ed25519Verifies(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
