/** How much compressed data may unpack to: archives that are made to fill the memory shrink by up to 1,030. */

/** Data that are worth reading do not shrink more than this. */
const MOST_RATIO = 100;
const ALWAYS_ALLOWED = 64 << 20;

/** Most bytes that `packed` bytes of compressed data may unpack to. */
export function unpackedLimit(packed: number): number {
  return Math.max(ALWAYS_ALLOWED, MOST_RATIO * packed);
}
