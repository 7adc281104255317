/** Shaders over buffers as dispatches. What is bound is kept: a step uses the buffers of the step before it. */
import type { Dispatch, GpuDevice, Shader } from './device.js';
import { SLOT_BYTES } from './scalars.js';

/** Where the parameters of a call lie. */
export interface Slot {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

export class Bindings {
  readonly device: GpuDevice;
  readonly #bindings = new Map<string, GPUBindGroup>();
  readonly #numbers = new WeakMap<object, number>();
  #named = 0;

  constructor(device: GpuDevice) {
    this.device = device;
  }

  async dispatch(
    shader: Shader,
    { buffer, offset }: Slot,
    buffers: readonly GPUBuffer[],
    groups: Dispatch['groups'],
  ): Promise<Dispatch> {
    const pipeline = await this.device.pipeline(shader);
    const key = [shader, buffer, ...buffers].map((each) => this.#number(each)).join(' ');
    const bindings = this.#bindings.get(key) ?? this.device.bind(pipeline, buffer, buffers, SLOT_BYTES);
    this.#bindings.set(key, bindings);
    return { pipeline, bindings, groups, offset };
  }

  clear(): void {
    this.#bindings.clear();
  }

  #number(of: object): number {
    const number = this.#numbers.get(of) ?? this.#named++;
    this.#numbers.set(of, number);
    return number;
  }
}
