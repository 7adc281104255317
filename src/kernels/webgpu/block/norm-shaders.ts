/** Rule 9 and the sums of rule 11 of block/contract.ts. Each fused multiply-add stands once in its shader where that is possible. */
import type { ArithmeticForm } from '../arithmetic.js';
import { laneSumsOf } from '../lane-sums.js';
import { MINUS_ZERO, steps } from '../updates.js';

/** S1 or S of each row and channel. Buffers: values, *out; p.count of out. */
export const rowSums = /* wgsl */ `
  let first = index / p.outputs * p.positions * p.outputs + index % p.outputs;
  var acc = fromBits(0u);
  for (var position = 0u; position < p.positions; position++) { acc = sum(acc, values[first + position * p.outputs]); }
  out[index] = acc;`;

/** S2 of each row and channel, or S of squares. Buffers: values, z (from its mean), *out; `byPosition`: inverse before out. */
export function rowProducts(byPosition: boolean): string {
  const distance = byPosition ? 'product(z[at], inverse[r * p.positions + position])' : 'z[at]';
  return /* wgsl */ `
  let r = index / p.outputs;
  var acc = fromBits(0u);
  for (var position = 0u; position < p.positions; position++) {
    let at = (r * p.positions + position) * p.outputs + index % p.outputs;
    acc = fused(values[at], ${distance}, acc);
  }
  out[index] = acc;`;
}

/** Sums of p.terms values, times p.share. Buffers: values, *out; p.count of out. */
export const reduce = /* wgsl */ `
  var acc = fromBits(0u);
  for (var i = 0u; i <= p.terms; i++) {
    var factor = fromBits(0x3f800000u);
    var addend = ${MINUS_ZERO};
    if (i < p.terms) { addend = values[index * p.apart + i * p.step]; } else { factor = fromBits(p.share); }
    acc = fused(acc, factor, addend);
  }
  out[index] = acc;`;

/** Chains of p.terms products with gamma, or with `flag` with the inverse of a group. Buffers: by, values, *out; p.count of out. */
export const chains = /* wgsl */ `
  var acc = fromBits(0u);
  for (var i = 0u; i < p.terms; i++) {
    let at = index * p.apart + i * p.step;
    acc = fused(by[select(at % p.outputs, at / p.perStatistic, p.flag == 1u)], values[at], acc);
  }
  out[index] = acc;`;

/**
 * Sums over the channels of each position by the lanes of rule 2, times p.share: of x, or with `flag` of x · z. Buffers: x, z, *out;
 * p.count of out.
 */
export const laneSums = laneSumsOf(
  'p.count',
  `let at = row * p.outputs + o;
      var by = fromBits(0x3f800000u);
      if (p.flag == 1u) { by = z[at]; }
      acc = fused(x[at], by, acc);`,
  'out[row] = product(total, fromBits(p.share));',
);

/** Buffers: variance, *inverse; p.count of them. */
export const inverses = 'inverse[index] = inverseOf(variance[index]);';

/** Each gamma times the inverse of its statistic, or times any values by channel. Buffers: gamma, inverse, *scale; p.count of them. */
export const scales = 'scale[index] = product(gamma[index % p.outputs], inverse[index / p.perStatistic]);';

/** Buffers: mean, *z; p.count values of z. */
export function centre(byPosition: boolean): string {
  return /* wgsl */ `
  let o = index % p.outputs;
  let r = index / (p.outputs * p.positions);
  z[index] = sum(z[index], negative(mean[${byPosition ? 'index / p.outputs' : 'select(o, r * p.outputs + o, p.byRow == 1u) / p.perStatistic'}]));`;
}

/** a and b of rule 11 from the sums of a statistic. Buffers: inverse, scale, sums1, sums2, *a, *b; p.count of them. */
export function slopes(form: ArithmeticForm): string {
  const list = [
    { a: 'sums1[index]', b: 'fromBits(p.share)', store: 't = result;' },
    { a: 'scale[index]', b: 't', store: 'a_[index] = result;' },
    { a: 'inverse[index]', b: 'inverse[index]', store: 't = result;' },
    { a: 'scale[index]', b: 't', store: 'q = result;' },
    { a: 'sums2[index]', b: 'fromBits(p.share)', store: 't = result;' },
    { a: 'q', b: 't', store: 'b_[index] = result;' },
  ];
  return /* wgsl */ `
  var t: T;
  var q: T;
  ${steps(
    list.map((step) => ({ ...step, c: MINUS_ZERO })),
    form,
  )}`;
}

/** du to dz. Buffers: z, scale, a_, b_, *values; `byPosition`: scale is gamma, and inverse comes before values. */
export function normBackwards(byPosition: boolean, form: ArithmeticForm): string {
  const statistic = byPosition ? 'index / p.outputs' : 'line / p.perStatistic';
  const scale = byPosition
    ? [{ a: 'scale[o]', b: 'inverse[index / p.outputs]', c: MINUS_ZERO, store: 'each = result;' }]
    : [];
  return /* wgsl */ `
  let o = index % p.outputs;
  let line = select(o, index / (p.outputs * p.positions) * p.outputs + o, p.byRow == 1u);
  let statistic = ${statistic};
  var each = scale[${byPosition ? 'o' : 'line'}];
  var t: T;
  ${steps(
    [
      ...scale,
      { a: 'z[index]', b: 'b_[statistic]', c: 'a_[statistic]', store: 't = negative(result);' },
      { a: 'each', b: 'values[index]', c: 't', store: 't = result;' },
    ],
    form,
  )}
  if (below(t, SMALLEST_DELTA)) { t = fromBits(0u); }
  values[index] = t;`;
}

/** One step of a running value. Buffers: found, *running; p.count of them. */
export function advance(form: ArithmeticForm): string {
  return /* wgsl */ `
  let old = running[index];
  var t: T;
  ${steps(
    [
      { a: 'found[index]', b: 'fromBits(p.share)', c: MINUS_ZERO, store: 't = result;' },
      { a: 't', b: 'fromBits(0x3f800000u)', c: 'negative(old)', store: 't = result;' },
      { a: 'fromBits(0x3dcccccdu)', b: 't', c: 'old', store: 'running[index] = result;' },
    ],
    form,
  )}`;
}
