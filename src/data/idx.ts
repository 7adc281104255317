/**
 * The IDX format of MNIST, for unsigned bytes: magic (0, 0, type 8, number of dimensions), big-endian dimensions, values.
 * Bytes in, bytes out; reading files and unpacking gzip is up to the sources.
 */
import { PffError } from '../errors.js';

/** An array of unsigned bytes with its dimensions, the slowest first. */
export interface IdxArray {
  readonly dims: readonly number[];
  /** As many as the product of `dims`. */
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0x09: 'signed bytes',
  0x0b: '16-bit integers',
  0x0c: '32-bit integers',
  0x0d: '32-bit floats',
  0x0e: '64-bit floats',
};

/**
 * Reads an IDX array of unsigned bytes. `data` is a view of `bytes`.
 * @param name what to call the bytes in errors, such as the file's path.
 * @throws PffError `data`: not IDX, other values than unsigned bytes, truncated, or too long.
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const fail = (found: string, hint: string): never => {
    throw new PffError('data', `${name}: ${found}`, { hint });
  };
  const again = 'Get the file again, or check that it is the one you meant.';
  if (bytes.length < 4)
    fail(`truncated: an IDX file starts with 4 bytes of magic number, but there are only ${bytes.length} bytes`, again);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const type = (magic >>> 8) & 0xff;
  const rank = magic & 0xff;
  if (magic >>> 16 === 0x1f8b)
    fail(
      'wrong magic number: the file is gzip, not IDX',
      'Unpack it, or keep the ending .gz in its name so that it is unpacked.',
    );
  if (magic >>> 16 !== 0)
    fail(
      `wrong magic number 0x${hex(magic)}: an IDX file starts with two zero bytes`,
      'Give a file in IDX form, such as train-images-idx3-ubyte.',
    );
  if (type !== UNSIGNED_BYTE)
    fail(
      `wrong magic number 0x${hex(magic)}: holds ${TYPE_NAMES[type] ?? `values of unknown type 0x${type.toString(16)}`}, but unsigned bytes (0x08) are needed`,
      'Write the data as unsigned bytes.',
    );
  if (rank === 0) fail(`wrong magic number 0x${hex(magic)}: no dimensions`, again);
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    fail(
      `truncated: ${rank} dimensions need a header of ${header} bytes, but there are only ${bytes.length} bytes`,
      again,
    );
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = dims.reduce((product, dim) => product * dim, 1);
  const found = bytes.length - header;
  const expected = `${dims.join(' x ')} values need ${size} bytes after the header`;
  if (found < size) fail(`truncated: ${expected}, but there are only ${found}`, again);
  if (found > size) fail(`too long: ${expected}, but there are ${found}`, again);
  return { dims, data: bytes.subarray(header) };
}

/**
 * Writes an IDX array of unsigned bytes.
 * @throws PffError `data` if the dimensions cannot be written or do not fit the data.
 */
export function writeIdx({ dims, data }: IdxArray): Uint8Array<ArrayBuffer> {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const fits =
    dims.length >= 1 &&
    dims.length <= 255 &&
    dims.every((dim) => Number.isInteger(dim) && dim >= 0 && dim <= 0xffffffff);
  if (!fits || size !== data.length)
    throw new PffError('data', `dimensions [${dims.join(', ')}] do not fit ${data.length} bytes of data`, {
      hint: 'Give 1 to 255 dimensions whose product is the number of bytes.',
    });
  const header = 4 + 4 * dims.length;
  const bytes = new Uint8Array(header + size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (UNSIGNED_BYTE << 8) | dims.length);
  dims.forEach((dim, i) => view.setUint32(4 + 4 * i, dim));
  bytes.set(data, header);
  return bytes;
}

/** Images of one channel as IDX holds them. */
export interface IdxImages {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** [count, height · width] */
  readonly images: Uint8Array;
}

/**
 * Reads an IDX file of images: [count, height, width].
 * @throws PffError `data` as `parseIdx`, or if there are not three dimensions, or images without pixels.
 */
export function parseIdxImages(bytes: Uint8Array, name: string): IdxImages {
  const { dims, data } = parseIdx(bytes, name);
  const [count, height, width] = dims;
  if (dims.length !== 3 || count === undefined || height === undefined || width === undefined)
    throw new PffError(
      'data',
      `${name}: images need 3 dimensions (count x height x width), but there ${dimensions(dims)}`,
      {
        hint: dims.length === 1 ? 'This looks like a file of labels.' : 'Give images of one channel.',
      },
    );
  if (width === 0 || height === 0)
    throw new PffError('data', `${name}: images of ${width} x ${height} pixels are empty`, {
      hint: 'Check how the file was written.',
    });
  return { count, width, height, images: data };
}

/**
 * Reads an IDX file of labels: [count].
 * @param classes how many classes there are; without it any label goes.
 * @throws PffError `data` as `parseIdx`, or if there is not one dimension, or a label is out of range.
 */
export function parseIdxLabels(bytes: Uint8Array, name: string, classes = 256): Uint8Array {
  const { dims, data } = parseIdx(bytes, name);
  if (dims.length !== 1)
    throw new PffError('data', `${name}: labels need 1 dimension (count), but there ${dimensions(dims)}`, {
      hint: dims.length === 3 ? 'This looks like a file of images.' : 'Give one byte a label.',
    });
  const wrong = data.findIndex((label) => label >= classes);
  if (wrong >= 0)
    throw new PffError(
      'data',
      `${name}: label ${data[wrong]} of sample ${wrong} is out of range: there are ${classes} classes`,
      {
        hint: `Labels must be 0 … ${classes - 1}.`,
      },
    );
  return data;
}

/** @throws PffError `data` unless there are as many labels as images, and at least one. */
export function checkCounts(images: number, imagesName: string, labels: number, labelsName: string): void {
  if (images !== labels)
    throw new PffError('data', `${imagesName} has ${images} images, but ${labelsName} has ${labels} labels`, {
      hint: 'Both files must be of the same split (train or t10k) of the same dataset.',
    });
  if (images === 0) throw new PffError('data', `${imagesName} has no images`, { hint: 'Give at least one.' });
}

function dimensions(dims: readonly number[]): string {
  return dims.length === 1 ? `is 1 (${dims[0]})` : `are ${dims.length} (${dims.join(' x ')})`;
}

function hex(magic: number): string {
  return magic.toString(16).padStart(8, '0');
}
