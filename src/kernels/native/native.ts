/** The native kernels: compiled ones over the functions of the addon, for one instruction set. */
import { PffError } from '../../errors.js';
import { openCompiled, type CompiledKernels } from '../compiled/compiled.js';
import { translated } from '../compiled/translated.js';
import type { Precision } from '../kernels.js';
import type { Addon } from './addon.js';

/** Multiply-adds below which a layer's step stays on one core: moving the batch to another would cost more than it saves. */
const WORTH_SHARING = 2 ** 23;

/**
 * Opens the native backend for one instruction set, one of `addon.instructionSets()`. Throws PffError `kernels`.
 * `worthSharing` is for tests: with 0 even the smallest layer is computed by all threads.
 */
export function openNative(
  addon: Addon,
  instructionSet: string,
  threads: number,
  precision: Precision = 'f32',
  worthSharing = WORTH_SHARING,
): CompiledKernels {
  const available = addon.instructionSets();
  if (!available.includes(instructionSet))
    throw new PffError('kernels', `kernels for ${instructionSet} were asked for, but this CPU or build has none`, {
      hint: `here there are: ${available.join(', ')}`,
    });
  const backend = translated(`${threads} kernel threads`, () =>
    addon.openBackend(instructionSet, threads, worthSharing, precision),
  );
  return openCompiled(addon, backend, { name: `native/${instructionSet}`, threads, precision });
}
