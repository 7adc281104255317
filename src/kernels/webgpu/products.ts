/**
 * The big products of rules 1, 4 and 6 of kernels.ts as WGSL: out[m, n] = start(m, n) + Σ over k of a(m, k) · b(k, n), each output one
 * chain in the order of k, or in the blocks of bf16-tile. A workgroup computes a square of outputs from tiles in its own memory.
 */
import type { Precision } from '../numerics.js';
import type { ArithmeticForm } from './arithmetic.js';

/**
 * Expressions and statements of WGSL, of type `T`; `m`, `n`, `k` are u32. Sizes are `M`, `N` and `K`. `z` is the workgroup's third
 * coordinate, for products that are computed side by side.
 */
export interface Product {
  readonly sizes: { readonly M: string; readonly N: string; readonly K: string };
  readonly a: string;
  readonly b: string;
  /** Whether neighbours in memory are neighbours in k: threads then load along it. */
  readonly aAlongK: boolean;
  readonly bAlongK: boolean;
  readonly start?: string;
  /** Uses `m`, `n` and the sum `total`. */
  readonly done: string;
  /** How many such sums, each from 0, are added up one after the other, from 0; expressions use `segment`. Instead of `start`. */
  readonly segments?: string;
}

/** Threads of a workgroup in each direction, and the terms of a tile. */
const SIDE = 16;
const TERMS = 16;

/** How shaders are made. */
export interface ShaderOptions {
  readonly form: ArithmeticForm;
  readonly precision: Precision;
  /** Outputs of a thread in each direction: more use the GPU's memory less, and take longer to compile. */
  readonly each: number;
}

/** Outputs of a workgroup in each direction. */
export function tileSide({ each }: ShaderOptions): number {
  return SIDE * each;
}

export function productShader(product: Product, options: ShaderOptions): string {
  const { precision, each } = options;
  const { start, segments } = product;
  const side = tileSide(options);
  const rounds = precision !== 'f32';
  const tile = precision === 'bf16-tile';
  // Products of bf16 operands are exact, and no sum of them is subnormal: a device's own arithmetic always serves.
  const type = rounds ? 'f32' : 'T';
  const from = (value: string) => (rounds ? `toBf16(${value})` : value);
  const chain = (a: string, b: string, acc: string) =>
    rounds ? `fma(${a}, ${b}, ${acc})` : `fused(${a}, ${b}, ${acc})`;
  const zero = rounds ? '0.0' : 'fromBits(0u)';
  const range = Array.from({ length: each }, (_, i) => i);
  const outputs = range.flatMap((i) => range.map((j) => ({ i, j, name: `${i}_${j}` })));
  const lines = (of: (output: (typeof outputs)[number]) => string) => outputs.map(of).join('\n');

  const load = (name: string, expression: string, alongK: boolean, outer: string, limit: string) => /* wgsl */ `
    for (var l = 0u; l < ${each}u; l++) {
      let at = thread + l * ${SIDE * SIDE}u;
      let inner = ${alongK ? `at % ${TERMS}u` : `at / ${side}u`};
      let across = ${alongK ? `at / ${TERMS}u` : `at % ${side}u`};
      let k = first + inner;
      let ${outer} = ${outer}First + across;
      var value = ${zero};
      if (k < K && ${outer} < ${limit}) { value = ${from(expression)}; }
      ${name}[inner * ${side}u + across] = value;
    }`;

  const terms = (inner: string, acc: string) => /* wgsl */ `
      ${range.map((i) => `let a${i} = tileA[(${inner}) * ${side}u + localM * ${each}u + ${i}u];`).join('\n')}
      ${range.map((j) => `let b${j} = tileB[(${inner}) * ${side}u + localN + ${j * SIDE}u];`).join('\n')}
      ${lines(({ i, j, name }) => `${acc}${name} = ${chain(`a${i}`, `b${j}`, `${acc}${name}`)};`)}`;

  const oneChain = /* wgsl */ `
    for (var inner = 0u; inner < count; inner++) {${terms('inner', 'acc')}
    }`;
  const twoChains = /* wgsl */ `
    for (var inner = 0u; inner < count; inner += 2u) {
      {${terms('inner', 'even')}
      }
      if (inner + 1u < count) {${terms('inner + 1u', 'odd')}
      }
    }
    if (first % 32u == ${TERMS}u || first + ${TERMS}u >= K) {
      ${lines(({ name }) => `acc${name} += even${name} + odd${name}; even${name} = 0.0; odd${name} = 0.0;`)}
    }`;

  const begin = (i: number, j: number, name: string) => {
    if (segments !== undefined) return `var whole${name} = ${zero};`;
    if (start === undefined) return '';
    return /* wgsl */ `{
    let m = mFirst + localM * ${each}u + ${i}u;
    let n = nFirst + localN + ${j * SIDE}u;
    if (m < M && n < N) { acc${name} = ${rounds ? `toFloat(${start})` : start}; }
  }`;
  };
  const add = (name: string) =>
    rounds ? `whole${name} += acc${name};` : `whole${name} = sum(whole${name}, acc${name});`;
  const [open, close, result] =
    segments === undefined
      ? ['', '', 'acc']
      : [
          `for (var segment = 0u; segment < ${segments}; segment++) {`,
          `${lines(({ name }) => `${add(name)} acc${name} = ${zero};`)} }`,
          'whole',
        ];

  return /* wgsl */ `
var<private> z: u32;
var<workgroup> tileA: array<${type}, ${TERMS * side}>;
var<workgroup> tileB: array<${type}, ${TERMS * side}>;

fn finish(m: u32, n: u32, value: ${type}) {
  if (m >= ${product.sizes.M} || n >= ${product.sizes.N}) { return; }
  let total = ${rounds ? 'fromFloat(value)' : 'value'};
  ${product.done}
}

@compute @workgroup_size(${SIDE}, ${SIDE})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  z = group.z;
  let M = ${product.sizes.M};
  let N = ${product.sizes.N};
  let K = ${product.sizes.K};
  let localN = local.x;
  let localM = local.y;
  let thread = localM * ${SIDE}u + localN;
  let mFirst = group.y * ${side}u;
  let nFirst = group.x * ${side}u;
  ${lines(
    ({ i, j, name }) => /* wgsl */ `
  var acc${name} = ${zero};
  ${begin(i, j, name)}${tile ? `\n  var even${name} = 0.0;\n  var odd${name} = 0.0;` : ''}`,
  )}
  ${open}
  for (var first = 0u; first < K; first += ${TERMS}u) {
    ${load('tileA', product.a, product.aAlongK, 'm', 'M')}
    ${load('tileB', product.b, product.bAlongK, 'n', 'N')}
    workgroupBarrier();
    let count = min(${TERMS}u, K - first);
    ${tile ? twoChains : oneChain}
    workgroupBarrier();
  }
  ${close}
  ${lines(({ i, j, name }) => `finish(mFirst + localM * ${each}u + ${i}u, nFirst + localN + ${j * SIDE}u, ${result}${name});`)}
}
`;
}
