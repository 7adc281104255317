/** What is opened in parts, one after the other: where a part finds no memory, those before it do not stay open. */
import type { GpuDevice } from './device.js';

/** Remembers how to close a part that was opened. Returns the part. */
export type Adopt = <T>(part: T, close: (part: T) => void) => T;

/** @throws what `open` throws, with all parts that it adopted closed, the last one first */
export async function allOrNone<T>(open: (adopt: Adopt) => Promise<T>): Promise<T> {
  const closes: (() => void)[] = [];
  try {
    return await open((part, close) => {
      closes.push(() => close(part));
      return part;
    });
  } catch (error) {
    for (const close of closes.toReversed()) close();
    throw error;
  }
}

/** Makes buffers that are adopted: freed where a later part fails. @throws what `GpuDevice.buffer` throws */
export function maker(device: GpuDevice, what: string, adopt: Adopt): (values: number) => Promise<GPUBuffer> {
  return async (values) => adopt(await device.buffer(what, values), (buffer) => buffer.destroy());
}
