/** WebGPU in Node.js: the npm package `webgpu` (Dawn), which is large and so not a dependency; it is used where it is installed. */
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../../errors.js';
import { namesIn, pickGpu } from './gpu-names.js';

interface Dawn {
  readonly create: (options: string[]) => GPU;
  readonly globals: object;
}

/** Kept for good: what was made from an object that is collected crashes the process. */
const opened = new Map<string, GPU>();

/**
 * The entry to the GPUs of this machine. @param asked the number of one, or a part of its name; by default the fastest
 * @throws PffError `kernels` where there is no such GPU; Error that says why there is none at all
 */
export async function openGpu(asked?: string): Promise<GPU> {
  if (asked === undefined) return opens([]);
  const names = await gpuNames();
  // Without any adapter it is not the name that is wrong.
  return opens(names.length === 0 ? [] : [`adapter=${pickGpu(names, asked)}`]);
}

/** The names of the GPUs of this machine; a GPU's number is its place among them. @throws Error where WebGPU is not installed */
export async function gpuNames(): Promise<readonly string[]> {
  // Dawn lists its adapters only to tell that none has the name asked for.
  const gpu = await opens(['adapter=a name that no GPU has']);
  try {
    await gpu.requestAdapter();
    return [];
  } catch (error) {
    return namesIn(messageOf(error));
  }
}

async function opens(options: string[]): Promise<GPU> {
  const known = opened.get(options.join(' '));
  if (known) return known;
  const { create, globals } = await loadDawn();
  // Else Vulkan's loader prints an error for each start without a desktop.
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir();
  Object.assign(globalThis, globals);
  const gpu = create(options);
  opened.set(options.join(' '), gpu);
  return gpu;
}

/** From a file named by PFF_WEBGPU, else as any package is found. */
async function loadDawn(): Promise<Dawn> {
  const file = process.env['PFF_WEBGPU'];
  // A name that the bundler cannot see: it must not be looked for when the program is built.
  const name: string = file === undefined ? ['web', 'gpu'].join('') : pathToFileURL(file).href;
  try {
    return (await import(name)) as Dawn;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (missing) throw new Error('the npm package `webgpu` is not installed', { cause: error });
    throw error;
  }
}
