/** WebGPU in Node.js: the npm package `webgpu` (Dawn), which is large and so not a dependency; it is used where it is installed. */
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';

interface Dawn {
  readonly create: (options: string[]) => GPU;
  readonly globals: object;
}

/** Kept for good: what was made from an object that is collected crashes the process. */
const opened = new Map<string, GPU>();

/**
 * The entry to the GPUs of this machine. @param adapter part of an adapter's name; by default the fastest
 * @throws Error that says why there is none
 */
export async function openGpu(adapter?: string): Promise<GPU> {
  const options = adapter === undefined ? [] : [`adapter=${adapter}`];
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
