/** The work of one call of a block, collected for one submission: each dispatch has its numbers in a buffer of its own. */
import type { Dispatch, GpuDevice, Shader } from '../device.js';
import { BLOCK_PARAMETERS, type BlockValues } from './parameters.js';

interface Uniform {
  readonly buffer: GPUBuffer;
  readonly values: Uint32Array<ArrayBuffer>;
}

export class Commands {
  readonly #device: GpuDevice;
  readonly #uniforms: Uniform[] = [];
  #dispatches: Dispatch[] = [];

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Forgets what a call that failed has left. */
  begin(): void {
    this.#dispatches = [];
  }

  async add(
    shader: Shader,
    values: BlockValues,
    buffers: readonly GPUBuffer[],
    groups: Dispatch['groups'],
  ): Promise<void> {
    const uniform = this.#uniformOf(this.#dispatches.length, values);
    const pipeline = await this.#device.pipeline(shader);
    this.#dispatches.push({ pipeline, bindings: this.#device.bind(pipeline, uniform, buffers), groups });
  }

  /** Writes come after what was submitted before, so the buffers of numbers are free again. */
  submit(): void {
    this.#device.run(this.#dispatches);
    this.#dispatches = [];
  }

  close(): void {
    for (const { buffer } of this.#uniforms) buffer.destroy();
  }

  #uniformOf(index: number, given: BlockValues): GPUBuffer {
    const values = Uint32Array.from(BLOCK_PARAMETERS, (name) => given[name] ?? 0);
    const had = this.#uniforms[index];
    if (had?.values.every((value, i) => value === values[i])) return had.buffer;
    const buffer = had?.buffer ?? this.#device.uniform(BLOCK_PARAMETERS.length);
    this.#uniforms[index] = { buffer, values };
    this.#device.write(buffer, values);
    return buffer;
  }
}
