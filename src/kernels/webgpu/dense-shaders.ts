/** The shaders of a dense layer: the rules of kernels.ts, one shader for each step of `forward`, `update` and `inputGradient`. */
import type { UpdateRule } from '../operands.js';
import { arithmetic } from './arithmetic.js';
import type { Shader } from './device.js';
import { productShader, type Product, type ShaderOptions } from './products.js';
import { PARAMETERS } from './scalars.js';
import { elementwise, parametersOf, shaderOf } from './shader-text.js';
import { adamUpdate, sgdUpdate } from './updates.js';

/** Rows of a workgroup of `sumSquares`, of 16 lanes each. */
export const ROWS_OF_SUMS = 4;

const forwardProduct: Product = {
  sizes: { M: 'p.batch', N: 'p.outputs', K: 'p.prefixInputs' },
  a: 'prefix[m * p.prefixInputs + k]',
  b: 'w[k * p.outputs + n]',
  aAlongK: true,
  bAlongK: false,
  start: 'startOf(bias[n])',
  done: 'shared_[m * p.outputs + n] = total;',
};

const gradientProduct: Product = {
  sizes: { M: 'p.prefixInputs', N: 'p.outputs', K: 'p.batch' },
  a: 'prefix[k * p.prefixInputs + m]',
  b: 'sums[k * p.outputs + n]',
  aAlongK: false,
  bAlongK: false,
  done: 'gradient[m * p.outputs + n] = total;',
};

const inputProduct: Product = {
  sizes: { M: 'p.rows', N: '(p.prefixInputs + p.suffixInputs)', K: 'p.outputs' },
  a: 'delta[m * p.outputs + k]',
  b: 'w[n * p.outputs + k]',
  aAlongK: true,
  bAlongK: true,
  done: 'out[m * (p.prefixInputs + p.suffixInputs) + n] = total;',
};

export type ShaderName =
  | 'forward'
  | 'outputs'
  | 'sumSquares'
  | 'delta'
  | 'inputGradient'
  | 'gradient'
  | 'suffixGradient'
  | 'biasGradient'
  | UpdateRule['kind'];

const made = new Map<string, Readonly<Record<ShaderName, Shader>>>();

/** All shaders of a dense layer by name, made once. */
export function denseShaders(options: ShaderOptions): Readonly<Record<ShaderName, Shader>> {
  const key = `${options.form} ${options.precision} ${options.each}`;
  const shaders = made.get(key) ?? writeShaders(options);
  made.set(key, shaders);
  return shaders;
}

function writeShaders(options: ShaderOptions): Readonly<Record<ShaderName, Shader>> {
  const { form, precision } = options;
  const rounds = precision !== 'f32';
  const head = `${arithmetic(form)}${parametersOf(PARAMETERS)}`;
  const shader = (buffers: readonly string[], ...code: readonly string[]): Shader => shaderOf(head, buffers, ...code);
  const product = (what: Product) => productShader(what, options);
  const start = rounds
    ? 'fn startOf(x: T) -> T { if (below(x, SMALLEST_DELTA)) { return fromBits(0u); } return x; }'
    : 'fn startOf(x: T) -> T { return x; }';
  return {
    forward: shader(['prefix', 'w', 'bias', '*shared_'], start, product(forwardProduct)),
    outputs: shader(
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
    sumSquares: shader(['y', '*sums'], sumSquares),
    delta: shader(
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
    inputGradient: shader(['delta', 'w', '*out'], product(inputProduct)),
    gradient: shader(['prefix', 'sums', '*gradient'], product(gradientProduct)),
    // Of the weights of the suffix inputs: a term for each row of the batch.
    suffixGradient: shader(
      ['suffix', 'delta', '*gradient'],
      elementwise(
        'p.suffixInputs * p.outputs',
        /* wgsl */ `
  let c = index / p.outputs;
  let o = index % p.outputs;
  var g = fromBits(0u);
  for (var r = 0u; r < p.rows; r++) {
    let x = suffix[r * p.suffixInputs + c];
    if (!isZero(x)) { g = fused(x, delta[r * p.outputs + o], g); }
  }
  gradient[p.prefixInputs * p.outputs + index] = g;`,
      ),
    ),
    biasGradient: shader(
      ['delta', '*gradient'],
      elementwise(
        'p.outputs',
        /* wgsl */ `
  var g = fromBits(0u);
  for (var r = 0u; r < p.rows; r++) { g = sum(g, delta[r * p.outputs + index]); }
  gradient[index] = g;`,
      ),
    ),
    adam: shader(['gradient', '*w', '*m', '*v'], elementwise('arrayLength(&w)', adamUpdate(form))),
    sgd: shader(['gradient', '*w', '*m'], elementwise('arrayLength(&w)', sgdUpdate(form))),
  };
}

/** Rule 2 for `y` [p.rows, p.outputs] to `sums`: 16 lanes a row. */
export const sumSquares = /* wgsl */ `
var<workgroup> lanes: array<T, ${16 * ROWS_OF_SUMS}>;

@compute @workgroup_size(16, ${ROWS_OF_SUMS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let r = (group.y * groups.x + group.x) * ${ROWS_OF_SUMS}u + local.y;
  let own = local.y * 16u + local.x;
  var acc = fromBits(0u);
  if (r < p.rows) {
    for (var o = local.x; o < p.outputs; o += 16u) {
      let x = y[r * p.outputs + o];
      acc = fused(x, x, acc);
    }
  }
  lanes[own] = acc;
  workgroupBarrier();
  for (var half = 8u; half >= 1u; half /= 2u) {
    if (local.x < half) { lanes[own] = sum(lanes[own], lanes[own + half]); }
    workgroupBarrier();
  }
  if (local.x == 0u && r < p.rows) { sums[r] = lanes[own]; }
}
`;
