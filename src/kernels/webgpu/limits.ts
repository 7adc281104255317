/** What a device can hold in one buffer, before anything is allocated: what is too large, and what would fit. */
import { PffError } from '../../errors.js';
import type { GpuDevice } from './device.js';

/** @param maxRows of a batch. @throws PffError `memory` if a matrix of the layer, or its rows, go beyond one buffer */
export function checkFits(
  device: Pick<GpuDevice, 'maxBytes' | 'description'>,
  { inputs, outputs }: { readonly inputs: number; readonly outputs: number },
  maxRows: number,
): void {
  const most = Math.floor(device.maxBytes / 4);
  const refuse = (what: string, values: number, hint: string): never => {
    throw new PffError(
      'memory',
      `${what}: ${megabytes(values * 4)}, but ${device.description} holds ${megabytes(device.maxBytes)} in one buffer`,
      { hint: `${hint} --kernels auto has no such limit.` },
    );
  };
  if (inputs * outputs > most)
    refuse(
      `the weights of a layer of ${inputs} inputs and ${outputs} units are too large for this GPU`,
      inputs * outputs,
      `With ${inputs} inputs at most ${Math.floor(most / inputs)} units fit.`,
    );
  const width = Math.max(inputs, outputs);
  if (maxRows * width > most)
    refuse(
      `a batch of ${maxRows} rows of a layer of ${inputs} inputs and ${outputs} units is too large for this GPU`,
      maxRows * width,
      `At most ${Math.floor(most / width)} rows fit: lower --batch.`,
    );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
