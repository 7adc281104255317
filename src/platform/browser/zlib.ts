/** zlib streams and CRC-32 in JavaScript: the browser's own are asynchronous. */
import { unzlibSync } from 'fflate';

/** Unpacks a zlib stream. @throws Error for damaged data, and where it would be more than `most` bytes */
export function inflate(packed: Uint8Array, most: number): Uint8Array {
  // What does not fit is lost: a byte more than allowed shows it.
  const unpacked = unzlibSync(packed, { out: new Uint8Array(most + 1) });
  if (unpacked.length > most) throw new RangeError(`more than ${most} bytes`);
  return unpacked;
}

/** PNG, third edition, annex D. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (TABLE[(value ^ byte) & 255] as number) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
