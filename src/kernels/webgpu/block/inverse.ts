/**
 * 1 / sqrt(x + ε) of rules 3 and 9 in WGSL, each step rounded once. WGSL leaves the last bits of roots and quotients open, so both are
 * computed digit by digit in integers, on every device: they are few.
 */
const roots = /* wgsl */ `
/** The bits of the root of a positive normal number. */
fn rootBits(x: u32) -> u32 {
  // x = m · 2^e with an even e and 2^24 <= m < 2^26.
  var m = ((x & 0x7fffffu) | 0x800000u) << 1u;
  var e = i32(x >> 23u) - 151;
  if ((e & 1) != 0) {
    m <<= 1u;
    e -= 1;
  }
  // 13 pairs of bits of m, then 12 of zeros: 25 bits, of which the last one rounds; a tie cannot be.
  var root = 0u;
  var rest = 0u;
  for (var digit = 0u; digit < 25u; digit++) {
    rest <<= 2u;
    if (digit < 13u) { rest |= (m >> (24u - 2u * digit)) & 3u; }
    let trial = (root << 2u) | 1u;
    root <<= 1u;
    if (rest >= trial) {
      rest -= trial;
      root |= 1u;
    }
  }
  return (u32(e / 2 - 11 + 150) << 23u) + (((root + 1u) >> 1u) - 0x800000u);
}
/** The bits of 1 / x, where x and 1 / x are positive normal numbers. */
fn reciprocalBits(x: u32) -> u32 {
  let m = (x & 0x7fffffu) | 0x800000u;
  let exponent = x >> 23u;
  if (m == 0x800000u) { return (254u - exponent) << 23u; }
  // 25 bits of 2^48 / m; a tie cannot be.
  var quotient = 0u;
  var rest = 0x800000u;
  for (var digit = 0u; digit < 25u; digit++) {
    rest <<= 1u;
    quotient <<= 1u;
    if (rest >= m) {
      rest -= m;
      quotient |= 1u;
    }
  }
  return ((253u - exponent) << 23u) + (((quotient + 1u) >> 1u) - 0x800000u);
}
`;

/** @param epsilon the bits of ε */
const inverseWith = (epsilon: string): string => /* wgsl */ `${roots}
fn inverseOf(squares: T) -> T {
  let x = bits(sum(squares, fromBits(${epsilon})));
  if (x == 0x7f800000u) { return fromBits(0u); }
  if (x > 0x7f800000u) { return fromBits(0x7fc00000u); }
  return fromBits(reciprocalBits(rootBits(x)));
}
`;

/** ε is 1e-5: of a variance. */
export const inverseOf = inverseWith('0x3727c5acu');
/** ε is 1e-12: of the length of a row, from its sum of squares. */
export const inverseLengthOf = inverseWith('0x2b8cbcccu');
