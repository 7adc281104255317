/**
 * PNG images to RGBA. The library decodes; this side reads the file's chunks first, so that sizes are bounded and checksums
 * compared, and so that files that other programs read are read here, too: with bytes after the end, without an end, or with
 * more rows than the header says. (PNG, third edition: 5 "Datastream structure", 8 "Interlacing".) Node.js only.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { codeOf, messageOf, PffError } from '../../errors.js';

export interface PngSize {
  readonly width: number;
  readonly height: number;
}

const SIGNATURE = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** More pixels no network takes as its inputs. */
const MOST_PIXELS = 1 << 24;
/** Bytes after the rows that the header asks for, which are left out. */
const MOST_EXTRA = 1 << 20;
/** Samples of a pixel by colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Adam7: first column and row of each pass, and the steps between. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Width and height as the header has them. @throws PffError `data` if it is no PNG image, or has no header. */
export function pngSize(bytes: Uint8Array, name: string): PngSize {
  const buffer = bufferOf(bytes);
  if (!buffer.subarray(0, 8).equals(SIGNATURE))
    throw new PffError('data', `${name}: not a PNG image`, { hint: 'Convert the image to PNG.' });
  if (buffer.length < 33) throw damaged(name, 'no header');
  return { width: buffer.readUInt32BE(16), height: buffer.readUInt32BE(20) };
}

/** [height, width, 4] bytes. @throws PffError `data`: no PNG image, damaged, or larger than can be right. */
export function decodeRgba(bytes: Uint8Array, name: string): Uint8Array {
  const { width, height } = pngSize(bytes, name);
  if (width === 0 || height === 0 || width * height > MOST_PIXELS)
    throw new PffError('data', `${name}: an image of ${width} x ${height} pixels is not read`, {
      hint: `Scale it down: images have at least one and at most ${MOST_PIXELS} pixels.`,
    });
  try {
    return PNG.sync.read(mended(bufferOf(bytes), name)).data;
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw damaged(name, messageOf(error), error);
  }
}

/** The image in the chunks that decide its pixels, with as many rows as its header says. */
function mended(file: Buffer, name: string): Buffer {
  const parts: Buffer[] = [SIGNATURE];
  const data: Buffer[] = [];
  let header: Buffer | undefined;
  for (const { type, body } of chunks(file, name)) {
    if (type === 'IHDR') header ??= body;
    if (type === 'IDAT') data.push(body);
    else if (['IHDR', 'PLTE', 'tRNS'].includes(type)) parts.push(chunk(type, body));
  }
  if (header?.length !== 13) throw damaged(name, 'no header');
  parts.push(chunk('IDAT', deflateSync(rows(header, Buffer.concat(data), name), { level: 1 })));
  return Buffer.concat([...parts, chunk('IEND', Buffer.alloc(0))]);
}

/** Chunks up to IEND, which may be missing where the file ends between two chunks. */
function* chunks(file: Buffer, name: string): Generator<{ readonly type: string; readonly body: Buffer }> {
  for (let at = 8; at < file.length;) {
    if (file.length - at < 12) throw damaged(name, 'cut short');
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const end = at + 8 + length;
    if (end + 4 > file.length) throw damaged(name, `cut short within ${JSON.stringify(type)}`);
    if (crc32(file.subarray(at + 4, end)) !== file.readUInt32BE(end))
      throw damaged(name, `${JSON.stringify(type)} does not match its CRC-32`);
    if (type === 'IEND') return;
    yield { type, body: file.subarray(at + 8, end) };
    at = end + 4;
  }
}

/** The unpacked rows, filter bytes included. */
function rows(header: Buffer, packed: Buffer, name: string): Buffer {
  const size = rowBytes(header, name);
  let unpacked: Buffer;
  try {
    unpacked = inflateSync(packed, { maxOutputLength: size + MOST_EXTRA });
  } catch (error) {
    const more = codeOf(error) === 'ERR_BUFFER_TOO_LARGE';
    throw damaged(name, more ? 'its data unpack to far more than its size needs' : messageOf(error), error);
  }
  if (unpacked.length < size) throw damaged(name, `its data have ${unpacked.length} bytes, but its size needs ${size}`);
  return unpacked.subarray(0, size);
}

function rowBytes(header: Buffer, name: string): number {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colour, interlace] = [header.readUInt8(8), header.readUInt8(9), header.readUInt8(12)];
  const samples = SAMPLES[colour];
  if (samples === undefined || ![1, 2, 4, 8, 16].includes(depth) || interlace > 1)
    throw damaged(name, `colour type ${colour}, depth ${depth} and interlace ${interlace} do not go together`);
  const of = (columns: number, lines: number): number =>
    columns === 0 ? 0 : lines * (1 + Math.ceil((columns * samples * depth) / 8));
  if (interlace === 0) return of(width, height);
  return PASSES.reduce(
    (sum, [x, y, dx, dy]) =>
      sum + of(Math.max(0, Math.ceil((width - x) / dx)), Math.max(0, Math.ceil((height - y) / dy))),
    0,
  );
}

function chunk(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.write(type, 4, 'latin1');
  body.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
  return bytes;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(name: string, what: string, cause?: unknown): PffError {
  return new PffError('data', `${name}: truncated or damaged PNG image (${what})`, {
    hint: 'Write the image again.',
    cause,
  });
}
