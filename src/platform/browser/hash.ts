/** SHA-256 in JavaScript: the browser's own is asynchronous, takes no pieces, and is missing from pages over plain HTTP. */
import { sha256 as noble } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Sha256 } from '../contract.js';

export function sha256(): Sha256 {
  return new JavaScriptSha256();
}

class JavaScriptSha256 implements Sha256 {
  readonly #hash = noble.create();

  update(data: Uint8Array | string): this {
    this.#hash.update(typeof data === 'string' ? utf8ToBytes(data) : data);
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#hash.digest());
  }

  hex(): string {
    return bytesToHex(this.#hash.digest());
  }
}
