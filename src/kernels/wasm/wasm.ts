/** The WebAssembly kernels: compiled ones over the functions of the module. */
import { openCompiled, type CompiledKernels } from '../compiled/compiled.js';
import { translated } from '../compiled/translated.js';
import type { Precision } from '../numerics.js';
import type { Wasm } from './load.js';

/** Opens the WebAssembly backend: one thread. */
export function openWasm({ functions }: Wasm, precision: Precision = 'f32'): CompiledKernels {
  const backend = translated('the WebAssembly kernels', () => functions.openBackend(precision));
  return openCompiled(functions, backend, { name: 'wasm', threads: 1, precision });
}
