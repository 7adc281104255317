/** The activations of a kept batch as the program sees them: read once, and written back if `Kernels.dropout` changed them. */
import type { GpuDevice } from './device.js';

/** By the memory of the arrays that were handed out. */
const handedOut = new WeakMap<ArrayBufferLike, KeptActivations>();

/** Tells the layer whose kept activations `values` is, if any, that they were changed. */
export function activationsChanged(values: Float32Array): void {
  handedOut.get(values.buffer)?.changed();
}

export class KeptActivations {
  readonly #device: GpuDevice;
  readonly #buffer: GPUBuffer;
  readonly #length: number;
  #view: Float32Array | undefined;
  #changed = false;

  /** @param buffer holds the `length` values until the next batch */
  constructor(device: GpuDevice, buffer: GPUBuffer, length: number) {
    this.#device = device;
    this.#buffer = buffer;
    this.#length = length;
  }

  async view(): Promise<Float32Array> {
    if (this.#view) return this.#view;
    const view = new Float32Array(this.#length);
    await this.#device.read([{ from: this.#buffer, into: view }]);
    handedOut.set(view.buffer, this);
    this.#view = view;
    return view;
  }

  changed(): void {
    this.#changed = true;
  }

  /** Before the device uses them again. */
  upload(): void {
    if (this.#changed && this.#view) this.#device.write(this.#buffer, this.#view);
    this.#changed = false;
  }
}
