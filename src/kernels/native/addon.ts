/** The addon that scripts/build-native.mjs built: its functions (native/addon/), and how it is found and loaded. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';
import type { BackendHandle, CompiledFunctions } from '../compiled/functions.js';
import type { Precision } from '../kernels.js';

/** The functions of native/addon/. */
export interface Addon extends CompiledFunctions {
  /** What this build has and this CPU can run, best first. */
  instructionSets(): string[];
  /** What this build has, whether the CPU can run it or not. */
  builtSets(): string[];
  /** The instruction set that is fastest in a precision on this CPU; the first call for bf16 measures it, in milliseconds. */
  fastestFor(precision: Precision): string;
  openBackend(name: string, threads: number, worthSharing: number, precision: Precision): BackendHandle;
}

/** The addon, or why it cannot be had. */
export type LoadedAddon = { readonly addon: Addon; readonly path: string } | { readonly reason: string };

/**
 * Loads the addon from `folder`; by default from where scripts/build-native.mjs puts it, or else the prebuilt one for this
 * platform that a released package has. Never throws.
 */
export function loadAddon(folder?: string): LoadedAddon {
  const built = folder ?? join(PACKAGE_FOLDER, 'build');
  const prebuilt = join(PACKAGE_FOLDER, 'prebuilds', `${process.platform}-${process.arch}`);
  const path = [built, ...(folder === undefined ? [prebuilt] : [])]
    .map((each) => join(each, 'pff-native.node'))
    .find((file) => existsSync(file));
  if (path === undefined)
    return { reason: buildFailure(built) ?? `the native kernels are not built (no ${join(built, 'pff-native.node')})` };
  try {
    const require = createRequire(import.meta.url);
    return { addon: require(path) as Addon, path };
  } catch (error) {
    return { reason: `the native kernels cannot be loaded: ${messageOf(error)}` };
  }
}

/** What scripts/build-native.mjs left about a build that did not work. */
function buildFailure(folder: string): string | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(join(folder, 'native-build.json'), 'utf8'));
    if (typeof record !== 'object' || record === null || !('reason' in record)) return undefined;
    return typeof record.reason === 'string' ? `the native kernels were not built: ${record.reason}` : undefined;
  } catch {
    return undefined;
  }
}
