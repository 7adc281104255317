/**
 * PNG images to RGBA: the file's chunks, with sizes bounded and checksums compared, so that files that other programs read are read
 * here, too: with bytes after the end, without an end, or with more rows than the header says. What the rows mean is in png-pixels.ts.
 * (PNG, third edition: 5 "Datastream structure".)
 */
import { crc32, inflate } from '#platform/zlib';
import { messageOf, PffError } from '../../errors.js';
import { pngRowBytes, rgbaOf, type PngRows } from './png-pixels.js';

export interface PngSize {
  readonly width: number;
  readonly height: number;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** More pixels no network takes as its inputs. */
const MOST_PIXELS = 1 << 24;
/** Bytes after the rows that the header asks for, which are left out. */
const MOST_EXTRA = 1 << 20;

/** Width and height as the header has them. @throws PffError `data` if it is no PNG image, or has no header. */
export function pngSize(bytes: Uint8Array, name: string): PngSize {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte))
    throw new PffError('data', `${name}: not a PNG image`, { hint: 'Convert the image to PNG.' });
  if (bytes.length < 33) throw damaged(name, 'no header');
  const view = viewOf(bytes);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** [height, width, 4] bytes. @throws PffError `data`: no PNG image, damaged, or larger than can be right. */
export function decodeRgba(bytes: Uint8Array, name: string): Uint8Array {
  const { width, height } = pngSize(bytes, name);
  if (width === 0 || height === 0 || width * height > MOST_PIXELS)
    throw new PffError('data', `${name}: an image of ${width} x ${height} pixels is not read`, {
      hint: `Scale it down: images have at least one and at most ${MOST_PIXELS} pixels.`,
    });
  try {
    return rgbaOf(whatIsIn(bytes, name));
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw damaged(name, messageOf(error), error);
  }
}

/** The chunks that decide the pixels, with as many rows as the header says. */
function whatIsIn(file: Uint8Array, name: string): PngRows {
  const data: Uint8Array[] = [];
  const found = new Map<string, Uint8Array>();
  for (const { type, body } of chunks(file, name)) {
    if (type === 'IDAT') data.push(body);
    else if (type === 'tRNS' || type === 'PLTE') found.set(type, body);
    else if (type === 'IHDR' && !found.has(type)) found.set(type, body);
  }
  const header = found.get('IHDR');
  if (header?.length !== 13) throw damaged(name, 'no header');
  const view = viewOf(header);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = header.subarray(8);
  if (compression !== 0 || filter !== 0) throw damaged(name, 'its method of compression or filtering is not known');
  const size = pngRowBytes({ width, height, depth, colour, interlace });
  if (size === undefined)
    throw damaged(name, `colour type ${colour}, depth ${depth} and interlace ${interlace} do not go together`);
  const rows = unpacked(joined(data), size, name);
  const all = { width, height, depth, colour, interlace, rows };
  return { ...all, palette: found.get('PLTE'), transparency: found.get('tRNS') };
}

/** Chunks up to IEND, which may be missing where the file ends between two chunks. */
function* chunks(file: Uint8Array, name: string): Generator<{ readonly type: string; readonly body: Uint8Array }> {
  const view = viewOf(file);
  for (let at = 8; at < file.length;) {
    if (file.length - at < 12) throw damaged(name, 'cut short');
    const length = view.getUint32(at);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (end + 4 > file.length) throw damaged(name, `cut short within ${JSON.stringify(type)}`);
    if (crc32(file.subarray(at + 4, end)) !== view.getUint32(end))
      throw damaged(name, `${JSON.stringify(type)} does not match its CRC-32`);
    if (type === 'IEND') return;
    yield { type, body: file.subarray(at + 8, end) };
    at = end + 4;
  }
}

/** The first `size` unpacked bytes: the rows, filter bytes included. */
function unpacked(packed: Uint8Array, size: number, name: string): Uint8Array {
  let all: Uint8Array;
  try {
    all = inflate(packed, size + MOST_EXTRA);
  } catch (error) {
    const more = error instanceof RangeError;
    throw damaged(name, more ? 'its data unpack to far more than its size needs' : messageOf(error), error);
  }
  if (all.length < size) throw damaged(name, `its data have ${all.length} bytes, but its size needs ${size}`);
  return all.subarray(0, size);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function damaged(name: string, what: string, cause?: unknown): PffError {
  return new PffError('data', `${name}: truncated or damaged PNG image (${what})`, {
    hint: 'Write the image again.',
    cause,
  });
}
