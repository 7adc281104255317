/** A GPU as the kernels use it: buffers, pipelines, commands and reading back; failures become errors that say what happened. */
import { openGpu } from '#platform/gpu';
import { messageOf, PffError } from '../../errors.js';
import { GpuFailure, GpuIsFull } from '../gpu-failure.js';

/** How a device is watched. */
export interface Watching {
  /** A GPU that does not answer for so long (ms) hangs. */
  readonly patienceMs: number;
}

const usually: Watching = { patienceMs: 120_000 };

/** A shader and what it does with its buffers: whether it writes each, in the order of their bindings from 1. */
export interface Shader {
  readonly code: string;
  readonly writes: readonly boolean[];
}

/** One dispatch: a pipeline, what is bound to it, and how many workgroups. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly groups: readonly [x: number, y: number, z?: number];
  /** Byte at which its parameters begin in the buffer of uniforms. */
  readonly offset?: number;
}

export interface Reading {
  readonly from: GPUBuffer;
  readonly into: Float32Array;
}

/** Devices of this thread by the adapter that was asked for: opening one and compiling its shaders takes long. */
const shared = new Map<string | undefined, Promise<GpuDevice>>();

/** The device of this thread, opened once; another one after a failure. @throws PffError `kernels` where there is no GPU */
export async function sharedDevice(adapter?: string): Promise<GpuDevice> {
  for (;;) {
    const before = shared.get(adapter);
    const known = await before;
    // Another caller may have begun to open one meanwhile.
    if (shared.get(adapter) !== before) continue;
    if (known && !known.failed) return known;
    const opening = GpuDevice.open(adapter);
    shared.set(adapter, opening);
    try {
      return await opening;
    } catch (error) {
      if (shared.get(adapter) === opening) shared.delete(adapter);
      throw error;
    }
  }
}

export class GpuDevice {
  /** Vendor and architecture, for people. */
  readonly description: string;
  /** A CPU that plays a GPU: compiling shaders takes longer than running them. */
  readonly software: boolean;
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<Shader, Promise<GPUComputePipeline>>();
  #staging: GPUBuffer | undefined;
  /** The last reading begun: one after the other, as they share a buffer. */
  #reading: Promise<void> = Promise.resolve();
  #failure: string | undefined;
  readonly #watching: Watching;
  /** For fault tests: readings and submissions until the device is lost. */
  #readingsLeft = Infinity;
  #submissionsLeft = Infinity;

  /** Of a device that is open. @param info of its adapter */
  constructor(device: GPUDevice, info: GPUAdapterInfo, watching = usually) {
    const { vendor, architecture, device: name, description } = info;
    this.#device = device;
    this.#watching = watching;
    this.description = [vendor, architecture || name || description].filter(Boolean).join(' ') || 'unnamed';
    this.software = info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(this.description);
    device.addEventListener('uncapturederror', (event) => {
      // It is told with the failure of what comes next, so it need not be printed.
      event.preventDefault();
      this.#failure ??= event.error.message;
    });
    void this.#watch();
  }

