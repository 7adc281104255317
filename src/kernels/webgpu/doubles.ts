/**
 * Doubles in WGSL, by integers: an interpreter of `DoubleProgram`s with the bits of IEEE 754 (round to nearest, ties to even, gradual
 * underflow). A double is vec2u(low, high). Significands are 64-bit integers with bit 62 set; what is shifted out leaves a last bit that is set.
 */
import { FIRST_CONSTANT, OPERATIONS, REGISTERS, type DoubleProgram } from './double-program.js';

const conversions = /* wgsl */ `
const NOT_A_NUMBER = vec2u(0u, 0x7ff80000u);
const SIGN = 0x80000000u;

fn leadingZeros64(m: vec2u) -> u32 { return select(countLeadingZeros(m.y), 32u + countLeadingZeros(m.x), m.y == 0u); }
fn isZero64(m: vec2u) -> bool { return (m.x | m.y) == 0u; }
/** Infinite, or not a number. */
fn special64(x: vec2u) -> bool { return (x.y & 0x7ff00000u) == 0x7ff00000u; }
fn isNaN64(x: vec2u) -> bool { return special64(x) && ((x.y & 0xfffffu) | x.x) != 0u; }

/** m · 2^e, with bit 62 of m set, or m = 0. */
struct Parts64 { m: vec2u, e: i32 }
fn split64(x: vec2u) -> Parts64 {
  let raw = i32((x.y >> 20u) & 0x7ffu);
  var m = vec2u(x.x, x.y & 0xfffffu);
  if (raw != 0) { m.y |= 0x100000u; }
  if (isZero64(m)) { return Parts64(m, 0); }
  let shift = leadingZeros64(m) - 1u;
  return Parts64(left64(m, shift), max(raw, 1) - 1075 - i32(shift));
}

/** m · 2^e rounded to so many digits, at least to multiples of 2^least: what is left of m, and its exponent. */
fn rounded64(m: vec2u, e: i32, digits: i32, least: i32) -> Parts64 {
  var last = max(64 - i32(leadingZeros64(m)) + e - digits, least);
  let shift = last - e;
  var kept = vec2u(0u);
  if (shift <= 0) {
    kept = left64(m, u32(-shift));
  } else if (shift <= 64) {
    // In two steps, as a shift by 64 is none.
    kept = right64(right64(m, 1u), u32(shift - 1));
    let half = left64(vec2u(1u, 0u), u32(shift - 1));
    let rest = select(subtract64(m, left64(left64(kept, u32(shift - 1)), 1u)), m, shift == 64);
    let tie = rest.x == half.x && rest.y == half.y;
    if (less64(half, rest) || (tie && (kept.x & 1u) == 1u)) { kept = add64(kept, vec2u(1u, 0u)); }
  }
  if (64 - i32(leadingZeros64(kept)) > digits) {
    kept = right64(kept, 1u);
    last += 1;
  }
  return Parts64(kept, last);
}

/** The double nearest to m · 2^e; m != 0. */
fn joined64(sign: u32, m: vec2u, e: i32) -> vec2u {
  let parts = rounded64(m, e, 53, -1074);
  if (parts.m.y < 0x100000u) { return vec2u(parts.m.x, sign | parts.m.y); }
  let exponent = parts.e + 1075;
  if (exponent >= 2047) { return vec2u(0u, sign | 0x7ff00000u); }
  return vec2u(parts.m.x, sign | (u32(exponent) << 20u) | (parts.m.y & 0xfffffu));
}

/** The bits of the f32 nearest to x. */
fn toF32(x: vec2u) -> u32 {
  let sign = x.y & SIGN;
  if (special64(x)) { return select(sign | 0x7f800000u, 0x7fc00000u, isNaN64(x)); }
  let whole = split64(x);
  if (isZero64(whole.m)) { return sign; }
  let parts = rounded64(whole.m, whole.e, 24, -149);
  if (parts.m.x < 0x800000u) { return sign | parts.m.x; }
  let exponent = parts.e + 150;
  if (exponent >= 255) { return sign | 0x7f800000u; }
  return sign | (u32(exponent) << 23u) | (parts.m.x & 0x7fffffu);
}

/** The double that has the value of the f32 with these bits. */
fn fromF32(x: u32) -> vec2u {
  let sign = x & SIGN;
  let raw = (x >> 23u) & 255u;
  let m = x & 0x7fffffu;
  if (raw == 255u) { return select(vec2u(0u, sign | 0x7ff00000u), NOT_A_NUMBER, m != 0u); }
  if (raw != 0u) { return vec2u(m << 29u, sign | ((raw + 896u) << 20u) | (m >> 3u)); }
  if (m == 0u) { return vec2u(0u, sign); }
  let shift = countLeadingZeros(m) - 8u;
  let normal = (m << shift) & 0x7fffffu;
  return vec2u(normal << 29u, sign | ((897u - shift) << 20u) | (normal >> 3u));
}
`;

