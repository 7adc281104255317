/** Types of native-units.mjs, for the tests that compile the same units. */
export interface Unit {
  /** In native/. */
  readonly file: string;
  readonly flags: readonly string[];
}
export declare const commonFlags: readonly string[];
export declare const addonUnits: readonly (Unit & { readonly needsInclude: boolean })[];
export declare function coreUnits(arch: string, compiler: readonly [string, ...string[]]): Unit[];
