/** The WebAssembly of the decoders of JPEG and WebP, from their packages. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const FILES = {
  jpeg: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
  webp: '@jsquash/webp/codec/dec/webp_dec.wasm',
} as const;

export function decoderBytes(kind: 'jpeg' | 'webp'): Promise<Uint8Array> {
  return readFile(createRequire(import.meta.url).resolve(FILES[kind]));
}
