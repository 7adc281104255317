/** SHA-256 by Node.js's native implementation, which takes the CPU's instructions for it. */
import { createHash, type Hash } from 'node:crypto';
import type { Sha256 } from '../contract.js';

export function sha256(): Sha256 {
  return new NativeSha256();
}

class NativeSha256 implements Sha256 {
  readonly #hash: Hash = createHash('sha256');

  update(data: Uint8Array | string): this {
    this.#hash.update(data);
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#hash.digest());
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}
