/** WebGPU in a browser. */

/** The entry to the GPU; a browser picks the adapter by itself. @throws Error that says why there is none */
export function openGpu(_adapter?: string): Promise<GPU> {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: GPU } };
  if (navigator?.gpu) return Promise.resolve(navigator.gpu);
  return Promise.reject(new Error('this browser has no WebGPU, or the page does not come from localhost or by HTTPS'));
}
