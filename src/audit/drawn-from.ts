import { sha256 } from '#platform/hash';

/** A number in [0, 1) that is drawn from a text, the same everywhere; who does not know the text cannot tell it. */
export function drawnFrom(text: string): number {
  // 48 bits are enough, and exact.
  return (
    sha256()
      .update(text)
      .bytes()
      .subarray(0, 6)
      .reduce((sum, byte) => sum * 256 + byte, 0) /
    2 ** 48
  );
}
