/** The kernels of a node in a browser: WebAssembly or the GPU, or else the reference, with the same bits; and which GPU is offered. */
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import { openPortableKernels } from '../../src/kernels/open-portable.js';

/** `auto`: WebAssembly, or else the reference. */
export type TabKernels = 'auto' | 'webgpu';

/** @throws PffError `kernels` where this browser computes other bits, or has no such GPU */
export async function openBrowserKernels(precision: Precision, kernels: TabKernels): Promise<Kernels> {
  return (await openPortableKernels(precision, kernels)).kernels;
}

/** The GPU that this browser offers to pages, or why there is none. */
export type OfferedGpu = { readonly name: string; readonly software: boolean } | { readonly why: string };

export async function offeredGpu(): Promise<OfferedGpu> {
  const { gpu } = navigator as { readonly gpu?: GPU };
  if (!gpu)
    return {
      why: globalThis.isSecureContext
        ? 'this browser has no WebGPU'
        : 'browsers offer their GPU only to pages that come by HTTPS or from localhost',
    };
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) return { why: 'this browser finds no GPU that it offers to pages' };
    const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
    const name = description || device || [vendor, architecture].filter(Boolean).join(' ') || 'without a name';
    return { name, software: isFallbackAdapter || /swiftshader|llvmpipe/i.test(name) };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}
