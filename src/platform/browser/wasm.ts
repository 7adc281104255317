/** The WebAssembly kernels beside the page's scripts. */

/** The module of one build. @throws where it cannot be fetched. */
export async function readKernels(build: 'fused' | 'exact'): Promise<Uint8Array<ArrayBuffer>> {
  // Written out, for bundlers to find the files.
  const url =
    build === 'fused'
      ? new URL('../../../native/wasm/built/fused.wasm', import.meta.url)
      : new URL('../../../native/wasm/built/exact.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** A browser has it or has it not. */
export function allowRelaxedSimd(): void {}
