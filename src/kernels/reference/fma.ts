/** Fused multiply-add of f32 values in plain JavaScript, exact to the last bit (rounded once), for the reference kernels. */

/**
 * fround(a · b + c), rounded once; a, b and c must be f32 values.
 *
 * The product of two f32 is exact in double. The double sum may be rounded, and rounding it again to f32 goes wrong only
 * where the double sum lies exactly halfway between two f32 although the true sum does not; only then is a closer look
 * taken. `beyond` is as far on the other side of the double sum as `nearest` is on this one: an f32 other than `nearest`
 * means halfway.
 */
export function fma(a: number, b: number, c: number): number {
  const sum = a * b + c;
  const nearest = Math.fround(sum);
  const beyond = sum + (sum - nearest);
  return beyond === nearest || Math.fround(beyond) !== beyond ? nearest : roundHalfway(a * b, c, sum, nearest);
}

/** The f32 nearest to product + c, whose double sum lies halfway between two f32 (or beyond all f32). */
function roundHalfway(product: number, c: number, sum: number, nearest: number): number {
  // Knuth's TwoSum: `error` is what the addition lost, exactly.
  const rest = sum - product;
  const error = product - (sum - rest) + (c - rest);
  if (!(error > 0 || error < 0)) return nearest;
  return Math.fround(sum + Math.sign(error) * Math.abs(sum) * 2 ** -52);
}
