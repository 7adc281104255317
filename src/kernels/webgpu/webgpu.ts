/**
 * Kernels on a GPU by WebGPU, in Node.js and in browsers, with the bits of the CPU: exact numerics, proved on the very device. A GPU whose own
 * arithmetic does not pass gets what is element-wise in integer arithmetic; in bf16 the products, whose terms are exact, stay its own.
 */
import { PffError } from '../../errors.js';
import type { Kernels, Precision } from '../kernels.js';
import { exactNumerics } from '../numerics.js';
import { openReference } from '../reference/reference.js';
import { proveNumerics } from '../probe.js';
import type { ArithmeticForm } from './arithmetic.js';
import { activationsChanged, GpuDense } from './dense.js';
import { GpuDevice } from './device.js';

export interface WebGpuOptions {
  readonly precision?: Precision | undefined;
  /** Part of the name of the adapter to use. */
  readonly adapter?: string | undefined;
}

/** The form of arithmetic that was proved on a device, by its description and the precision. */
const provedForms = new Map<string, ArithmeticForm>();

/** @throws PffError `kernels` where there is no GPU, or none whose bits are right */
export async function openWebGpu({ precision = 'f32', adapter }: WebGpuOptions): Promise<Kernels> {
  const device = await GpuDevice.open(adapter);
  try {
    const key = `${device.description} ${precision}`;
    const form = provedForms.get(key) ?? (await proveForm(device, precision));
    provedForms.set(key, form);
    return kernelsOn(device, precision, form);
  } catch (error) {
    device.close();
    throw error;
  }
}

async function proveForm(device: GpuDevice, precision: Precision): Promise<ArithmeticForm> {
  const kernels = kernelsOn(device, precision, 'device');
  try {
    await proveNumerics(kernels);
    return 'device';
  } catch (error) {
    if (!(error instanceof PffError) || error.code !== 'kernels') throw error;
  }
  await proveNumerics(kernelsOn(device, precision, 'integer'));
  return 'integer';
}

/** The kernels on an open device. Those of tests choose the form of arithmetic. */
export function kernelsOn(device: GpuDevice, precision: Precision, form: ArithmeticForm): Kernels {
  const cpu = openReference(precision);
  return {
    name: `webgpu (${device.description}${form === 'integer' ? ', integer arithmetic' : ''})`,
    numerics: exactNumerics[precision],
    threads: 1,
    openDense: (tensors, options) => GpuDense.open(device, tensors, options, { form, precision }),
    stageBytes(...args) {
      cpu.stageBytes(...args);
    },
    dropout(input, mask, out, sumSquares) {
      cpu.dropout(input, mask, out, sumSquares);
      activationsChanged(out);
    },
    close: () => device.close(),
  };
}
