/** Picks a kernels backend, loads it, proves its numerics, and says why where it is not the best one. */
import { PffError } from '../errors.js';
import { INSTRUCTION_SETS } from './instruction-sets.js';
import type { Kernels, Precision } from './kernels.js';
import type { LoadedAddon } from './native/addon.js';
import { proveNumerics } from './probe.js';

/** `auto`: the fastest there is for the precision. `native`: the same, but never the reference. Else exactly the named one. */
export const kernelsChoices = ['auto', 'native', 'reference', ...INSTRUCTION_SETS] as const;
export type KernelsChoice = (typeof kernelsChoices)[number];

export interface OpenKernelsOptions {
  readonly kernels: KernelsChoice;
  /** Cores for the kernels of this JavaScript thread, itself included; at least 1. The reference always has one. */
  readonly threads: number;
  /** f32 unless given; it decides the numerics. */
  readonly precision?: Precision | undefined;
}

export interface OpenedKernels {
  readonly kernels: Kernels;
  /** Set where `auto` had to go on with the reference: why. */
  readonly reason?: string;
}

/**
 * Opens a backend; its code is loaded only now, so a program in a browser never sees that of Node.js.
 * @param load where the addon comes from; only tests give it.
 * @throws PffError `kernels` if the one asked for cannot be had here or computes other bits than it claims, `usage` for a bad
 * thread count.
 */
export async function openKernels(options: OpenKernelsOptions, load?: () => LoadedAddon): Promise<OpenedKernels> {
  const { kernels: choice, threads } = options;
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > 1024)
    throw new PffError('usage', `kernel threads must be a whole number from 1 to 1024, got ${threads}`);
  const opened = choice === 'reference' ? await reference(options) : await native(options, load);
  try {
    await proved(opened.kernels);
  } catch (error) {
    opened.kernels.close();
    if (choice !== 'auto' || !(error instanceof PffError)) throw error;
    return reference(options, error.message);
  }
  return opened;
}

async function reference({ precision }: OpenKernelsOptions, reason?: string): Promise<OpenedKernels> {
  const { openReference } = await import('./reference/reference.js');
  const kernels = openReference(precision);
  return reason === undefined ? { kernels } : { kernels, reason };
}

async function native(options: OpenKernelsOptions, load?: () => LoadedAddon): Promise<OpenedKernels> {
  const { kernels: choice, threads, precision } = options;
  const [{ loadAddon }, { openNative }] = await Promise.all([
    import('./native/addon.js'),
    import('./native/native.js'),
  ]);
  const loaded = (load ?? loadAddon)();
  if ('reason' in loaded) {
    if (choice === 'auto') return reference(options, loaded.reason);
    throw new PffError('kernels', `${choice} kernels were asked for, but ${loaded.reason}`, {
      hint: 'run `npm run build`, or use --kernels reference (slow, the same results)',
    });
  }
  const { addon } = loaded;
  const named = choice !== 'auto' && choice !== 'native';
  const instructionSet = named ? choice : addon.fastestFor(precision ?? 'f32');
  return { kernels: openNative(addon, instructionSet, threads, precision) };
}

/** Backends of this thread that have been proved, by name and numerics: once is enough. */
const alreadyProved = new Set<string>();

async function proved(kernels: Kernels): Promise<void> {
  const key = `${kernels.name} ${kernels.numerics.id}`;
  if (alreadyProved.has(key)) return;
  await proveNumerics(kernels);
  alreadyProved.add(key);
}
