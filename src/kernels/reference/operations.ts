/** The element-wise rules of kernels.ts (sums of squares, normalisation, Adam, SGD) in plain TypeScript. */
import { fma } from './fma.js';
import type { AdamRule, SgdRule, UpdateRule } from '../kernels.js';

const { fround } = Math;

/** Rule 4: a smaller delta counts as 0. */
export const smallestDelta = 2 ** -40;
/** Rule 5: a smaller first moment counts as 0; the second moment is never smaller. */
const smallestMoment = 2 ** -95;

/** Rule 2. */
export function sumOfSquares(y: Float32Array): number {
  const lanes = new Float32Array(16);
  for (const [o, value] of y.entries()) lanes[o % 16] = fma(value, value, lanes[o % 16] ?? 0);
  return foldLanes(lanes);
}

/** The 16 lanes of a sum in its fixed order. Overwrites them. */
export function foldLanes(lanes: Float32Array): number {
  for (const half of [8, 4, 2, 1]) for (let j = 0; j < half; j++) lanes[j] = (lanes[j] ?? 0) + (lanes[j + half] ?? 0);
  return lanes[0] ?? 0;
}

/** Rule 3, in place. */
export function normaliseRow(y: Float32Array, sum: number): void {
  const inverse = fround(1 / fround(Math.sqrt(fround(sum + fround(1e-12)))));
  for (let o = 0; o < y.length; o++) y[o] = (y[o] ?? 0) * inverse;
}

const asFloat = new Float32Array(1);
const asBits = new Uint32Array(asFloat.buffer);

/** r(x) of kernels.ts: an f32 rounded to bf16. */
export function toBf16(x: number): number {
  if (Number.isNaN(x)) return x;
  asFloat[0] = x;
  const bits = asBits[0] ?? 0;
  asBits[0] = bits + 0x7fff + ((bits >>> 16) & 1);
  asBits[0] &= 0xffff0000;
  const rounded = asFloat[0] ?? 0;
  return Math.abs(rounded) < smallestDelta ? 0 : rounded;
}

/** The rsqrt of rule 5: 1 / sqrt(-2 h). */
export function rsqrt(h: number): number {
  asFloat[0] = h;
  asBits[0] = 0x9ef76880 - ((asBits[0] ?? 0) >>> 1);
  let y = asFloat[0] ?? 0;
  y = fround(y * fma(fround(h * y), y, fround(1.50088)));
  y = fround(y * fma(fround(h * y), y, fround(1.5000006)));
  return y;
}

/** An AdamRule rounded to f32, with what rule 5 derives from it. */
interface AdamScalars extends AdamRule {
  /** 1 - β1 */
  readonly fresh1: number;
  /** 1 - β2 */
  readonly fresh2: number;
}

function adamScalars(rule: AdamRule): AdamScalars {
  const beta1 = fround(rule.beta1);
  const beta2 = fround(rule.beta2);
  return {
    kind: 'adam',
    beta1,
    beta2,
    stepSize: fround(rule.stepSize),
    epsilonSquared: fround(rule.epsilonSquared),
    keep: fround(rule.keep),
    fresh1: fround(1 - beta1),
    fresh2: fround(1 - beta2),
  };
}

/** Adam on every element of w, with its moments m and v and its gradient g. */
function adamStep(w: Float32Array, m: Float32Array, v: Float32Array, g: Float32Array, s: AdamScalars): void {
  for (let i = 0; i < w.length; i++) {
    const gradient = g[i] ?? 0;
    const moment1 = fma(s.fresh1, gradient, fround(s.beta1 * quiet(m[i] ?? 0)));
    const old2 = v[i] ?? 0;
    const moment2 = Math.max(smallestMoment, fma(s.fresh2, fma(gradient, gradient, -old2), old2));
    m[i] = moment1;
    v[i] = moment2;
    const h = fma(-0.5, moment2, fround(-0.5 * s.epsilonSquared));
    w[i] = fma(fround(-s.stepSize * moment1), rsqrt(h), fround(s.keep * (w[i] ?? 0)));
  }
}

/** The same for SGD. */
function sgdStep(w: Float32Array, m: Float32Array, g: Float32Array, rule: SgdRule, keep: number): void {
  const momentum = fround(rule.momentum);
  const stepSize = fround(rule.stepSize);
  for (let i = 0; i < w.length; i++) {
    const moment = fround((g[i] ?? 0) + fround(momentum * quiet(m[i] ?? 0)));
    m[i] = moment;
    w[i] = fma(-stepSize, moment, fround(keep * (w[i] ?? 0)));
  }
}

/** Rule 5 on every element of w; weights decay, biases do not. */
export function updateStep(
  w: Float32Array,
  m: Float32Array,
  v: Float32Array,
  g: Float32Array,
  rule: UpdateRule,
  decays: boolean,
): void {
  const keep = decays ? fround(rule.keep) : 1;
  if (rule.kind === 'sgd') sgdStep(w, m, g, rule, keep);
  else adamStep(w, m, v, g, { ...adamScalars(rule), keep });
}

function quiet(moment: number): number {
  return Math.abs(moment) < smallestMoment ? 0 : moment;
}
