/**
 * What both sides of the platform give, as types. A module `#platform/x` is `node/x.ts` in Node.js and `browser/x.ts` in a
 * browser; package.json (`imports`) says which, and both are checked by the compiler against those who use them.
 */

/** SHA-256 of bytes that come piece by piece. */
export interface Sha256 {
  /** Text counts as its UTF-8 bytes. Views of shared memory are fine. */
  update(data: Uint8Array | string): Sha256;
  /** The digest [32]; nothing may be added afterwards. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** The digest in hex, lower case; nothing may be added afterwards. */
  hex(): string;
}

/** An Ed25519 key pair (RFC 8032), made from a seed of 32 bytes. */
export interface Ed25519Pair {
  /** The public key [32]. */
  readonly publicKey: Uint8Array;
  /** The signature [64] of a message; the same message always gets the same one. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}
