/** Named buffers that grow as they are asked for. */
import type { GpuDevice } from '../device.js';

export class Scratch {
  readonly #device: GpuDevice;
  readonly #what: string;
  readonly #buffers = new Map<string, GPUBuffer>();

  /** @param what the buffers belong to, for people */
  constructor(device: GpuDevice, what: string) {
    this.#device = device;
    this.#what = what;
  }

  /** Its content is that of the last use, unless it had to grow. @throws PffError `memory` */
  async get(name: string, values: number): Promise<GPUBuffer> {
    const had = this.#buffers.get(name);
    if (had && had.size >= 4 * values) return had;
    had?.destroy();
    this.#buffers.delete(name);
    const buffer = await this.#device.buffer(this.#what, values);
    this.#buffers.set(name, buffer);
    return buffer;
  }

  close(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }
}
