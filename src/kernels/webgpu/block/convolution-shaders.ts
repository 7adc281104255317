/** Rule 8 of block/contract.ts as products: patches are never written, each tile reads them from the planes. */
import type { UpdateRule } from '../../operands.js';
import type { ArithmeticForm } from '../arithmetic.js';
import type { Product } from '../products.js';
import { updateOf } from '../updates.js';

/** Value k of the patch of position m of all samples' positions, of group z. */
export const patchValue = /* wgsl */ `
fn patchValue(m: u32, k: u32) -> T {
  let position = m % p.positions;
  let window = k / p.eachIn;
  // Outside of the plane on the left or above, these wrap to large numbers.
  let y = (position / p.zWidth) * p.stride + window / p.kernel - p.padding;
  let x = (position % p.zWidth) * p.stride + window % p.kernel - p.padding;
  if (y >= p.height || x >= p.width) { return fromBits(0u); }
  return entered[((m / p.positions * p.height + y) * p.width + x) * p.channels + z * p.eachIn + k % p.eachIn];
}
`;

/** Buffers: entered, w, bias, *out. */
export const convolveProduct: Product = {
  sizes: { M: '(p.batch * p.positions)', N: 'p.eachOut', K: 'p.patchValues' },
  a: 'patchValue(m, k)',
  b: 'w[(z * p.patchValues + k) * p.eachOut + n]',
  aAlongK: true,
  bAlongK: false,
  start: 'startOf(bias[z * p.eachOut + n])',
  done: 'out[m * p.outputs + z * p.eachOut + n] = total;',
};

/** What is done with the gradient of weight `index`, `total`, follows. Buffers: entered, delta (of samples), and those of the rule. */
const weightGradientProduct: Omit<Product, 'done'> = {
  sizes: { M: 'p.patchValues', N: 'p.eachOut', K: '(p.batch * p.positions)' },
  a: 'patchValue(k, m)',
  b: 'delta[k * p.outputs + z * p.eachOut + n]',
  aAlongK: false,
  bAlongK: false,
};

/** Gradient and step of the rule, fused. */
export function weightUpdateProduct(kind: UpdateRule['kind'], form: ArithmeticForm): Product {
  const done = `let index = (z * p.patchValues + m) * p.eachOut + n;\n${updateOf(kind, form, true)}`;
  return { ...weightGradientProduct, done };
}

/** The loss by value k of what leaves where place `segment` of the window lies on position m of what entered. */
export const deltaBehind = /* wgsl */ `
fn deltaBehind(m: u32, segment: u32, k: u32) -> T {
  let position = m % (p.height * p.width);
  let y = position / p.width + p.padding - segment / p.kernel;
  let x = position % p.width + p.padding - segment % p.kernel;
  if (y % p.stride != 0u || x % p.stride != 0u || y / p.stride >= p.zHeight || x / p.stride >= p.zWidth) {
    return fromBits(0u);
  }
  let r = m / (p.height * p.width);
  return delta[((r * p.zHeight + y / p.stride) * p.zWidth + x / p.stride) * p.outputs + z * p.eachOut + k];
}
`;

/** Buffers: delta (of rows), w, *out. */
export const inputGradientProduct: Product = {
  sizes: { M: '(p.rows * p.height * p.width)', N: 'p.eachIn', K: 'p.eachOut' },
  a: 'deltaBehind(m, segment, k)',
  b: 'w[((z * p.kernel * p.kernel + segment) * p.eachIn + n) * p.eachOut + k]',
  aAlongK: true,
  bAlongK: true,
  segments: 'p.kernel * p.kernel',
  done: 'out[m * p.channels + z * p.eachIn + n] = total;',
};

/** Label values of each row, on the sums of its sample. Buffers: shared_, label_, w, *out; p.count values. */
export const addLabels = /* wgsl */ `
  let o = index % p.outputs;
  let r = index / (p.positions * p.outputs);
  let position = index / p.outputs % p.positions;
  var acc = shared_[(r % p.batch * p.positions + position) * p.outputs + o];
  for (var l = 0u; l < p.labels; l++) {
    let x = label_[r * p.labels + l];
    if (!isZero(x)) { acc = fused(x, w[l * p.outputs + o], acc); }
  }
  out[index] = acc;`;

/** Buffers: label_, sums (D), *gradient. */
export const labelGradient = /* wgsl */ `
  let l = index / p.outputs;
  let o = index % p.outputs;
  var g = fromBits(0u);
  for (var r = 0u; r < p.rows; r++) {
    let x = label_[r * p.labels + l];
    if (!isZero(x)) { g = fused(x, sums[r * p.outputs + o], g); }
  }
  gradient[index] = g;`;

/** What all variants of a sample have to teach; with `flag` less than 2^-40 counts as 0. Buffers: delta, *out; p.count values a variant. */
export const variantSums = /* wgsl */ `
  var total = fromBits(0u);
  for (var variant = 0u; variant < p.variants; variant++) { total = sum(total, delta[variant * p.count + index]); }
  if (p.flag == 1u && below(total, SMALLEST_DELTA)) { total = fromBits(0u); }
  out[index] = total;`;
