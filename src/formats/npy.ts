/**
 * NumPy's array files (NPY; archives of them: npz.ts). Reads numbers of up to 64 bits, booleans and texts, of either byte order and in
 * C or Fortran order; writes f32, u8 and i64. Bytes in, bytes out. (The format: numpy.lib.format.)
 */
import { PffError } from '../errors.js';
import { widenF16 } from './half-floats.js';

/** An array with its dimensions, the slowest first. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** They are truth values (`|b1`), given as 0 and 1. */
  readonly isBoolean?: boolean;
  /** As many values as the product of `shape`; 64-bit integers as they are. */
  readonly values:
    | Float32Array
    | Float64Array
    | Uint8Array
    | Int8Array
    | Uint16Array
    | Int16Array
    | Uint32Array
    | Int32Array
    | BigInt64Array
    | BigUint64Array;
  /** Texts (`<U5`, `|S5`), for which `values` is empty. */
  readonly texts?: readonly string[];
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const READERS: Readonly<Record<string, (bytes: ArrayBuffer) => NpyArray['values']>> = {
  '<f4': (bytes) => new Float32Array(bytes),
  '<f8': (bytes) => new Float64Array(bytes),
  '|u1': (bytes) => new Uint8Array(bytes),
  '|b1': (bytes) => new Uint8Array(bytes),
  '|i1': (bytes) => new Int8Array(bytes),
  '<u2': (bytes) => new Uint16Array(bytes),
  '<i2': (bytes) => new Int16Array(bytes),
  '<u4': (bytes) => new Uint32Array(bytes),
  '<i4': (bytes) => new Int32Array(bytes),
  '<i8': (bytes) => new BigInt64Array(bytes),
  '<u8': (bytes) => new BigUint64Array(bytes),
  '<f2': (bytes) => widenF16(new Uint8Array(bytes)),
};

/** Texts of `width` bytes (`S`) or code points (`U`), without the zeros that fill them up. */
function textsOf(bytes: Uint8Array, kind: string, width: number): string[] {
  const size = kind === 'U' ? 4 * width : width;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: size === 0 ? 0 : bytes.length / size }, (_, i) => {
    const from = i * size;
    if (kind === 'S') return new TextDecoder().decode(bytes.subarray(from, from + size)).replace(/\0+$/, '');
    let text = '';
    for (let at = from; at < from + size; at += 4) {
      const code = view.getUint32(at, true);
      if (code > 0 && code <= 0x10ffff) text += String.fromCodePoint(code);
    }
    return text;
  });
}

/** Reverses the bytes of each value. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = bytes.slice();
  for (let at = 0; at < out.length; at += size) out.subarray(at, at + size).reverse();
  return out;
}

/** From Fortran order (the first index runs fastest) to C order. */
function inRowOrder<T extends { readonly length: number; [i: number]: unknown; slice(): T }>(
  values: T,
  shape: readonly number[],
): T {
  const out = values.slice();
  const index = shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    let at = 0;
    for (let axis = 0; axis < shape.length; axis++) at = at * (shape[axis] as number) + (index[axis] as number);
    out[at] = values[i];
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** Reads an NPY file; `name` is what errors call it. @throws PffError `data` saying what is wrong with it. */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const fail = (found: string, hint: string): never => {
    throw new PffError('data', `${name}: ${found}`, { hint });
  };
  const again = 'Write the array again with numpy.save.';
  if (!MAGIC.every((byte, i) => bytes[i] === byte))
    fail('not an NPY file', 'Write the array with numpy.save or numpy.savez.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (bytes[6] ?? 0) >= 2;
  const start = long ? 12 : 10;
  if (bytes.length < start) fail('truncated: the header is cut short', again);
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, end));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || dims === undefined) return fail('its header cannot be read', again);
  const text = /^[<>|=]?([SU])(\d{1,9})$/.exec(descr);
  const big = descr.startsWith('>');
  const reader = READERS[descr.replace(/^[>=]/, '<').replace(/^<(?=[ub]1$|i1$)/, '|')];
  if (!reader && !text)
    return fail(
      `holds values of type ${descr}`,
      `Convert the array first: ${Object.keys(READERS).join(', ')} and texts are read.`,
    );
  const sizes = dims.split(',').map((dim) => dim.trim());
  // A trailing comma is how Python writes one dimension.
  if (sizes.at(-1) === '') sizes.pop();
  const bad = sizes.find((dim) => !/^\d{1,15}$/.test(dim));
  if (bad !== undefined) return fail(`its shape (${dims}) has the dimension "${bad}", which is no whole number`, again);
  const shape = sizes.map(Number);
  const each = text ? Number(text[2]) * (text[1] === 'U' ? 4 : 1) : Number(descr.slice(2));
  const size = shape.reduce((product, dim) => product * dim, 1) * each;
  if (bytes.length - end !== size)
    fail(`[${shape.join(', ')}] of ${descr} needs ${size} bytes, but there are ${bytes.length - end}`, again);
  const stored = bytes.subarray(end);
  const content = big && each > 1 ? swapped(stored, text ? 4 : each) : stored;
  const fortran = order === 'True' && shape.length > 1;
  if (text) {
    const texts = textsOf(content, text[1] as string, Number(text[2]));
    return { shape, values: new Uint8Array(), texts: fortran ? inRowOrder(texts, shape) : texts };
  }
  const found = (reader as (from: ArrayBuffer) => NpyArray['values'])(new Uint8Array(content).buffer);
  const values = fortran ? (inRowOrder(found as never, shape) as NpyArray['values']) : found;
  return descr.endsWith('b1') ? { shape, values, isBoolean: true } : { shape, values };
}

/** Writes an NPY file (version 1.0). The values are written as they lie in memory, which is little-endian here. */
export function encodeNpy(
  shape: readonly number[],
  values: Float32Array | Uint8Array | BigInt64Array,
): Uint8Array<ArrayBuffer> {
  const descr = values instanceof Float32Array ? '<f4' : values instanceof Uint8Array ? '|u1' : '<i8';
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  // The values begin at a multiple of 64 bytes, and the header ends in a newline.
  const start = 64 * Math.ceil((10 + text.length + 1) / 64);
  const bytes = new Uint8Array(start + values.byteLength);
  bytes.set(MAGIC);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, start - 10, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(start - 11)}\n`), 10);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start);
  return bytes;
}
