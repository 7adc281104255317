/** The kernels that need no Node.js, proved: those of WebAssembly or a GPU, or else the reference. */
import { isProved, setProved } from '#platform/proofs';
import type { Kernels, Precision } from './kernels.js';
import { proveNumerics } from './probe.js';
import { PffError } from '../errors.js';

/** `auto`: WebAssembly, or else the reference. `webgpu`: the GPU that the browser offers. */
export type PortableChoice = 'auto' | 'wasm' | 'webgpu' | 'reference';

export interface OpenedKernels {
  readonly kernels: Kernels;
  /** Set where `auto` had to go on without the best kernels: why. */
  readonly reason?: string | undefined;
}

/** @throws PffError `kernels` where those asked for cannot be had. */
export async function openPortableKernels(
  precision: Precision | undefined,
  choice: PortableChoice = 'auto',
): Promise<OpenedKernels> {
  if (choice === 'reference') return { kernels: await openReferenceKernels(precision) };
  if (choice === 'webgpu') {
    const { openWebGpu } = await import('./webgpu/webgpu.js');
    return { kernels: await openWebGpu(precision) };
  }
  try {
    return { kernels: await openWasmKernels(precision, choice) };
  } catch (error) {
    if (choice !== 'auto' || !(error instanceof PffError) || error.code !== 'kernels') throw error;
    return { kernels: await openReferenceKernels(precision), reason: error.message };
  }
}

export async function openReferenceKernels(precision: Precision | undefined): Promise<Kernels> {
  const { openReference } = await import('./reference/reference.js');
  return proved(openReference(precision));
}

/** @param choice what was asked for, for the error's text. @throws PffError `kernels` */
export async function openWasmKernels(precision: Precision | undefined, choice: string): Promise<Kernels> {
  const [{ loadWasm }, { openWasm }] = await Promise.all([import('./wasm/load.js'), import('./wasm/wasm.js')]);
  const loaded = await loadWasm();
  if ('functions' in loaded) return proved(openWasm(loaded, precision));
  throw new PffError(
    'kernels',
    choice === 'auto' ? loaded.reason : `${choice} kernels were asked for, but ${loaded.reason}`,
    {
      hint: 'the reference kernels give the same results, slowly',
    },
  );
}

/** The same kernels, once they have shown that they compute what they claim: once in a process is enough. Closes them where they do not. */
export async function proved(kernels: Kernels): Promise<Kernels> {
  const key = `${kernels.name} ${kernels.numerics.id}`;
  if (isProved(key)) return kernels;
  try {
    await proveNumerics(kernels);
  } catch (error) {
    kernels.close();
    throw error;
  }
  setProved(key);
  return kernels;
}
