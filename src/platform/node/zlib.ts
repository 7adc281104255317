/** zlib streams and CRC-32, by Node.js's native implementation. */
import { inflateSync } from 'node:zlib';

export { crc32 } from 'node:zlib';

/** Unpacks a zlib stream. @throws Error for damaged data, and where it would be more than `most` bytes */
export function inflate(packed: Uint8Array, most: number): Uint8Array {
  return inflateSync(packed, { maxOutputLength: most });
}
