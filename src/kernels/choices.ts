/** Names by which kernels are chosen: on the command line, in the library, and in the notes of runs. */
import { z } from 'zod';
import { INSTRUCTION_SETS } from './instruction-sets.js';

/** Those that every machine knows, though not every machine has them. */
export const kernelsChoices = ['auto', 'native', 'wasm', 'webgpu', 'reference', ...INSTRUCTION_SETS] as const;

/**
 * `auto`: the fastest there is for the precision: native, else WebAssembly, else the reference. `native`: the best instruction set that
 * this CPU has. `webgpu`: a GPU, the one that PFF_GPU names or the fastest; `webgpu:1` and `webgpu:NAME` pick one by its number or by a
 * part of its name, as `pff doctor` lists them. Else exactly the named one.
 */
export type KernelsChoice = (typeof kernelsChoices)[number] | `webgpu:${string}`;

const GPU = 'webgpu:';

export function isKernelsChoice(text: string): text is KernelsChoice {
  return (kernelsChoices as readonly string[]).includes(text) || (text.startsWith(GPU) && text.length > GPU.length);
}

/** For notes that are read from files. */
export const kernelsChoiceSchema = z.custom<KernelsChoice>((text) => typeof text === 'string' && isKernelsChoice(text));

/** The kernels on the GPU with this number or name. */
export function onGpu(gpu: string): KernelsChoice {
  return `${GPU}${gpu}`;
}

/** Whether they compute on a GPU. */
export function isOnGpu(choice: KernelsChoice): boolean {
  return choice === 'webgpu' || choice.startsWith(GPU);
}

/** Which GPU was asked for by its number or name; undefined where none was. */
export function askedGpu(choice: KernelsChoice): string | undefined {
  return choice.startsWith(GPU) ? choice.slice(GPU.length) : undefined;
}
