/** Picks a kernels backend, and says why where it is not the best one. */
import { PffError } from '../errors.js';
import type { Kernels, Precision } from './kernels.js';
import { type LoadedAddon, loadAddon, openNative } from './native/native.js';
import { openReference } from './reference/reference.js';

/** `auto`: the fastest there is for the precision. `native`: the same, but never the reference. Else exactly the named one. */
export const kernelsChoices = [
  'auto',
  'native',
  'reference',
  'amx',
  'avx512bf16',
  'avx512',
  'avx2',
  'neon',
  'portable',
] as const;
export type KernelsChoice = (typeof kernelsChoices)[number];

export interface OpenKernelsOptions {
  readonly kernels: KernelsChoice;
  /** Cores for the kernels of this JavaScript thread, itself included; at least 1. The reference always has one. */
  readonly threads: number;
  /** f32 unless given; it decides the bit-class. */
  readonly precision?: Precision | undefined;
}

export interface OpenedKernels {
  readonly kernels: Kernels;
  /** Set where `auto` had to go on with the reference: why. */
  readonly reason?: string;
}

/**
 * Opens a backend. Throws PffError `kernels` if the one asked for cannot be had here, `usage` for a bad thread count.
 * `load` says where the addon comes from; only tests give it.
 */
export function openKernels(options: OpenKernelsOptions, load: () => LoadedAddon = loadAddon): OpenedKernels {
  const { kernels, threads, precision = 'f32' } = options;
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > 1024)
    throw new PffError('usage', `kernel threads must be a whole number from 1 to 1024, got ${threads}`);
  if (kernels === 'reference') return { kernels: openReference(precision) };
  const loaded = load();
  if ('reason' in loaded) {
    if (kernels === 'auto') return { kernels: openReference(precision), reason: loaded.reason };
    throw new PffError('kernels', `${kernels} kernels were asked for, but ${loaded.reason}`, {
      hint: 'run `npm run build`, or use --kernels reference (slow, the same results)',
    });
  }
  const { addon } = loaded;
  const instructionSet = kernels === 'auto' || kernels === 'native' ? addon.fastestFor(precision) : kernels;
  return { kernels: openNative(addon, instructionSet, threads, precision) };
}

/** The instruction sets that this build has and this CPU can run, best first; none where there is no addon. */
export function listInstructionSets(): string[] {
  const loaded = loadAddon();
  return 'addon' in loaded ? loaded.addon.instructionSets() : [];
}
