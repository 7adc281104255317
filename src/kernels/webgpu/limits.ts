/** What a device can hold in one buffer, before anything is allocated: what is too large, and what would fit. */
import { PffError } from '../../errors.js';
import type { GpuDevice } from './device.js';

type Limits = Pick<GpuDevice, 'maxBytes' | 'description'>;

/** @param maxRows of a batch. @throws PffError `memory` if a matrix of the layer, or its rows, go beyond one buffer */
export function checkFits(
  device: Limits,
  { inputs, outputs }: { readonly inputs: number; readonly outputs: number },
  maxRows: number,
): void {
  const most = Math.floor(device.maxBytes / 4);
  const layer = `a layer of ${inputs} inputs and ${outputs} units`;
  if (inputs * outputs > most) {
    const fits = `With ${inputs} inputs at most ${Math.floor(most / inputs)} units fit.`;
    refuse(device, `the weights of ${layer} are too large for this GPU`, inputs * outputs, fits);
  }
  checkRowsFit(device, layer, Math.max(inputs, outputs), maxRows);
}

/** @param width values of a row. @param maxRows of a batch. @throws PffError `memory` if the rows go beyond one buffer */
export function checkRowsFit(device: Limits, layer: string, width: number, maxRows: number): void {
  const most = Math.floor(device.maxBytes / 4);
  if (maxRows * width <= most) return;
  const fits = `At most ${Math.floor(most / width)} rows fit: lower --batch.`;
  refuse(device, `a batch of ${maxRows} rows of ${layer} is too large for this GPU`, maxRows * width, fits);
}

function refuse({ maxBytes, description }: Limits, what: string, values: number, hint: string): never {
  throw new PffError(
    'memory',
    `${what}: ${megabytes(values * 4)}, but ${description} holds ${megabytes(maxBytes)} in one buffer`,
    { hint: `${hint} --kernels auto has no such limit.` },
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
