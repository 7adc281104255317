/** The shaders of a dense layer: the rules of kernels.ts, one shader for each step of `forward`, `update` and `inputGradient`. */
import type { UpdateRule } from '../operands.js';
import type { ArithmeticForm } from './arithmetic.js';
import { inverseLengthOf } from './block/inverse.js';
import type { Shader } from './device.js';
import { laneSumsOf } from './lane-sums.js';
import { productShader, type Product, type ShaderOptions } from './products.js';
import { denseShaderOf, elementwise, memoised } from './shader-text.js';
import { momentsOf, updateOf } from './updates.js';

const forwardProduct: Product = {
  sizes: { M: 'p.batch', N: 'p.outputs', K: 'p.prefixInputs' },
  a: 'prefix[m * p.prefixInputs + k]',
  b: 'w[k * p.outputs + n]',
  aAlongK: true,
  bAlongK: false,
  start: 'startOf(bias[n])',
  done: 'shared_[m * p.outputs + n] = total;',
};

/** What is done with the gradient of a weight, `total`, follows. */
const gradientProduct: Omit<Product, 'done'> = {
  sizes: { M: 'p.prefixInputs', N: 'p.outputs', K: 'p.batch' },
  a: 'prefix[k * p.prefixInputs + m]',
  b: 'sums[k * p.outputs + n]',
  aAlongK: false,
  bAlongK: false,
};

const inputProduct: Product = {
  sizes: { M: 'p.rows', N: '(p.prefixInputs + p.suffixInputs)', K: 'p.outputs' },
  a: 'delta[m * p.outputs + k]',
  b: 'w[n * p.outputs + k]',
  aAlongK: true,
  bAlongK: true,
  done: 'out[m * (p.prefixInputs + p.suffixInputs) + n] = total;',
};

type Kind = UpdateRule['kind'];

export type ElementName = 'outputs' | 'sumSquares' | 'lengths' | 'normalise' | 'delta' | `${'suffix' | 'bias'} ${Kind}`;
export type ProductName = 'forward' | 'inputGradient' | `prefix ${Kind}`;

type How = Pick<ShaderOptions, 'form' | 'precision'>;

/** The big products by name, made once; `each`: outputs of a thread in each direction. */
export const productShaders = memoised(
  ({ form, precision, each }: How & { readonly each: number }) => `${form} ${precision} ${each}`,
  ({ form, precision, each }): Readonly<Record<ProductName, Shader>> => {
    const product = (what: Product) => productShader(what, precision, each);
    const start =
      precision !== 'f32'
        ? 'fn startOf(x: T) -> T { if (below(x, SMALLEST_DELTA)) { return fromBits(0u); } return x; }'
        : 'fn startOf(x: T) -> T { return x; }';
    return {
      forward: denseShaderOf(form, ['prefix', 'w', 'bias', '*shared_'], start, product(forwardProduct)),
      inputGradient: denseShaderOf(form, ['delta', 'w', '*out'], product(inputProduct)),
      'prefix adam': prefixUpdate('adam', form, product),
      'prefix sgd': prefixUpdate('sgd', form, product),
    };
  },
);

/** All others, where threads have one output each (sums of squares: sixteen threads a row). */
export const elementShaders = memoised(
  (form: ArithmeticForm) => form,
  (form): Readonly<Record<ElementName, Shader>> => ({
    outputs: denseShaderOf(
      form,
      ['shared_', 'suffix', 'w', '*y'],
      elementwise(
        'p.rows * p.outputs',
        /* wgsl */ `
  let r = index / p.outputs;
  let o = index % p.outputs;
  var acc = shared_[(r % p.batch) * p.outputs + o];
  for (var c = 0u; c < p.suffixInputs; c++) {
    let x = suffix[r * p.suffixInputs + c];
    if (!isZero(x)) { acc = fused(x, w[(p.prefixInputs + c) * p.outputs + o], acc); }
  }
  if (p.relu == 1u) { acc = relu(acc); }
  y[index] = acc;`,
      ),
    ),
    sumSquares: denseShaderOf(form, ['y', '*sums'], sumSquares),
    lengths: denseShaderOf(
      form,
      ['sums', '*inverse'],
      inverseLengthOf,
      elementwise('p.rows', 'inverse[index] = inverseOf(sums[index]);'),
    ),
    normalise: denseShaderOf(
      form,
      ['inverse', '*y'],
      elementwise('p.rows * p.outputs', 'y[index] = product(y[index], inverse[index / p.outputs]);'),
    ),
    delta: denseShaderOf(
      form,
      ['y', 'given', '*delta', '*sums'],
      elementwise(
        'p.batch * p.outputs',
        /* wgsl */ `
  let b = index / p.outputs;
  let o = index % p.outputs;
  var total = fromBits(0u);
  for (var variant = 0u; variant < p.variants; variant++) {
    let r = variant * p.batch + b;
    let at = r * p.outputs + o;
    var d = fromBits(0u);
    if (p.scaled == 1u) {
      var scale = given[r];
      if (below(scale, SMALLEST_NORMAL)) { scale = fromBits(0u); }
      d = product(scale, y[at]);
    } else if (!(p.relu == 1u && notAboveZero(y[at]))) {
      d = given[at];
    }
    if (below(d, SMALLEST_DELTA)) { d = fromBits(0u); }
    delta[at] = d;
    if (variant == 0u) { total = d; } else { total = sum(total, d); }
  }
  sums[index] = total;`,
      ),
    ),
    'suffix adam': suffixUpdate('adam', form),
    'suffix sgd': suffixUpdate('sgd', form),
    'bias adam': biasUpdate('adam', form),
    'bias sgd': biasUpdate('sgd', form),
  }),
);

/** Gradient and step of the rule, fused, of the weights of prefix inputs. */
function prefixUpdate(kind: Kind, form: ArithmeticForm, product: (what: Product) => string): Shader {
  const done = `let index = m * p.outputs + n;\n${updateOf(kind, form, true)}`;
  return denseShaderOf(form, ['prefix', 'sums', ...momentsOf[kind]], product({ ...gradientProduct, done }));
}

/** The same of suffix inputs: a term for each row of the batch. */
function suffixUpdate(kind: Kind, form: ArithmeticForm): Shader {
  const body = /* wgsl */ `
  let c = index / p.outputs;
  let o = index % p.outputs;
  var total = fromBits(0u);
  for (var r = 0u; r < p.rows; r++) {
    let x = suffix[r * p.suffixInputs + c];
    if (!isZero(x)) { total = fused(x, delta[r * p.outputs + o], total); }
  }
  updateWeight(index + p.prefixInputs * p.outputs, total);`;
  return denseShaderOf(
    form,
    ['suffix', 'delta', ...momentsOf[kind]],
    `fn updateWeight(index: u32, total: T) { ${updateOf(kind, form, true)} }`,
    elementwise('p.suffixInputs * p.outputs', body),
  );
}

function biasUpdate(kind: Kind, form: ArithmeticForm): Shader {
  const body = /* wgsl */ `
  var total = fromBits(0u);
  for (var r = 0u; r < p.rows; r++) { total = sum(total, delta[r * p.outputs + index]); }
  ${updateOf(kind, form, false)}`;
  return denseShaderOf(form, ['delta', ...momentsOf[kind]], elementwise('p.outputs', body));
}

/** Rule 2 for `y` [p.rows, p.outputs] to `sums`: 16 lanes a row. */
export const sumSquares = laneSumsOf(
  'p.rows',
  'let x = y[row * p.outputs + o]; acc = fused(x, x, acc);',
  'sums[row] = total;',
);
