/** Shaders that make a batch on the device: images and their labels from samples that lie there, and dropout (rule 7 of kernels.ts). */
import type { ArithmeticForm } from './arithmetic.js';
import type { Dispatch, Shader } from './device.js';
import { elements } from './groups.js';
import { denseShaderOf, elementwise } from './shader-text.js';

export interface StagingShaders {
  /** Images of bytes. Buffers: values (four in a word), scale [n], mean [n], picks, prefix [B, P]. */
  readonly bytes: Shader;
  /** The same of f32 values. */
  readonly floats: Shader;
  /** Rows as they are. Buffers: values [any, P], picks, prefix [B, P]. */
  readonly rows: Shader;
  /** Buffers: scale of labels [n], picks, suffix [R, C]. */
  readonly labels: Shader;
  /** Buffers: values [R, O], which is written to. Reads the parameters of the mask; see `dropoutThreads`. */
  readonly dropout: Shader;
  /** What activations that were kept were multiplied by. Buffers: values [R, O], out. */
  readonly scale: Shader;
}

/** Element `index` of the prefix. */
const element = /* wgsl */ `
  let row = picks[p.picksAt + index / p.prefixInputs];`;

const imageElement = (value: string) => /* wgsl */ `${element}
  let at = row * (p.skip + p.prefixInputs) + p.skip + index % p.prefixInputs;
  prefix[index] = sum(product(${value}, scale[row]), negative(mean[row]));`;

/** Rule 7: thread `index` has one Philox block, which decides on eight values of a group of 128. */
const dropout = /* wgsl */ `
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u);
}
fn philox(first: vec4u) -> vec4u {
  var c = first;
  var key = vec2u(p.name0, p.name1);
  for (var round = 0u; round < 10u; round++) {
    c = vec4u(
      multiplyHigh(0xcd9e8d57u, c.z) ^ c.y ^ key.x, 0xcd9e8d57u * c.z,
      multiplyHigh(0xd2511f53u, c.x) ^ c.w ^ key.y, 0xd2511f53u * c.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
${elementwise(
  'p.rows * ((p.channels + 127u) / 128u) * 16u',
  /* wgsl */ `
  let groupsOfRow = (p.channels + 127u) / 128u;
  let r = index / 16u / groupsOfRow;
  let first = (index / 16u) % groupsOfRow * 128u + 2u * (index % 16u);
  let words = philox(vec4u(index, p.name2, p.name3, p.name4));
  for (var j = 0u; j < 8u; j++) {
    let channel = first + (j >> 1u) * 32u + (j & 1u);
    let half = (words[j >> 1u] >> (16u * (j & 1u))) & 0xffffu;
    if (channel < p.channels) {
      for (var o = channel; o < p.outputs; o += p.channels) {
        let at = r * p.outputs + o;
        let kept = product(values[at], fromBits(p.dropScale));
        if (half < p.threshold) { values[at] = fromBits(0u); } else { values[at] = kept; }
      }
    }
  }`,
)}`;

/** A product and a sum that follows it: a device's own arithmetic may make one operation of the two. */
const form: ArithmeticForm = 'integer';

/** Threads that drop values of so many rows, a Philox block each. */
export function dropoutThreads(rows: number, channels: number): Dispatch['groups'] {
  return elements(rows * Math.ceil(channels / 128) * 16);
}

let made: StagingShaders | undefined;

/** Made once. */
export function stagingShaders(): StagingShaders {
  return (made ??= writeStagingShaders());
}

function writeStagingShaders(): StagingShaders {
  const images = (values: string, value: string) =>
    denseShaderOf(
      form,
      [values, 'scale', 'mean', 'picks: u32', '*prefix'],
      elementwise('p.batch * p.prefixInputs', imageElement(value)),
    );
  return {
    bytes: images('values: u32', 'fromFloat(f32((values[at / 4u] >> (8u * (at % 4u))) & 255u))'),
    floats: images('values', 'values[at]'),
    rows: denseShaderOf(
      form,
      ['values', 'picks: u32', '*prefix'],
      elementwise(
        'p.batch * p.prefixInputs',
        `${element}\n  prefix[index] = values[row * p.prefixInputs + index % p.prefixInputs];`,
      ),
    ),
    // Labels lie behind the samples' rows, those of the negative variant behind them; of one variant all values are the neutral label.
    labels: denseShaderOf(
      form,
      ['scale', 'picks: u32', '*suffix'],
      elementwise(
        'p.rows * p.suffixInputs',
        /* wgsl */ `
  let r = index / p.suffixInputs;
  let b = r % p.batch;
  let label = picks[p.picksAt + p.batch + p.samples * (r / p.batch) + b];
  var value = scale[picks[p.picksAt + b]];
  if (p.variants > 1u && label != index % p.suffixInputs) { value = fromBits(0u); }
  suffix[index] = value;`,
      ),
    ),
    dropout: denseShaderOf(form, ['*values'], dropout),
    scale: denseShaderOf(
      form,
      ['values', '*out'],
      elementwise('p.rows * p.outputs', 'out[index] = product(values[index], fromBits(p.dropScale));'),
    ),
  };
}
