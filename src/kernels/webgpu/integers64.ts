/** Integers of 64 bits in WGSL, which has none: pairs of u32 as vec2u(low, high). */
export const integers64 = /* wgsl */ `
fn add64(a: vec2u, b: vec2u) -> vec2u {
  let low = a.x + b.x;
  return vec2u(low, a.y + b.y + select(0u, 1u, low < a.x));
}
fn subtract64(a: vec2u, b: vec2u) -> vec2u {
  return vec2u(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}
fn less64(a: vec2u, b: vec2u) -> bool { return a.y < b.y || (a.y == b.y && a.x < b.x); }
/** 0 <= s < 64 */
fn left64(a: vec2u, s: u32) -> vec2u {
  if (s == 0u) { return a; }
  if (s >= 32u) { return vec2u(0u, a.x << (s - 32u)); }
  return vec2u(a.x << s, (a.y << s) | (a.x >> (32u - s)));
}
/** 0 <= s < 64 */
fn right64(a: vec2u, s: u32) -> vec2u {
  if (s == 0u) { return a; }
  if (s >= 32u) { return vec2u(a.y >> (s - 32u), 0u); }
  return vec2u((a.x >> s) | (a.y << (32u - s)), a.y >> s);
}
/** The same, with the last bit set if any bit is lost. */
fn rightSticky64(a: vec2u, s: u32) -> vec2u {
  let shifted = right64(a, s);
  let back = left64(shifted, s);
  let lost = back.x != a.x || back.y != a.y;
  return vec2u(shifted.x | select(0u, 1u, lost), shifted.y);
}
`;
