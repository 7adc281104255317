/**
 * Images of several kinds to pixels, told apart by their first bytes. JPEG and WebP are decoded in WebAssembly, with the same bits on
 * every machine.
 */
import { decoderBytes } from '#platform/image-decoders';
import { messageOf, PffError } from '../../errors.js';
import { decodeRgba, pngSize } from './png.js';

export type ImageKind = 'png' | 'jpeg' | 'webp';

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height, width, 4] */
  readonly rgba: Uint8Array;
}

/** More pixels no network takes as its inputs. */
const MOST_PIXELS = 1 << 24;

/** Ends of file names that are taken as images. */
export const IMAGE_NAMES = /\.(png|jpe?g|webp)$/i;

/** Undefined for what is no image that is read. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  // Not as text: what is called latin1 is windows-1252, but not in every Node.js.
  if ([0x89, 0x50, 0x4e, 0x47].every((byte, i) => bytes[i] === byte)) return 'png';
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg';
  const text = new TextDecoder().decode(bytes.subarray(0, 12));
  return text.startsWith('RIFF') && text.endsWith('WEBP') ? 'webp' : undefined;
}

/** @throws PffError `data`: no image that is read, damaged, or larger than can be right. */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Pixels> {
  const kind = imageKind(bytes);
  if (kind === undefined)
    throw new PffError('data', `${name}: not a PNG, JPEG or WebP image`, { hint: 'Convert the image to PNG.' });
  if (kind === 'png') return { ...pngSize(bytes, name), rgba: decodeRgba(bytes, name) };
  const size = kind === 'jpeg' ? jpegSize(bytes) : webpSize(bytes);
  const damaged = (why: string, cause?: unknown): PffError =>
    new PffError('data', `${name}: truncated or damaged ${kind === 'jpeg' ? 'JPEG' : 'WebP'} image (${why})`, {
      hint: 'Write the image again, or convert it to PNG.',
      cause,
    });
  if (size === undefined) throw damaged('its size cannot be read');
  if (size.width * size.height > MOST_PIXELS || size.width === 0 || size.height === 0)
    throw new PffError('data', `${name}: an image of ${size.width} x ${size.height} pixels is not read`, {
      hint: `Scale it down: images have at least one and at most ${MOST_PIXELS} pixels.`,
    });
  try {
    const { width, height, data } = await decoded(kind, bytes);
    return { width, height, rgba: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
}

interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** Decoders are loaded once, when they are first needed. */
const decoders = new Map<ImageKind, Promise<(bytes: ArrayBuffer) => Promise<Decoded>>>();

async function decoded(kind: 'jpeg' | 'webp', bytes: Uint8Array): Promise<Decoded> {
  let decoder = decoders.get(kind);
  if (decoder === undefined) {
    decoder = kind === 'jpeg' ? openJpeg() : openWebp();
    decoders.set(kind, decoder);
  }
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return (await decoder)(file);
}

/** What the decoders return; Node.js has none. */
class Picture implements Decoded {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

/** Node.js has it; its types are those of browsers, which are not read here. */
interface WithWebAssembly {
  readonly WebAssembly: { readonly compile: (bytes: Uint8Array) => Promise<never> };
}

async function moduleOf(kind: 'jpeg' | 'webp'): Promise<never> {
  if (!('ImageData' in globalThis)) Object.assign(globalThis, { ImageData: Picture });
  const { WebAssembly: wasm } = globalThis as unknown as WithWebAssembly;
  return wasm.compile(await decoderBytes(kind));
}

async function openJpeg(): Promise<(bytes: ArrayBuffer) => Promise<Decoded>> {
  const { default: decode, init } = await import('@jsquash/jpeg/decode.js');
  await init(await moduleOf('jpeg'));
  return (bytes) => decode(bytes) as Promise<Decoded>;
}

async function openWebp(): Promise<(bytes: ArrayBuffer) => Promise<Decoded>> {
  const { default: decode, init } = await import('@jsquash/webp/decode.js');
  await init(await moduleOf('webp'));
  return (bytes) => decode(bytes) as Promise<Decoded>;
}

type Size = Pick<Pixels, 'width' | 'height'>;

/** From the frame header (ITU-T T.81, B.2.2): the first marker SOF0 … SOF15 that is no DHT, JPG or DAC. */
function jpegSize(bytes: Uint8Array): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1] as number;
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    // Fill bytes before a marker.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** From the first chunk (RFC 9649, section 2): VP8X, VP8L or VP8. */
function webpSize(bytes: Uint8Array): Size | undefined {
  if (bytes.length < 30) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const three = (at: number): number => view.getUint16(at, true) + ((bytes[at + 2] as number) << 16);
  switch (new TextDecoder('latin1').decode(bytes.subarray(12, 16))) {
    case 'VP8X':
      return { width: 1 + three(24), height: 1 + three(27) };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  return undefined;
}
