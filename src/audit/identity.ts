/**
 * Who says something in an audited run: an Ed25519 key. Texts are signed, keys and signatures travel in hex. The verifier is
 * an argument elsewhere, so that the fault simulator can sign thousands of statements cheaply.
 */
import { ed25519FromSeed, ed25519Verifies } from '#platform/ed25519';
import { isSoundKey } from './sound-key.js';

export interface Signer {
  /** The public key: 64 hex digits. */
  readonly key: string;
  /** 128 hex digits. */
  sign(text: string): string;
}

export type Verify = (key: string, text: string, signature: string) => boolean;

/** @param seed 32 secret bytes */
export function signerFromSeed(seed: Uint8Array): Signer {
  const pair = ed25519FromSeed(seed);
  const key = toHex(pair.publicKey);
  return {
    key,
    sign(text) {
      const signature = toHex(pair.sign(new TextEncoder().encode(text)));
      remember(key, text, signature);
      return signature;
    },
  };
}

/** Signatures that were made here, or found good. A record is read again whenever something is added to it, so most are seen many times. */
const good = new Set<string>();
/** Some megabytes of text. */
const MOST_REMEMBERED = 10_000;

export const verifySignature: Verify = (key, text, signature) => {
  if (good.has(nameOf(key, text, signature))) return true;
  if (!isSoundKey(key) || !ed25519Verifies(fromHex(key), new TextEncoder().encode(text), fromHex(signature)))
    return false;
  remember(key, text, signature);
  return true;
};

function remember(key: string, text: string, signature: string): void {
  if (good.size >= MOST_REMEMBERED) good.clear();
  good.add(nameOf(key, text, signature));
}

function nameOf(key: string, text: string, signature: string): string {
  return `${key} ${signature} ${text}`;
}

/** What a process says to show that the key is its own. */
export function identityText(context: string, id: string): string {
  return `pff node 1\n${context}\n${id}\n`;
}

/** What the submitter says to stop the run. */
export function stopText(context: string): string {
  return `pff stop 1\n${context}\n`;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
