/**
 * Rules 10 and 11 of block/contract.ts between a convolution and the end of its stage. Where a stage is normalised, z is kept as its distance
 * from the mean. What a stage does not have costs its shaders nothing: they are made for its `Finish`.
 */
import { elementwise } from '../shader-text.js';

/** What comes after a convolution. */
export interface Finish {
  /** `line`: scales of channels, or of the channels of each row. */
  readonly norm: 'none' | 'line' | 'position';
  /** What happens to values below 0. */
  readonly leak: 'to-zero' | 'keep' | 'scale';
  readonly pool: 'none' | 'max' | 'average';
  /** Windows of the pool share positions. */
  readonly overlap: boolean;
}

/** Names of the buffers of a norm, in their order. */
export function normBuffers({ norm }: Finish): readonly string[] {
  return { none: [], line: ['scale', 'shift'], position: ['scale', 'shift', 'inverse'] }[norm];
}

/** u of a value `at` of z, of its row, position in the batch and channel. */
function beforeActivation({ norm }: Finish): string {
  const u = {
    none: 'z[at]',
    line: 'fused(z[at], scale[select(o, r * p.outputs + o, p.byRow == 1u)], shift[o])',
    position: 'fused(z[at], product(scale[o], inverse[position]), shift[o])',
  }[norm];
  return /* wgsl */ `
fn beforeActivation(r: u32, position: u32, o: u32) -> T {
  let at = position * p.outputs + o;
  return ${u};
}
/** a > b; subnormal numbers count. */
fn ordered(x: T) -> i32 {
  let magnitude = i32(bits(x) & 0x7fffffffu);
  return select(magnitude, -magnitude, (bits(x) >> 31u) == 1u);
}
fn greater(a: T, b: T) -> bool { return !isNaN(a) && !isNaN(b) && ordered(a) > ordered(b); }
`;
}

/** Buffers: z, of the norm, *y, *places where `keeps`; p.count values of y. */
export function finish(how: Finish, keeps: boolean): string {
  const { leak, pool } = how;
  const activated = {
    'to-zero': 'u = relu(u);',
    keep: '',
    scale: 'if (notAboveZero(u)) { u = product(fromBits(p.leak), u); }',
  }[leak];
  const value = `var u = beforeActivation(r, position, o); ${activated}`;
  const pooled = {
    none: `let position = place; ${value} let result = u;`,
    max: windows(value, 'if (window == 0u || greater(u, result)) { result = u; chosen = window; }'),
    average: `${windows(value, 'if (window == 0u) { result = u; } else { result = sum(result, u); }')}
  result = product(result, fromBits(p.share));`,
  }[pool];
  return (
    beforeActivation(how) +
    elementwise(
      'p.count',
      /* wgsl */ `
  let o = index % p.outputs;
  let place = index / p.outputs;
  let r = place / (p.yHeight * p.yWidth);
  ${pooled}
  y[index] = result;
  ${keeps ? 'places[index] = fromFloat(f32(chosen));' : ''}`,
    )
  );
}

function windows(value: string, take: string): string {
  return /* wgsl */ `
  let top = place / p.yWidth % p.yHeight * p.poolStride;
  let left = place % p.yWidth * p.poolStride;
  var result = fromBits(0u);
  var chosen = 0u;
  for (var window = 0u; window < p.poolSize * p.poolSize; window++) {
    let position = (r * p.zHeight + top + window / p.poolSize) * p.zWidth + left + window % p.poolSize;
    ${value}
    ${take}
  }`;
}

/** The loss by what leaves a block, of p.terms values a row; with `flag` given as scales of rows. Buffers: y, given, *out; p.count values. */
export const leavingDelta = /* wgsl */ `
  if (p.flag == 1u) {
    var scale = given[index / p.terms];
    if (below(scale, SMALLEST_NORMAL)) { scale = fromBits(0u); }
    out[index] = product(scale, y[index]);
  } else {
    // The square of what left is 0 up to 2^-75.
    out[index] = given[index];
    if ((bits(y[index]) & 0x7fffffffu) <= 0x1a000000u) { out[index] = fromBits(0u); }
  }`;

/** For average pools. Buffers: *values; p.count of them. */
export const multiply = 'values[index] = product(values[index], fromBits(p.share));';

/** du of rule 11, without a norm dz. Buffers: given, z, of the norm, places of a maximum, *out; p.count values of z. */
export function backwards(how: Finish): string {
  const { norm, leak, pool, overlap } = how;
  const add = overlap ? 'dv = sum(dv, given[source]);' : 'dv = given[source];';
  const through = {
    none: 'dv = given[index];',
    max: openedWindows(`if (u32(toFloat(places[source])) == window) { ${add} }`),
    average: openedWindows(add),
  }[pool];
  const activated = {
    'to-zero': 'if (notAboveZero(beforeActivation(r, position, o))) { dv = fromBits(0u); }',
    keep: '',
    scale: 'if (notAboveZero(beforeActivation(r, position, o))) { dv = product(fromBits(p.leak), dv); }',
  }[leak];
  return (
    beforeActivation(how) +
    elementwise(
      'p.count',
      /* wgsl */ `
  let o = index % p.outputs;
  let position = index / p.outputs;
  let r = position / p.positions;
  var dv = fromBits(0u);
  ${through}
  // The sum begins at 0.
  if (isZero(dv)) { dv = fromBits(0u); }
  ${activated}
  ${norm === 'none' ? 'if (below(dv, SMALLEST_DELTA)) { dv = fromBits(0u); }' : ''}
  out[index] = dv;`,
    )
  );
}

/** All windows that the position lies in, in their order. */
function openedWindows(take: string): string {
  return /* wgsl */ `
  let y = position / p.zWidth % p.zHeight;
  let x = position % p.zWidth;
  let firstY = select(0u, (y - p.poolSize) / p.poolStride + 1u, y >= p.poolSize);
  let firstX = select(0u, (x - p.poolSize) / p.poolStride + 1u, x >= p.poolSize);
  for (var oy = firstY; oy <= min(y / p.poolStride, p.yHeight - 1u); oy++) {
    for (var ox = firstX; ox <= min(x / p.poolStride, p.yWidth - 1u); ox++) {
      let window = (y - oy * p.poolStride) * p.poolSize + x - ox * p.poolStride;
      let source = ((r * p.yHeight + oy) * p.yWidth + ox) * p.outputs + o;
      ${take}
    }
  }`;
}
