/** Which instruction sets kernels could use on this kind of CPU, and why one of them is not used here. */
import { readFileSync } from 'node:fs';
import type { LoadedAddon } from '../kernels/native/addon.js';
import { precisions } from '../kernels/numerics.js';
import type { InstructionSet } from './machine-report.js';

/** What Linux calls the parts of a CPU that the kernels of an instruction set need, by the CPU family of Node.js. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  x64: {
    amx: ['amx_tile', 'amx_bf16'],
    avx512bf16: ['avx512f', 'avx512vl', 'avx512dq', 'avx512bw', 'avx512_bf16'],
    avx512: ['avx512f', 'avx512vl', 'avx512dq', 'avx512bw'],
    avx2: ['avx2', 'fma'],
  },
  arm64: { neon: ['asimd'] },
};

/**
 * All sets of the CPU family `arch`, best first.
 * @param flags of the CPU; undefined where the system does not tell them.
 */
export function instructionSets(
  loaded: LoadedAddon,
  flags: ReadonlySet<string> | undefined,
  arch: string = process.arch,
): InstructionSet[] {
  const addon = 'addon' in loaded ? loaded.addon : undefined;
  const [usable, built] = [addon?.instructionSets() ?? [], addon?.builtSets() ?? []];
  const needed = { ...NEEDED[arch], portable: [] };
  return Object.entries(needed).map(([name, parts]) => {
    const missing = flags === undefined ? [] : parts.filter((part) => !flags.has(part));
    const why = usable.includes(name)
      ? ''
      : missing.length > 0
        ? `the CPU has no ${missing.join(', ')}`
        : addon === undefined
          ? 'the native kernels are not there'
          : built.includes(name)
            ? flags === undefined
              ? 'the CPU or the system does not have it'
              : 'the system does not let programs use it'
            : name === 'amx' && flags === undefined
              ? 'it is used on Linux only'
              : 'this build has no such kernels: they need a newer compiler';
    const usedFor = precisions.filter((precision) => addon?.fastestFor(precision) === name);
    return { name, usable: usable.includes(name), usedFor, why };
  });
}

/** What Linux says the CPU can do; undefined on other systems. */
export function cpuFlags(): ReadonlySet<string> | undefined {
  try {
    const [, line] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
    return line === undefined ? undefined : new Set(line.trim().split(/\s+/));
  } catch {
    return undefined;
  }
}
