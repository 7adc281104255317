/** SHA-256 by Node.js's native implementation, which takes the CPU's instructions for it. */
import { createHash, type Hash } from 'node:crypto';
import type { Sha256 } from '../contract.js';

export function sha256(): Sha256 {
  return new NativeSha256();
}

const PIECE_BYTES = 1 << 30;

class NativeSha256 implements Sha256 {
  readonly #hash: Hash = createHash('sha256');

  update(data: Uint8Array | string): this {
    // Node.js takes less than 2 GiB at once.
    if (typeof data === 'string' || data.length <= PIECE_BYTES) this.#hash.update(data);
    else for (let at = 0; at < data.length; at += PIECE_BYTES) this.#hash.update(data.subarray(at, at + PIECE_BYTES));
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#hash.digest());
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}
