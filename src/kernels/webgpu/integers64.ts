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
  let far = s >= 32u;
  let low = select(a.x, 0u, far);
  let high = select(a.y, a.x, far);
  let t = s & 31u;
  return vec2u(low << t, (high << t) | ((low >> 1u) >> (31u - t)));
}
/** 0 <= s < 64 */
fn right64(a: vec2u, s: u32) -> vec2u {
  let far = s >= 32u;
  let low = select(a.x, a.y, far);
  let high = select(a.y, 0u, far);
  let t = s & 31u;
  return vec2u((low >> t) | ((high << 1u) << (31u - t)), high >> t);
}
/** The same, with the last bit set if any bit is lost. */
fn rightSticky64(a: vec2u, s: u32) -> vec2u {
  let far = s >= 32u;
  let lost = select(0u, a.x, far) | ((select(a.x, a.y, far) << 1u) << (31u - (s & 31u)));
  let shifted = right64(a, s);
  return vec2u(shifted.x | select(0u, 1u, lost != 0u), shifted.y);
}
`;
