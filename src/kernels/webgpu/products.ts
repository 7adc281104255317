/**
 * The big products of rules 1, 4 and 6 of kernels.ts as WGSL: out[m, n] = start(m, n) + Σ over k of a(m, k) · b(k, n), each output one
 * chain in the order of k, or in the blocks of bf16-tile. A workgroup computes a square of outputs from tiles in its own memory, each thread
 * a smaller square of them in its registers, by vectors. No sum is divided between threads, as its order is part of the rules; so subgroups
 * have nothing to add up here.
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
/** With fewer workgroups than this a GPU has cores with nothing to do: then threads have fewer outputs. */
const ENOUGH_GROUPS = 96;

/** How shaders are made. */
export interface ShaderOptions {
  readonly form: ArithmeticForm;
  readonly precision: Precision;
  /** Outputs of a thread in each direction: 1, 2, 4 or 8, of which the size of a product chooses. More use memory less, and take longer to compile. */
  readonly each: readonly [number, ...number[]];
}

/** Outputs of a workgroup in each direction where a thread has `each`. */
export function tileSide(each: number): number {
  return SIDE * each;
}

/** Outputs of a thread in each direction for so many products of this size side by side, and the workgroups that one takes. */
export function tiling(
  { each }: ShaderOptions,
  columns: number,
  rows: number,
  products = 1,
): { readonly each: number; readonly groups: readonly [x: number, y: number] } {
  const groupsOf = (one: number) => [Math.ceil(columns / (SIDE * one)), Math.ceil(rows / (SIDE * one))] as const;
  const enough = each.filter((one) => products * groupsOf(one)[0] * groupsOf(one)[1] >= ENOUGH_GROUPS);
  const chosen = enough.length > 0 ? Math.max(...enough) : Math.min(...each);
  return { each: chosen, groups: groupsOf(chosen) };
}

/** @param each outputs of a thread in each direction */
export function productShader(product: Product, precision: Precision, each: number): string {
  const side = tileSide(each);
  const { start, segments } = product;
  const rounds = precision !== 'f32';
  const tile = precision === 'bf16-tile';
  // Products of bf16 operands are exact, and no sum of them is subnormal: a device's own arithmetic always serves.
  const type = rounds ? 'f32' : 'T';
  const lanes = Math.min(each, 4);
  const vector = lanes === 1 ? type : `vec${lanes}<${type}>`;
  const lane = (value: string, l: number) => (lanes === 1 ? value : `${value}[${l}]`);
  const splat = (value: string) => (lanes === 1 ? value : `${vector}(${value})`);
  const from = (value: string) => (rounds ? `toBf16(${value})` : value);
  const zero = rounds ? '0.0' : 'fromBits(0u)';
  const zeros = splat(zero);
  const chain = (a: string, b: string, acc: string) => {
    if (rounds) return `fma(${splat(a)}, ${b}, ${acc})`;
    const parts = Array.from({ length: lanes }, (_, l) => `fused(${a}, ${lane(b, l)}, ${lane(acc, l)})`);
    return lanes === 1 ? parts.join('') : `${vector}(${parts.join(', ')})`;
  };
  const vectors = Array.from({ length: each / lanes }, (_, q) => q);
  const rows = vectors.flatMap((q) => Array.from({ length: lanes }, (_, l) => ({ q, l, name: `${q}_${l}` })));
  /** Vectors of sums: of row `name`, columns of vector `q`. */
  const sums = rows.flatMap((row) => vectors.map((q) => ({ row, q, name: `${row.name}_${q}` })));
  const lines = (of: (sum: (typeof sums)[number]) => string) => sums.map(of).join('\n');
  const place = (thread: string, q: number | string, l: number | string) =>
    `(${q}u * ${SIDE}u + ${thread}) * ${lanes}u + ${l}u`;

  const load = (name: string, expression: string, alongK: boolean, outer: string, limit: string) => /* wgsl */ `
    for (var l = 0u; l < ${vectors.length}u; l++) {
      let at = thread + l * ${SIDE * SIDE}u;
      let inner = ${alongK ? `at % ${TERMS}u` : `at / ${side / lanes}u`};
      let across = ${alongK ? `at / ${TERMS}u` : `at % ${side / lanes}u`};
      let k = first + inner;
      var value = ${zeros};
      ${Array.from(
        { length: lanes },
        (_, each_) => /* wgsl */ `{
        let ${outer} = ${outer}First + across * ${lanes}u + ${each_}u;
        if (k < K && ${outer} < ${limit}) { ${lane('value', each_)} = ${from(expression)}; }
      }`,
      ).join('\n')}
      ${name}[inner * ${side / lanes}u + across] = value;
    }`;

  const read = (name: string, inner: string, q: number, thread: string) =>
    `${name}[(${inner}) * ${side / lanes}u + ${q * SIDE}u + ${thread}]`;
  const terms = (inner: string, acc: string) => /* wgsl */ `
      ${vectors.map((q) => `let a${q} = ${read('tileA', inner, q, 'localM')};`).join('\n')}
      ${vectors.map((q) => `let b${q} = ${read('tileB', inner, q, 'localN')};`).join('\n')}
      ${lines(({ row, q, name }) => `${acc}${name} = ${chain(lane(`a${row.q}`, row.l), `b${q}`, `${acc}${name}`)};`)}`;

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
      ${lines(({ name }) => `acc${name} += even${name} + odd${name}; even${name} = ${zeros}; odd${name} = ${zeros};`)}
    }`;

  const add = (name: string): string => {
    if (rounds) return `whole${name} += acc${name};`;
    const parts = Array.from({ length: lanes }, (_, l) => `sum(${lane(`whole${name}`, l)}, ${lane(`acc${name}`, l)})`);
    return `whole${name} = ${lanes === 1 ? parts.join('') : `${vector}(${parts.join(', ')})`};`;
  };
  const [open, close, result] =
    segments === undefined
      ? ['', '', 'acc']
      : [
          `for (var segment = 0u; segment < ${segments}; segment++) {`,
          `${lines(({ name }) => `${add(name)} acc${name} = ${zeros};`)} }`,
          'whole',
        ];

  return /* wgsl */ `
