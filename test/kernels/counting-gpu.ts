/** A GPU that computes nothing: it counts buffers and submissions, and fails where a test wants it. */
import { openGpu } from '#platform/gpu';
import { GpuDevice } from '../../src/kernels/webgpu/device.js';

export class CountingGpu {
  readonly gpu: GpuDevice;
  /** Labels of the buffers that were not destroyed. */
  readonly live = new Map<object, string>();
  submissions = 0;
  /** The one of this number from now on has no memory; those after it have. */
  allocationsLeft = Infinity;
  /** What has been submitted is done once this is. */
  done = Promise.resolve();

  /** Loads the module first that has the constants of WebGPU. */
  static async open(): Promise<CountingGpu> {
    await openGpu();
    return new CountingGpu();
  }

  private constructor() {
    let isFull = false;
    const nothing = () => ({});
    const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
    const device = {
      limits: { maxBufferSize: 2 ** 30, maxStorageBufferBindingSize: 2 ** 30 },
      lost: new Promise(() => {}),
      addEventListener: nothing,
      // Whoever allocates puts a scope around it; small buffers of parameters have none.
      pushErrorScope: () => void (isFull = --this.allocationsLeft === 0),
      popErrorScope: () => {
        const error = isFull ? { message: 'no memory' } : null;
        isFull = false;
        return Promise.resolve(error);
      },
      createBuffer: ({ label = '', size }: GPUBufferDescriptor) => {
        const buffer = { size, destroy: () => this.live.delete(buffer) };
        if (!isFull) this.live.set(buffer, label);
        return buffer;
      },
      createBindGroupLayout: nothing,
      createPipelineLayout: nothing,
      createShaderModule: nothing,
      createComputePipelineAsync: () => Promise.resolve({ getBindGroupLayout: nothing }),
      createBindGroup: ({ entries }: GPUBindGroupDescriptor) => {
        for (const { resource } of entries)
          if (!this.live.has((resource as GPUBufferBinding).buffer)) throw new Error('a destroyed buffer is used');
        return {};
      },
      createCommandEncoder: () => ({ beginComputePass: () => pass, finish: nothing }),
      queue: {
        writeBuffer: nothing,
        submit: () => void this.submissions++,
        onSubmittedWorkDone: () => this.done,
      },
    };
    const info = { vendor: 'counting', architecture: 'none', device: '', description: '', isFallbackAdapter: true };
    this.gpu = new GpuDevice(device as unknown as GPUDevice, info as GPUAdapterInfo);
  }
}
