/** The GPUs of this machine: number and name, what they hold, and which arithmetic gives the right bits on each; or why there is none. */
import { gpuNames } from '#platform/gpu';
import { messageOf } from '../errors.js';
import { precisions, type Precision } from '../kernels/numerics.js';
import { sharedDevice, type GpuDevice } from '../kernels/webgpu/device.js';
import { formOn } from '../kernels/webgpu/webgpu.js';
import type { Gpu, MachineReport } from './machine-report.js';

/** Opens each GPU, which takes a moment; one in software would take half a minute to prove, so that is left to whoever uses it. */
export async function examineGpus(): Promise<MachineReport['gpu']> {
  const names = await gpuNames().catch(() => []);
  const gpus: Gpu[] = [];
  for (const [number, name] of names.entries()) gpus.push(await examineGpu(number, name));
  if (gpus.length > 0) return { text: null, gpus };
  try {
    const { description } = await sharedDevice();
    return { text: `${description}, which WebGPU does not list`, gpus };
  } catch (error) {
    return { text: messageOf(error), gpus };
  }
}

async function examineGpu(number: number, name: string): Promise<Gpu> {
  try {
    const device = await sharedDevice(String(number));
    const arithmetic: Gpu['arithmetic'] = [];
    for (const precision of device.software ? [] : precisions) arithmetic.push(await proved(device, precision));
    return { number, name, reason: null, software: device.software, bufferBytes: device.maxBytes, arithmetic };
  } catch (error) {
    return { number, name, reason: messageOf(error), software: false, bufferBytes: 0, arithmetic: [] };
  }
}

async function proved(device: GpuDevice, precision: Precision): Promise<Gpu['arithmetic'][number]> {
  try {
    return { precision, form: await formOn(device, precision), reason: null };
  } catch (error) {
    return { precision, form: null, reason: messageOf(error) };
  }
}
