/** Picks a kernels backend, loads it, proves its numerics, and says why where it is not the best one. */
import { codeOf, messageOf, PffError } from '../errors.js';
import { askedGpu, isOnGpu, type KernelsChoice } from './choices.js';
import type { Kernels, Precision } from './kernels.js';
import type { LoadedAddon } from './native/addon.js';
import { buildCommand } from './native/build-command.js';
import { openReferenceKernels, openWasmKernels, proved, type OpenedKernels } from './open-portable.js';

export { kernelsChoices, type KernelsChoice } from './choices.js';

export interface OpenKernelsOptions {
  readonly kernels: KernelsChoice;
  /** Cores for the kernels of this JavaScript thread, itself included; at least 1. Only native kernels have more than one. */
  readonly threads: number;
  /** f32 unless given; it decides the numerics. */
  readonly precision?: Precision | undefined;
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
  let reason: string | undefined;
  for (const open of choice === 'auto' ? [native, wasm, reference] : [backendOf(choice)]) {
    try {
      const kernels = await open(options, load);
      return reason === undefined ? { kernels } : { kernels, reason };
    } catch (error) {
      if (choice !== 'auto' || !(error instanceof PffError) || error.code !== 'kernels') throw error;
      reason = reason === undefined ? error.message : `${reason}; ${error.message}`;
    }
  }
  throw new Error('the reference kernels are always there');
}

type Open = (options: OpenKernelsOptions, load?: () => LoadedAddon) => Promise<Kernels>;

function backendOf(choice: KernelsChoice): Open {
  if (isOnGpu(choice)) return webgpu;
  return choice === 'reference' ? reference : choice === 'wasm' ? wasm : native;
}

const reference: Open = ({ precision }) => openReferenceKernels(precision);
const wasm: Open = ({ kernels, precision }) => openWasmKernels(precision, kernels);

async function webgpu({ kernels: choice, precision }: OpenKernelsOptions): Promise<Kernels> {
  const { openWebGpu } = await import('./webgpu/webgpu.js');
  return openWebGpu(precision, askedGpu(choice) ?? process.env['PFF_GPU']);
}

async function native(
  { kernels: choice, threads, precision }: OpenKernelsOptions,
  load?: () => LoadedAddon,
): Promise<Kernels> {
  const [{ loadAddon }, { openNative }] = await Promise.all([
    import('./native/addon.js'),
    import('./native/native.js'),
  ]);
  const loaded = (load ?? loadAddon)();
  if ('reason' in loaded)
    throw unavailable(
      choice,
      loaded.reason,
      `run \`${buildCommand()}\`, or use --kernels wasm (slower, the same results)`,
    );
  const { addon } = loaded;
  const named = choice !== 'auto' && choice !== 'native';
  try {
    const instructionSet = named ? choice : addon.fastestFor(precision ?? 'f32');
    return await proved(openNative(addon, instructionSet, threads, precision));
  } catch (error) {
    if (!isOfAnotherBuild(error)) throw error;
    const reason = `the native kernels (${loaded.path}) are of another build than this program: ${messageOf(error)}`;
    throw unavailable(choice, reason, 'run `npm run build`; an installed package: install it again');
  }
}

/** An addon with other functions, or with other arguments of them, says so when it is first called, which is in the probe. */
function isOfAnotherBuild(error: unknown): boolean {
  return error instanceof TypeError || codeOf(error) === 'PFF_BAD_CALL';
}

function unavailable(choice: KernelsChoice, reason: string, hint: string): PffError {
  const message = choice === 'auto' ? reason : `${choice} kernels were asked for, but ${reason}`;
  return new PffError('kernels', message, { hint });
}
