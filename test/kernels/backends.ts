/** Which backends the tests of the kernels run on: the reference, WebAssembly, and every instruction set this CPU and build have. */
import { INSTRUCTION_SETS } from '../../src/kernels/instruction-sets.js';
import type { Precision, SyncKernels } from '../../src/kernels/kernels.js';
import { loadAddon } from '../../src/kernels/native/addon.js';
import { listInstructionSets } from '../../src/kernels/native/instruction-sets.js';
import { openNative } from '../../src/kernels/native/native.js';
import type { KernelsChoice } from '../../src/kernels/open.js';
import { openReference } from '../../src/kernels/reference/reference.js';
import { loadWasm } from '../../src/kernels/wasm/load.js';
import { openWasm } from '../../src/kernels/wasm/wasm.js';

const here = listInstructionSets();
export const instructionSets = INSTRUCTION_SETS.filter((name) => here.includes(name));
export const missingSets = INSTRUCTION_SETS.filter((name) => !here.includes(name));
export const wasm = await loadWasm();
export const backends: KernelsChoice[] = ['reference', 'wasm', ...instructionSets];

/**
 * One of `backends`, or `auto` for the best of them, opened at once, as the CPU's are. `worthSharing` 0: native kernels share
 * even the smallest layer among their threads.
 */
export function openBackend(
  name: KernelsChoice,
  threads = 1,
  precision: Precision = 'f32',
  worthSharing?: number,
): SyncKernels {
  const set = name === 'auto' ? (instructionSets[0] ?? 'reference') : name;
  if (set === 'reference') return openReference(precision);
  if (set === 'wasm') {
    if ('reason' in wasm) throw new Error(wasm.reason);
    return openWasm(wasm, precision);
  }
  const loaded = loadAddon();
  if ('reason' in loaded) throw new Error(loaded.reason);
  return openNative(loaded.addon, set, threads, precision, worthSharing);
}
