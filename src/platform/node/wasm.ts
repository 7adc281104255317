/** The WebAssembly kernels as files of the package, and what Node.js must be told before it compiles them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { PACKAGE_FOLDER } from '../../package-folder.js';

/** The module of one build. @throws where the package has none. */
export function readKernels(build: 'fused' | 'exact'): Promise<Uint8Array<ArrayBuffer>> {
  return readFile(join(PACKAGE_FOLDER, 'native', 'wasm', 'built', `${build}.wasm`));
}

/** Node.js 20 knows relaxed SIMD, but behind a flag of the process; from 21 on this changes nothing. */
export function allowRelaxedSimd(): void {
  setFlagsFromString('--experimental-wasm-relaxed-simd');
}