var<private> z: u32;
var<workgroup> tileA: array<${vector}, ${(TERMS * side) / lanes}>;
var<workgroup> tileB: array<${vector}, ${(TERMS * side) / lanes}>;

fn begin(m: u32, n: u32) -> ${type} {
  if (m >= ${product.sizes.M} || n >= ${product.sizes.N}) { return ${zero}; }
  return ${start === undefined ? zero : rounds ? `toFloat(${start})` : start};
}

fn finish(m: u32, n: u32, value: ${type}) {
  if (m >= ${product.sizes.M} || n >= ${product.sizes.N}) { return; }
  let total = ${rounds ? 'fromFloat(value)' : 'value'};
  ${product.done}
}

@compute @workgroup_size(${SIDE}, ${SIDE})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  z = group.z;
  let K = ${product.sizes.K};
  let M = ${product.sizes.M};
  let N = ${product.sizes.N};
  let localN = local.x;
  let localM = local.y;
  let thread = localM * ${SIDE}u + localN;
  let mFirst = group.y * ${side}u;
  let nFirst = group.x * ${side}u;
  ${lines(({ row, q, name }) => {
    const m = `mFirst + ${place('localM', row.q, row.l)}`;
    const values = Array.from({ length: lanes }, (_, l) => `begin(${m}, nFirst + ${place('localN', q, l)})`);
    return `var acc${name} = ${lanes === 1 ? values.join('') : `${vector}(${values.join(', ')})`};${
      tile ? `\n  var even${name} = ${zeros};\n  var odd${name} = ${zeros};` : ''
    }${segments === undefined ? '' : `\n  var whole${name} = ${zeros};`}`;
  })}
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
  // What is done with a sum may be long code, which is to stand in the shader once.
  var done = array<${vector}, ${sums.length}>(${sums.map(({ name }) => `${result}${name}`).join(', ')});
  for (var i = 0u; i < ${sums.length * lanes}u; i++) {
    let row = i / ${each}u;
    let column = i % ${each}u;
    let m = mFirst + ((row / ${lanes}u) * ${SIDE}u + localM) * ${lanes}u + row % ${lanes}u;
    let n = nFirst + ((column / ${lanes}u) * ${SIDE}u + localN) * ${lanes}u + column % ${lanes}u;
    let value = done[row * ${vectors.length}u + column / ${lanes}u];
    finish(m, n, value${lanes === 1 ? '' : `[column % ${lanes}u]`});
  }
}
`;
}
