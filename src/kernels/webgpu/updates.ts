/**
 * Rule 5 of kernels.ts in WGSL, for element `index` of w, with its moments moment1 and moment2 and its gradient `total`. Written as a list of fused
 * multiply-adds, since integer arithmetic is long code that must stand in a shader only once: there they become the turns of a loop.
 */
import type { UpdateRule } from '../operands.js';
import type { ArithmeticForm } from './arithmetic.js';

/** result = fused(a, b, c), and what happens with it. */
export interface Step {
  readonly a: string;
  readonly b: string;
  readonly c: string;
  readonly store: string;
}

/** For products: the sign of a zero is kept. */
export const MINUS_ZERO = 'fromBits(0x80000000u)';

/** 1.50088 and 1.5000006. */
const NEWTON = ['fromBits(0x3fc01cd6u)', 'fromBits(0x3fc00005u)'] as const;

const oldMoment = /* wgsl */ `
  var old = moment1[index];
  if (below(old, SMALLEST_MOMENT)) { old = fromBits(0u); }`;

const adamSteps: readonly Step[] = [
  { a: 'fromBits(p.beta1)', b: 'old', c: MINUS_ZERO, store: 't = result;' },
  { a: 'fromBits(p.fresh1)', b: 'g', c: 't', store: 'first = result;' },
  { a: 'g', b: 'g', c: 'negative(old2)', store: 't = result;' },
  {
    a: 'fromBits(p.fresh2)',
    b: 't',
    c: 'old2',
    store:
      'second = result; if (below(second, SMALLEST_MOMENT) || notAboveZero(second)) { second = fromBits(SMALLEST_MOMENT); }',
  },
  {
    a: 'fromBits(0xbf000000u)',
    b: 'second',
    c: 'fromBits(p.halfEpsilon)',
    store: 'h = result; y = fromBits(0x9ef76880u - (bits(h) >> 1u));',
  },
  ...NEWTON.flatMap((constant) => [
    { a: 'h', b: 'y', c: MINUS_ZERO, store: 't = result;' },
    { a: 't', b: 'y', c: constant, store: 't = result;' },
    { a: 'y', b: 't', c: MINUS_ZERO, store: 'y = result;' },
  ]),
  { a: 'fromBits(p.negativeStep)', b: 'first', c: MINUS_ZERO, store: 'change = result;' },
  { a: 'keep', b: 'w[index]', c: MINUS_ZERO, store: 't = result;' },
  { a: 'change', b: 'y', c: 't', store: 'w[index] = result;' },
];

function adamUpdate(form: ArithmeticForm): string {
  return /* wgsl */ `${oldMoment}
  let g = total;
  let old2 = moment2[index];
  var t: T;
  var first: T;
  var second: T;
  var h: T;
  var y: T;
  var change: T;
  ${steps(adamSteps, form)}
  moment1[index] = first;
  moment2[index] = second;`;
}

/** `beta1` is the momentum. */
const sgdSteps: readonly Step[] = [
  { a: 'fromBits(p.beta1)', b: 'old', c: MINUS_ZERO, store: 't = result;' },
  { a: 'total', b: 'fromBits(0x3f800000u)', c: 't', store: 'moment = result;' },
  { a: 'keep', b: 'w[index]', c: MINUS_ZERO, store: 't = result;' },
  { a: 'fromBits(p.negativeStep)', b: 'moment', c: 't', store: 'w[index] = result;' },
];

function sgdUpdate(form: ArithmeticForm): string {
  return /* wgsl */ `${oldMoment}
  var t: T;
  var moment: T;
  ${steps(sgdSteps, form)}
  moment1[index] = moment;`;
}

/** Buffers of a rule: w, and the moments that it has. */
export const momentsOf: { readonly [K in UpdateRule['kind']]: readonly string[] } = {
  adam: ['*w', '*moment1', '*moment2'],
  sgd: ['*w', '*moment1'],
};

/** @param decays biases do not */
export function updateOf(kind: UpdateRule['kind'], form: ArithmeticForm, decays: boolean): string {
  const keep = decays ? 'fromBits(p.keep)' : 'fromBits(0x3f800000u)';
  return `let keep = ${keep};${kind === 'adam' ? adamUpdate(form) : sgdUpdate(form)}`;
}

/** Code that takes the steps in order. */
export function steps(list: readonly Step[], form: ArithmeticForm): string {
  if (form === 'device')
    return list.map(({ a, b, c, store }) => `{ let result = fused(${a}, ${b}, ${c}); ${store} }`).join('\n');
  return /* wgsl */ `
  for (var turn = 0u; turn < ${list.length}u; turn++) {
    var a: T;
    var b: T;
    var c: T;
    switch turn {
      ${list.map(({ a, b, c }, i) => `case ${i}u: { a = ${a}; b = ${b}; c = ${c}; }`).join('\n')}
      default: {}
    }
    let result = fused(a, b, c);
    switch turn {
      ${list.map(({ store }, i) => `case ${i}u: { ${store} }`).join('\n')}
      default: {}
    }
  }`;
}