const operations = /* wgsl */ `
fn multiply32(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return vec2u((second << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u));
}

/** A result before it is rounded, or, where m is 0, the value itself. */
struct Result64 { sign: u32, m: vec2u, e: i32, value: vec2u }

fn sum64(a: vec2u, b: vec2u) -> Result64 {
  let x = split64(a);
  let y = split64(b);
  let aSign = a.y & SIGN;
  let bSign = b.y & SIGN;
  if (isZero64(x.m) && isZero64(y.m)) { return Result64(0u, vec2u(0u), 0, vec2u(0u, aSign & bSign)); }
  if (isZero64(x.m)) { return Result64(0u, vec2u(0u), 0, b); }
  if (isZero64(y.m)) { return Result64(0u, vec2u(0u), 0, a); }
  let e = max(x.e, y.e);
  let p = rightSticky64(x.m, u32(min(e - x.e, 63)));
  let q = rightSticky64(y.m, u32(min(e - y.e, 63)));
  if (aSign == bSign) { return Result64(aSign, add64(p, q), e, vec2u(0u)); }
  // Equal ones leave m = 0, which is the value 0.
  if (less64(p, q)) { return Result64(bSign, subtract64(q, p), e, vec2u(0u)); }
  return Result64(aSign, subtract64(p, q), e, vec2u(0u));
}

fn product64(sign: u32, a: vec2u, b: vec2u) -> Result64 {
  let x = split64(a);
  let y = split64(b);
  if (isZero64(x.m) || isZero64(y.m)) { return Result64(0u, vec2u(0u), 0, vec2u(0u, sign)); }
  var words = array<u32, 4>(0u, 0u, 0u, 0u);
  for (var i = 0u; i < 4u; i++) {
    let term = multiply32(select(x.m.y, x.m.x, (i & 1u) == 0u), select(y.m.y, y.m.x, i < 2u));
    let at = (i & 1u) + (i >> 1u);
    let low = add64(vec2u(words[at], words[at + 1u]), term);
    if (at < 2u && less64(low, term)) { words[at + 2u] += 1u; }
    words[at] = low.x;
    words[at + 1u] = low.y;
  }
  let sticky = select(0u, 1u, (words[0] | words[1]) != 0u);
  return Result64(sign, vec2u(words[2] | sticky, words[3]), x.e + y.e + 64, vec2u(0u));
}

fn quotient64(sign: u32, a: vec2u, b: vec2u) -> Result64 {
  let x = split64(a);
  let y = split64(b);
  if (isZero64(y.m)) {
    return Result64(0u, vec2u(0u), 0, select(vec2u(0u, sign | 0x7ff00000u), NOT_A_NUMBER, isZero64(x.m)));
  }
  if (isZero64(x.m)) { return Result64(0u, vec2u(0u), 0, vec2u(0u, sign)); }
  var rest = x.m;
  var m = vec2u(0u);
  for (var i = 0u; i < 58u; i++) {
    m = left64(m, 1u);
    if (!less64(rest, y.m)) {
      rest = subtract64(rest, y.m);
      m.x |= 1u;
    }
    rest = left64(rest, 1u);
  }
  m.x |= select(1u, 0u, isZero64(rest));
  return Result64(sign, m, x.e - y.e - 57, vec2u(0u));
}

/** a / divisor, 0 < divisor <= 64: sixteen bits of the quotient at a time. */
fn smallQuotient64(a: vec2u, divisor: u32) -> Result64 {
  let x = split64(a);
  let sign = a.y & SIGN;
  if (isZero64(x.m)) { return Result64(0u, vec2u(0u), 0, a); }
  var rest = 0u;
  var m = vec2u(0u);
  for (var i = 0u; i < 4u; i++) {
    let now = (rest << 16u) | ((select(x.m.x, x.m.y, i < 2u) >> select(0u, 16u, (i & 1u) == 0u)) & 0xffffu);
    m = left64(m, 16u);
    m.x |= now / divisor;
    rest = now % divisor;
  }
  m.x |= select(1u, 0u, rest == 0u);
  return Result64(sign, m, x.e, vec2u(0u));
}

/** Of operands that are infinite or no numbers. */
fn specialResult(operation: u32, a: vec2u, b: vec2u) -> vec2u {
  let sign = (a.y ^ b.y) & SIGN;
  if (isNaN64(a) || isNaN64(b)) { return NOT_A_NUMBER; }
  if (operation <= SUBTRACT) {
    if (special64(a) && special64(b) && sign != 0u) { return NOT_A_NUMBER; }
    return select(b, a, special64(a));
  }
  if (operation == MULTIPLY) {
    let zero = isZero64(left64(a, 1u)) || isZero64(left64(b, 1u));
    return select(vec2u(0u, sign | 0x7ff00000u), NOT_A_NUMBER, zero);
  }
  if (special64(a) && special64(b)) { return NOT_A_NUMBER; }
  return vec2u(0u, sign | select(0u, 0x7ff00000u, special64(a)));
}

fn floor64(x: vec2u) -> vec2u {
  let raw = i32((x.y >> 20u) & 0x7ffu);
  let negative = (x.y & SIGN) != 0u;
  if (raw >= 1075 || isZero64(left64(x, 1u))) { return x; }
  if (raw < 1023) { return select(vec2u(0u), vec2u(0u, 0xbff00000u), negative); }
  let below = u32(1075 - raw);
  let whole = left64(right64(x, below), below);
  if (negative && (whole.x != x.x || whole.y != x.y)) { return add64(whole, left64(vec2u(1u, 0u), below)); }
  return whole;
}

/** The integer that x is, below 2^31 in magnitude. */
fn toInteger(x: vec2u) -> i32 {
  let parts = split64(x);
  if (isZero64(parts.m)) { return 0; }
  let value = i32(right64(parts.m, u32(clamp(-parts.e, 0, 63))).x);
  return select(value, -value, (x.y & SIGN) != 0u);
}

/** Of doubles; false for what is not a number. */
fn less64Of(a: vec2u, b: vec2u) -> bool {
  if (isNaN64(a) || isNaN64(b)) { return false; }
  if (isZero64(left64(a, 1u)) && isZero64(left64(b, 1u))) { return false; }
  let aNegative = (a.y & SIGN) != 0u;
  let bNegative = (b.y & SIGN) != 0u;
  if (aNegative != bNegative) { return aNegative; }
  return select(less64(a, b), less64(b, a), aNegative);
}
`;

