/**
 * A GPU that is lost, hangs, has no memory or too small a buffer (SwiftShader, in part made to behave so): one clear error each time.
 * Own process: its environment names a GPU in software.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openGpu } from '#platform/gpu';
import { decodeError, encodeError } from '../../src/error-codec.js';
import { GpuFailure } from '../../src/kernels/gpu-failure.js';
import { GpuDevice, sharedDevice } from '../../src/kernels/webgpu/device.js';
import { checkFits } from '../../src/kernels/webgpu/limits.js';
import { kernelsOn } from '../../src/kernels/webgpu/webgpu.js';
import { softwareGpu } from '../../tools/webgpu.js';
import { emptyTensors } from './layers.js';

Object.assign(process.env, softwareGpu());

/** A device of its own, some of whose methods are others. */
async function opened(
  over: (device: GPUDevice) => Partial<GPUDevice> = () => ({}),
  patienceMs = 10_000,
): Promise<{ readonly raw: GPUDevice; readonly gpu: GpuDevice }> {
  // An adapter opens one device.
  const adapter = (await (await openGpu()).requestAdapter()) as GPUAdapter;
  const raw = await adapter.requestDevice();
  const others: Partial<GPUDevice> = over(raw);
  const altered = new Proxy(raw, {
    get(target, name) {
      if (name in others) return Reflect.get(others, name) as unknown;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { raw, gpu: new GpuDevice(altered, adapter.info, { patienceMs }) };
}

const failure = (text: string) => expect.objectContaining({ code: 'kernels', message: expect.stringContaining(text) });
const values = new Float32Array(4);

describe('a failure is told as what it is', () => {
  test('a device that is lost while it reads', async () => {
    const { gpu } = await opened();
    const from = await gpu.buffer('four values', 4);
    await gpu.read([{ from, into: values }]);
    gpu.loseAtReading();
    const read = gpu.read([{ from, into: values }]);
    await expect(read).rejects.toThrow(failure('google swiftshader) failed: '));
    await expect(read).rejects.toBeInstanceOf(GpuFailure);
    // And nothing that it gives afterwards counts.
    expect(gpu.failed).toBe(true);
    expect(() => gpu.run([])).toThrow(GpuFailure);
    await expect(gpu.buffer('four values', 4)).rejects.toThrow(GpuFailure);
  });

  test('one that gives no answer', async () => {
    const { gpu } = await opened(
      (raw) => ({
        createBuffer: (about) => {
          const buffer = raw.createBuffer(about);
          if (about.usage & GPUBufferUsage.MAP_READ) buffer.mapAsync = () => new Promise(() => {});
          return buffer;
        },
      }),
      100,
    );
    const from = await gpu.buffer('four values', 4);
    await expect(gpu.read([{ from, into: values }])).rejects.toThrow(failure('failed: it gave no answer for 0.1 s'));
    expect(gpu.failed).toBe(true);
  });

  test('a shader that is never compiled', async () => {
    const { gpu } = await opened(() => ({ createComputePipelineAsync: () => new Promise(() => {}) }), 100);
    const pipeline = gpu.pipeline({ code: '@compute @workgroup_size(1) fn main() {}', writes: [] });
    await expect(pipeline).rejects.toThrow(failure('no answer for 0.1 s'));
  });

  test('no memory left', async () => {
    const { gpu } = await opened((raw) => ({
      popErrorScope: async () => {
        await raw.popErrorScope();
        return { message: 'no memory' };
      },
    }));
    await expect(gpu.buffer('the weights', 1000)).rejects.toThrow(
      failure('no memory left for the weights (4000 bytes)'),
    );
    // Others may fit.
    expect(gpu.failed).toBe(false);
  });

  test('an error that nothing waits for', async () => {
    const { raw, gpu } = await opened();
    const from = await gpu.buffer('four values', 4);
    let printed = false;
    raw.addEventListener('uncapturederror', ({ defaultPrevented }) => (printed = !defaultPrevented));
    raw.createBuffer({ size: 4, usage: 0 });
    await expect(gpu.read([{ from, into: values }])).rejects.toThrow(failure('failed: Buffer usages must not be 0'));
    expect(printed).toBe(false);
  });

  test('it is the same error on the other side of a message port', () => {
    const error = new GpuFailure('the GPU failed', { hint: 'Do this.' });
    const arrived = decodeError(encodeError(error));
    expect(arrived).toBeInstanceOf(GpuFailure);
    expect(arrived).toMatchObject({ code: 'kernels', message: 'the GPU failed', hint: 'Do this.' });
  });
});

test('after a failure the next one who asks gets a new device', async () => {
  const first = await sharedDevice();
  first.loseAtReading();
  await expect(first.read([{ from: await first.buffer('a value', 1), into: new Float32Array(1) }])).rejects.toThrow();
  const second = await sharedDevice();
  expect(second).not.toBe(first);
  expect(second.failed).toBe(false);
  expect(await sharedDevice()).toBe(second);
});

describe('several callers at once', () => {
  afterEach(() => vi.restoreAllMocks());

  test('after a failure they get the same new device', async () => {
    const devices = [await opened(), await opened()].map(({ gpu }) => gpu);
    const opening = vi.spyOn(GpuDevice, 'open').mockImplementation(() => Promise.resolve(devices.shift() as GpuDevice));
    const [first, also] = await Promise.all([sharedDevice('shared'), sharedDevice('shared')]);
    expect(also).toBe(first);
    first.loseAtReading();
    await expect(first.read([{ from: await first.buffer('a value', 1), into: new Float32Array(1) }])).rejects.toThrow();
    const [second, again] = await Promise.all([sharedDevice('shared'), sharedDevice('shared')]);
    expect(second).not.toBe(first);
    expect(again).toBe(second);
    expect(opening).toHaveBeenCalledTimes(2);
  });

  test('one that cannot be opened is an error for all, and opened again for the next', async () => {
    const { gpu } = await opened();
    const opening = vi.spyOn(GpuDevice, 'open').mockRejectedValueOnce(new Error('none')).mockResolvedValue(gpu);
    const found = await Promise.allSettled([sharedDevice('refused'), sharedDevice('refused')]);
    expect(found.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await sharedDevice('refused')).toBe(gpu);
    expect(opening).toHaveBeenCalledTimes(2);
  });
});

describe('what is too large', () => {
  const device = { maxBytes: 4e6, description: 'a GPU' };

  test.each([
    [2000, 1000, 8, 'the weights of a layer of 2000 inputs and 1000 units are too large', 'at most 500 units fit'],
    [500, 1000, 5000, 'a batch of 5000 rows of a layer of 500 inputs and 1000 units is', 'At most 1000 rows fit'],
  ])('%i inputs, %i units, %i rows: says what it is, and what fits', (inputs, outputs, rows, message, hint) => {
    expect(() => checkFits(device, { inputs, outputs }, rows)).toThrow(
      expect.objectContaining({
        code: 'memory',
        message: expect.stringMatching(new RegExp(`^${message}.*MB, but a GPU holds 4.0 MB in one buffer$`)) as string,
        hint: expect.stringContaining(hint) as string,
      }),
    );
  });

  test('what fits is not refused', () => checkFits(device, { inputs: 1000, outputs: 1000 }, 1000));

  test('a layer is refused before anything of it is on the device', async () => {
    const kernels = kernelsOn(await sharedDevice(), { precision: 'bf16', form: 'integer', each: [1] });
    const tensors = emptyTensors(2, 3000);
    const opening = kernels.openDense(tensors, { activation: 'relu', maxRows: 2 ** 20, suffixInputs: 0 });
    await expect(opening).rejects.toMatchObject({ code: 'memory' });
  });
});
