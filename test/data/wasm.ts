/** Encoders of image files that tests write, in WebAssembly. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A compiled module of a package. */
export function wasmOf(file: string): never {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => never } };
  return new wasm.Module(readFileSync(createRequire(import.meta.url).resolve(file)));
}