/** `execute` stands in a shader once: called twice, its code would be there twice. */
function interpreter(program: DoubleProgram): string {
  const code = (name: string) => OPERATIONS.findIndex((each) => each === name);
  const names = OPERATIONS.map((name, i) => `const ${name.toUpperCase()} = ${i}u;`).join('\n');
  return /* wgsl */ `
${names}
${operations}
var<private> registers: array<vec2u, ${REGISTERS}>;

fn operand(index: u32) -> vec2u {
  if (index < ${FIRST_CONSTANT}u) { return registers[index]; }
  let at = ${program.length}u + 2u * (index - ${FIRST_CONSTANT}u);
  return vec2u(program[at], program[at + 1u]);
}

fn execute(first: u32, end: u32) {
  var flag = false;
  for (var at = first; at < end; at++) {
    let instruction = program[at];
    let operation = instruction >> 26u;
    let a = operand((instruction >> 9u) & 511u);
    let small = instruction & 511u;
    var b = operand(select(small, 0u, operation == DIVIDEBYSMALL));
    let sign = (a.y ^ b.y) & SIGN;
    var result = Result64(0u, vec2u(0u), 0, a);
    if (operation <= DIVIDE && (special64(a) || special64(b))) {
      if (operation == SUBTRACT) { b.y ^= SIGN; }
      result.value = specialResult(operation, a, b);
    } else {
      switch operation {
        case ${code('add')}u, ${code('subtract')}u: {
          if (operation == SUBTRACT) { b.y ^= SIGN; }
          result = sum64(a, b);
        }
        case ${code('multiply')}u: { result = product64(sign, a, b); }
        case ${code('divide')}u: { result = quotient64(sign, a, b); }
        case ${code('divideBySmall')}u: { if (!special64(a)) { result = smallQuotient64(a, small); } }
        case ${code('floor')}u: { result.value = floor64(a); }
        case ${code('powerOfTwo')}u: { result.value = vec2u(0u, u32(toInteger(a) + 1023) << 20u); }
        case ${code('exponent')}u: {
          let exponent = i32(a.y >> 20u) - 1023;
          if (exponent == 0) { result.value = vec2u(0u); }
          else { result = Result64(select(0u, SIGN, exponent < 0), vec2u(u32(abs(exponent)), 0u), 0, a); }
        }
        case ${code('mantissa')}u: { result.value.y = (a.y & 0xfffffu) | 0x3ff00000u; }
        case ${code('negative')}u: { result.value.y ^= SIGN; }
        case ${code('absolute')}u: { result.value.y &= ~SIGN; }
        case ${code('less')}u: { flag = less64Of(a, b); }
        case ${code('select')}u: { result.value = select(b, a, flag); }
        case ${code('toF32')}u: { result.value = fromF32(toF32(a)); }
        default: {}
      }
    }
    if (!isZero64(result.m)) { result.value = joined64(result.sign, result.m, result.e); }
    // What is less than what is told by the flag alone: the register may be an operand of what selects by it.
    if (operation != LESS) { registers[(instruction >> 18u) & 255u] = result.value; }
  }
}
`;
}

/** WGSL that runs `program`, which lies in a buffer `program` of u32, after the integers of 64 bits: `registers`, `execute(first, end)`, `toF32`, `fromF32`. */
export function doubles(program: DoubleProgram): string {
  return `${conversions}${interpreter(program)}`;
}
