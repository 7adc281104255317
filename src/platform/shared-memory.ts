/**
 * Memory that threads share. A page that is not isolated from other origins (no COOP and COEP headers, or plain HTTP) has
 * none: there it is memory of its own, which one thread can use all the same.
 */

/** `bytes` zero bytes. @throws RangeError if there is not so much memory. */
export function sharedBuffer(bytes: number): ArrayBufferLike {
  return typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
}