  async #watch(): Promise<void> {
    const { message, reason } = await this.#device.lost;
    this.#failure ??= `the device was lost (${reason}): ${message}`;
  }

  /** @throws PffError `kernels` where there is no GPU */
  static async open(adapterName?: string): Promise<GpuDevice> {
    let adapter: GPUAdapter | null;
    try {
      adapter = await (await openGpu(adapterName)).requestAdapter({ powerPreference: 'high-performance' });
    } catch (error) {
      if (error instanceof PffError) throw error;
      throw new PffError('kernels', `there is no GPU for webgpu kernels: ${messageOf(error)}`, {
        hint: 'In Node.js: npm install webgpu (and a Vulkan driver; on Debian also libvulkan1). Or use --kernels auto.',
        cause: error,
      });
    }
    if (adapter === null)
      throw new PffError('kernels', 'there is no GPU for webgpu kernels: no adapter was found', {
        hint: 'On Linux a Vulkan driver and libvulkan1 are needed. Or use --kernels auto.',
      });
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    try {
      const device = await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
      return new GpuDevice(device, adapter.info);
    } catch (error) {
      throw new PffError('kernels', `the GPU (${adapter.info.device}) cannot be opened: ${messageOf(error)}`, {
        hint: 'Is it in use, or its driver gone? --kernels auto computes on the CPU.',
        cause: error,
      });
    }
  }

  /** The most bytes of one buffer that a shader may use. */
  get maxBytes(): number {
    return Math.min(this.#device.limits.maxBufferSize, this.#device.limits.maxStorageBufferBindingSize);
  }

  /** The pipeline of a shader; made once. */
  pipeline(shader: Shader): Promise<GPUComputePipeline> {
    const made = this.#pipelines.get(shader) ?? this.#makePipeline(shader);
    this.#pipelines.set(shader, made);
    return made;
  }

  #makePipeline({ code, writes }: Shader): Promise<GPUComputePipeline> {
    this.#check();
    const layout = this.#device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } },
        ...writes.map((written, i): GPUBindGroupLayoutEntry => {
          const type = written ? 'storage' : 'read-only-storage';
          return { binding: i + 1, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
        }),
      ],
    });
    return this.#answered(
      this.#device.createComputePipelineAsync({
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: {
          module: this.#device.createShaderModule({ code }),
          entryPoint: 'main',
        },
      }),
    );
  }

  /** A buffer of f32 or u32 values for shaders. @throws PffError `memory` if it is too large for the device, GpuIsFull if there is no room now */
  async buffer(what: string, values: number): Promise<GPUBuffer> {
    this.#check();
    const size = Math.max(4, values * 4);
    if (size > this.maxBytes)
      throw new PffError(
        'memory',
        `${what} take ${size} bytes, but ${this.description} holds ${this.maxBytes} in one buffer`,
        {
          hint: 'Use smaller layers or batches, or --kernels auto.',
        },
      );
    this.#device.pushErrorScope('out-of-memory');
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = this.#device.createBuffer({ label: what, size, usage });
    const error = await this.#answered(this.#device.popErrorScope());
    if (error === null) return buffer;
    throw new GpuIsFull(`the GPU (${this.description}) has no memory left for ${what} (${size} bytes)`, {
      hint: 'Use smaller layers or batches, or --kernels auto.',
    });
  }

  uniform(values: number): GPUBuffer {
    return this.#device.createBuffer({ size: values * 4, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  }

  /** @param at first byte of the buffer to write to; with bytes of data, all are multiples of 4 */
  write(buffer: GPUBuffer, data: Float32Array | Uint32Array | Uint8Array, at = 0): void {
    if (data.length === 0) return;
    // Memory shared between threads is not taken as it is everywhere.
    const own = data.buffer instanceof ArrayBuffer ? data : data.slice();
    this.#device.queue.writeBuffer(buffer, at, own.buffer, own.byteOffset, own.byteLength);
  }

  /** @param parameterBytes of one call; a buffer of uniforms may hold those of many */
  bind(
    pipeline: GPUComputePipeline,
    uniform: GPUBuffer,
    buffers: readonly GPUBuffer[],
    parameterBytes = uniform.size,
  ): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: uniform, size: parameterBytes } },
        ...buffers.map((buffer, i) => ({ binding: i + 1, resource: { buffer } })),
      ],
    });
  }

  /** Puts work into the device's queue; it is done in order. */
  run(dispatches: readonly Dispatch[]): void {
    this.#check();
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, bindings, groups, offset = 0 } of dispatches) {
      if (groups[0] === 0 || groups[1] === 0) continue;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings, [offset]);
      pass.dispatchWorkgroups(...groups);
    }
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
    if (--this.#submissionsLeft <= 0) this.#device.destroy();
  }

  /** Once all that is in the queue now is done. */
  done(): Promise<void> {
    return this.#answered(this.#device.queue.onSubmittedWorkDone());
  }

  /** Fills each array from its buffer, once the work before is done. */
  read(reads: readonly Reading[]): Promise<void> {
    const reading = this.#reading.then(() => this.#read(reads));
    // The next one meets the same failure by itself.
    this.#reading = reading.catch(() => {});
    return reading;
  }

  async #read(reads: readonly Reading[]): Promise<void> {
    if (--this.#readingsLeft <= 0) this.#device.destroy();
    const wanted = reads.filter(({ into }) => into.length > 0);
    const size = wanted.reduce((bytes, { into }) => bytes + into.byteLength, 0);
    if (size === 0) return;
    if (this.#staging === undefined || this.#staging.size < size) {
      this.#staging?.destroy();
      this.#staging = this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    }
    const staging = this.#staging;
    const encoder = this.#device.createCommandEncoder();
    let at = 0;
    for (const { from, into } of wanted) {
      encoder.copyBufferToBuffer(from, 0, staging, at, into.byteLength);
      at += into.byteLength;
    }
    this.#device.queue.submit([encoder.finish()]);
    await this.#answered(staging.mapAsync(GPUMapMode.READ, 0, size));
    const bytes = staging.getMappedRange(0, size);
    at = 0;
    for (const { into } of wanted) {
      // As bits: a subnormal number must come through.
      new Uint32Array(into.buffer, into.byteOffset, into.length).set(new Uint32Array(bytes, at, into.length));
      at += into.byteLength;
    }
    staging.unmap();
    this.#check();
  }

  /** What the device answers. @throws GpuFailure if it fails or does not answer */
  async #answered<T>(work: Promise<T>): Promise<T> {
    const { patienceMs } = this.#watching;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it gave no answer for ${patienceMs / 1000} s`)), patienceMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      // A device that is lost says more by itself.
      await Promise.resolve();
      this.#failure ??= messageOf(error);
      throw this.#failed(this.#failure);
    } finally {
      clearTimeout(timer);
    }
  }

  /** For fault tests: loses the device at a reading, by default the next one. */
  loseAtReading(which = 1): void {
    this.#readingsLeft = which;
  }

  /** The same right after a submission of work, which is still under way. */
  loseAtSubmission(which = 1): void {
    this.#submissionsLeft = which;
  }

  /** Whether the device is of no use any more. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws GpuFailure after a failure of the device: nothing that it gives counts any more */
  #check(): void {
    if (this.#failure !== undefined) throw this.#failed(this.#failure);
  }

  #failed(why: string): GpuFailure {
    return new GpuFailure(`the GPU (${this.description}) failed: ${why}`);
  }
}
