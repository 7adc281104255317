/** The work of one call of a block, collected for one submission: each dispatch has its numbers in a buffer of its own. */
import type { Dispatch, GpuDevice, Shader } from '../device.js';
import { BLOCK_PARAMETERS, type BlockValues } from './parameters.js';

interface Uniform {
  readonly buffer: GPUBuffer;
  readonly values: Uint32Array<ArrayBuffer>;
}

/** A dispatch whose shader may still be compiling. */
interface Waiting {
  readonly pipeline: Promise<GPUComputePipeline>;
  readonly uniform: GPUBuffer;
  readonly buffers: readonly GPUBuffer[];
  readonly groups: Dispatch['groups'];
}

export class Commands {
  readonly #device: GpuDevice;
  readonly #uniforms: Uniform[] = [];
  #waiting: Waiting[] = [];

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** Forgets what a call that failed has left. */
  begin(): void {
    this.#waiting = [];
  }

  add(shader: Shader, values: BlockValues, buffers: readonly GPUBuffer[], groups: Dispatch['groups']): void {
    const pipeline = this.#device.pipeline(shader);
    // Whoever submits meets the failure.
    pipeline.catch(() => {});
    this.#waiting.push({ pipeline, uniform: this.#uniformOf(this.#waiting.length, values), buffers, groups });
  }

  /**
   * Waits for all shaders at once, as devices compile several at a time. Numbers are written after what was submitted before, so their
   * buffers are free again.
   */
  async submit(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    const pipelines = await Promise.all(waiting.map(({ pipeline }) => pipeline));
    this.#device.run(
      waiting.map(({ uniform, buffers, groups }, i): Dispatch => {
        const pipeline = pipelines[i] as GPUComputePipeline;
        return { pipeline, bindings: this.#device.bind(pipeline, uniform, buffers), groups };
      }),
    );
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
