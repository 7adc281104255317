/**
 * The safetensors file format, for f32 tensors (F16 and BF16 are read as f32, too): 8 bytes little-endian header length, a JSON header, then the data.
 * (github.com/huggingface/safetensors, "Format".) Written as the published library writes it, to the byte: tensors by size
 * of their type (here all the same), then by name. Knows nothing of layers; see model-file.ts.
 */
import { PffError } from '../errors.js';
import { widenBf16, widenF16 } from './half-floats.js';

export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface TensorFile {
  readonly tensors: readonly Tensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The published reader refuses longer headers too. */
const MAX_HEADER_BYTES = 100_000_000;

/** Encodes tensors in the order of their names' UTF-8 bytes; the data starts at a multiple of 8 bytes. */
export function encodeSafetensors(file: TensorFile): Uint8Array {
  const tensors = file.tensors.toSorted((a, b) => compareUtf8(a.name, b.name));
  // Entry by entry: an object would put names that are integers first.
  const entries = [`"__metadata__":${JSON.stringify(file.metadata)}`];
  let offset = 0;
  for (const [i, { name, shape, values }] of tensors.entries()) {
    if (name === '__metadata__' || name === tensors[i - 1]?.name)
      throw new PffError('files', `two tensors are called ${name}`);
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== values.length)
      throw new PffError(
        'files',
        `tensor ${name} [${shape.join(', ')}] needs ${elements} values, but has ${values.length}`,
      );
    const entry = { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * elements] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += 4 * elements;
  }
  let text = new TextEncoder().encode(`{${entries.join()}}`);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  text = padded;
  const bytes = new Uint8Array(8 + text.length + offset);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  let at = 8 + text.length;
  for (const { values } of tensors) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

/** UTF-16 units, by which strings compare, have another order than code points where there are surrogates. */
function compareUtf8(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => new TextEncoder().encode(text)) as [Uint8Array, Uint8Array];
  const at = x.findIndex((byte, i) => byte !== y[i]);
  return at < 0 ? x.length - y.length : (x[at] as number) - (y[at] ?? -1);
}

/** Decodes a file of tensors of F32, F16 or BF16, the latter two widened. @throws PffError `files` saying what is broken. */
export function decodeSafetensors(bytes: Uint8Array): TensorFile {
  const broken = (what: string): never => {
    throw new PffError('files', `not a usable safetensors file: ${what}`, {
      hint: 'The file may be cut short or damaged; take it from where it was made again.',
    });
  };
  if (bytes.length < 8) broken(`it has ${bytes.length} bytes, fewer than a header's length takes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || headerBytes > bytes.length - 8)
    broken(`its header is said to take ${headerBytes} bytes, but ${bytes.length - 8} are left`);
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), broken);
  const data = 8 + headerBytes;
  const places: Place[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) return broken(`the entry of ${name} is no object`);
    if (name === '__metadata__')
      metadata = Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, String(value)]));
    else places.push(placeOf(name, entry, bytes.length - data, broken));
  }
  // Before memory is taken: tensors that lie over each other could ask for any multiple of the file's size.
  checkGaps(places, bytes.length - data, broken);
  const tensors = places.map(({ name, shape, type, start, end }): Tensor => ({
    name,
    shape,
    values: READERS[type](bytes.subarray(data + start, data + end)),
  }));
  return { tensors, metadata };
}

interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: FloatType;
  readonly start: number;
  readonly end: number;
}

type FloatType = 'F32' | 'F16' | 'BF16';

const READERS: Readonly<Record<FloatType, (bytes: Uint8Array) => Float32Array>> = {
  F32: (bytes) => new Float32Array(Uint8Array.from(bytes).buffer),
  F16: widenF16,
  BF16: widenBf16,
};

function isFloatType(dtype: unknown): dtype is FloatType {
  return typeof dtype === 'string' && Object.hasOwn(READERS, dtype);
}

/** Other types of the format, all right in themselves. */
const OTHER_TYPES = /^(F64|F8_[A-Z0-9]+|F4|F6_[A-Z0-9]+|I64|I32|I16|I8|U64|U32|U16|U8|BOOL|C64)$/;

function placeOf(
  name: string,
  { dtype, shape, data_offsets: offsets }: Record<string, unknown>,
  available: number,
  broken: (what: string) => never,
): Place {
  if (typeof dtype === 'string' && OTHER_TYPES.test(dtype))
    throw new PffError('files', `tensor ${name} is of type ${dtype}, and F32, F16 and BF16 are read`, {
      hint: 'Convert the tensors to float32 before they are saved, such as by tensor.float() in PyTorch.',
    });
  if (!isFloatType(dtype))
    return broken(`tensor ${name} is of type ${JSON.stringify(dtype)}, which the format does not have`);
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
    return broken(`tensor ${name} has no proper shape or offsets`);
  const [start, end] = offsets as [number, number];
  const elements = shape.reduce((product, size) => product * size, 1);
  const each = dtype === 'F32' ? 4 : 2;
  if (end - start !== each * elements || end > available)
    return broken(`tensor ${name} [${shape.join(', ')}] is said to lie at bytes ${start} to ${end} of ${available}`);
  return { name, shape, type: dtype, start, end };
}

function parseHeader(text: Uint8Array, broken: (what: string) => never): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    return isRecord(header) ? header : broken('its header is no JSON object');
  } catch (error) {
    if (error instanceof PffError) throw error;
    return broken('its header is not JSON');
  }
}

/** The format allows neither overlaps nor gaps nor trailing bytes. */
function checkGaps(places: readonly Place[], available: number, broken: (what: string) => never): void {
  let at = 0;
  for (const { start, end } of places.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== at) broken(`its tensors leave a gap or overlap at byte ${Math.min(start, at)} of the data`);
    at = end;
  }
  if (at !== available) broken(`its tensors end at byte ${at} of the data, but ${available} bytes are there`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
