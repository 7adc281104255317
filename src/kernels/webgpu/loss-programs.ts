/**
 * The derivatives of the built-in losses as programs on doubles: the very operations of math.ts and of the objectives, in their order, so
 * with their bits. The losses themselves are added up from what comes back (loss-statistics.ts).
 */
import { INVERSE_LN2, LN2_HIGH, LN2_LOW } from '../../math-constants.js';
import type { LossDescription } from '../trainer.js';
import { DoubleProgram, type Value } from './double-program.js';

type GoodnessLoss = Extract<LossDescription, { readonly steepness: number }>;

/** `exp` of math.ts. */
function exp(program: DoubleProgram, x: Value): Value {
  const n = program.do('multiply', x, INVERSE_LN2);
  program.do('add', n, 0.5, n);
  program.do('floor', n, 0, n);
  const t = program.do('multiply', n, LN2_HIGH);
  const r = program.do('subtract', x, t);
  program.do('multiply', n, LN2_LOW, t);
  program.do('subtract', r, t, r);
  const sum = program.do('divideBySmall', r, 13);
  program.do('add', 1, sum, sum);
  for (let k = 12; k >= 1; k--) {
    program.do('divideBySmall', r, k, t);
    program.do('multiply', t, sum, sum);
    program.do('add', 1, sum, sum);
  }
  program.do('powerOfTwo', n, 0, n);
  program.do('multiply', sum, n, sum);
  program.choose(x, -708, 0, sum, sum);
  return sum;
}

/** `log` of math.ts, of a normal x above 0. */
function log(program: DoubleProgram, x: Value): Value {
  const exponent = program.do('exponent', x);
  const mantissa = program.do('mantissa', x);
  const t = program.do('add', exponent, 1);
  const large = program.choose(Math.SQRT2, mantissa, 1, 0);
  program.choose(0, large, t, exponent, exponent);
  program.do('multiply', mantissa, 0.5, t);
  program.choose(0, large, t, mantissa, mantissa);
  program.do('subtract', mantissa, 1, t);
  program.do('add', mantissa, 1, mantissa);
  program.do('divide', t, mantissa, t);
  const t2 = program.do('multiply', t, t);
  const sum = program.do('multiply', 1 / 21, t2);
  for (let k = 19; k >= 3; k -= 2) {
    program.do('add', sum, 1 / k, sum);
    program.do('multiply', sum, t2, sum);
  }
  program.do('add', sum, 1, sum);
  program.do('multiply', 2, t, t);
  program.do('multiply', t, sum, sum);
  program.do('multiply', exponent, LN2_LOW, t);
  program.do('add', t, sum, sum);
  program.do('multiply', exponent, LN2_HIGH, t);
  return program.do('add', t, sum, sum);
}

/** `sigmoid` of math.ts. */
function sigmoid(program: DoubleProgram, x: Value): Value {
  const magnitude = program.do('absolute', x);
  program.do('negative', magnitude, 0, magnitude);
  const e = exp(program, magnitude);
  const below = program.do('add', 1, e);
  const above = program.choose(x, 0, e, 1);
  return program.do('divide', above, below, above);
}

/**
 * What a row's activations are multiplied by for its delta. Registers 0 … 3: the row's sum of squares, that of its partner (positive and
 * negative), 1 for a positive row or -1, and what the slope is multiplied by; the result is in register 0.
 */
export function rowScaleProgram(loss: GoodnessLoss, outputs: number): DoubleProgram {
  const program = new DoubleProgram(4);
  const [own, partner, sign, factor] = [0, 1, 2, 3].map((i) => program.input(i)) as [Value, Value, Value, Value];
  if (loss.goodness === 'mean')
    for (const each of loss.kind === 'symba' ? [own, partner] : [own]) {
      program.do('divide', each, outputs, each);
      program.do('toF32', each, 0, each);
    }
  // Signs change nothing but signs: a negative row is a positive one whose argument and slope are negated.
  const gap = program.do(
    'subtract',
    loss.kind === 'hinton' ? loss.threshold : own,
    loss.kind === 'hinton' ? own : partner,
  );
  program.do('multiply', gap, sign, gap);
  program.do('multiply', loss.kind === 'hinton' ? loss.steepness : -loss.steepness, gap, gap);
  const slope = sigmoid(program, gap);
  program.do('multiply', -loss.steepness, slope, slope);
  program.do('multiply', slope, sign, slope);
  program.do('multiply', slope, factor, own);
  return program;
}

/** Registers 0 and 1: a logit and its row's largest; the result, exp of the difference, is in register 0. */
export function exponentialProgram(): DoubleProgram {
  const program = new DoubleProgram(2);
  const difference = program.do('subtract', program.input(0), program.input(1));
  program.do('add', exp(program, difference), 0, program.input(0));
  return program;
}

/** Registers 0 … 2: a sum that begins at 0, what is added to it, and the largest. Up to `terms` a term is added; the rest makes the offset of log-softmax in register 0. */
export function offsetProgram(): { readonly program: DoubleProgram; readonly terms: number } {
  const program = new DoubleProgram(3);
  const sum = program.input(0);
  program.do('add', sum, program.input(1), sum);
  const terms = program.length;
  program.do('add', program.input(2), log(program, sum), sum);
  return { program, terms };
}

/** Registers 0 … 3: a logit, its row's offset, 1 for the label or 0, and the samples of the batch; the derivative is in register 0. */
export function derivativeProgram(): DoubleProgram {
  const program = new DoubleProgram(4);
  const logit = program.input(0);
  const probability = exp(program, program.do('subtract', logit, program.input(1)));
  program.do('subtract', probability, program.input(2), probability);
  program.do('divide', probability, program.input(3), logit);
  return program;
}
