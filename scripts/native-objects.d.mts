/** Types of native-objects.mjs, for the tests that compile the same units. */
import type { Unit } from './native-units.mjs';

export interface Compiler {
  /** A command, and its first arguments. */
  readonly file: string;
  readonly prefix?: readonly string[];
  /** What it says of its version. */
  readonly version: string;
}
export declare function compileUnits(
  compiler: Compiler,
  arch: string,
  units: readonly (Unit & { readonly needsInclude?: boolean })[],
  include?: string,
): Promise<string[]>;
