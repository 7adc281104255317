/** Samples on a device, and the dispatches that draw a batch from them. Images stay there from chapter to chapter; rows are those of one layer and chapter. */
import { PffError } from '../../errors.js';
import { GpuIsFull } from '../gpu-failure.js';
import type { Stock } from '../trainer.js';
import { allOrNone } from './all-or-none.js';
import type { Slot } from './bindings.js';
import { destroyAll, type DenseWork, type RowBuffers } from './dense-work.js';
import type { Dispatch, GpuDevice } from './device.js';
import { elements } from './groups.js';
import { stagingShaders } from './staging-shaders.js';

/** Bytes that are written at once: the driver keeps a copy of each. */
const BYTES_OF_A_WRITE = 2 ** 26;

/** Images by their array, which is the same in all chapters. */
const held = new WeakMap<GpuDevice, WeakMap<object, Promise<GPUBuffer>>>();

type Images = Extract<Stock, { readonly kind: 'images' }>;

/** [n] each. */
interface Scales {
  readonly scale: GPUBuffer;
  readonly mean: GPUBuffer;
  readonly label: GPUBuffer;
}

export class DeviceStock {
  readonly #work: DenseWork;
  readonly #kind: 'bytes' | 'floats' | 'rows';
  readonly #values: GPUBuffer;
  /** What `values` are with; none for rows. */
  readonly #scales: Scales | undefined;
  /** Samples or rows there are. */
  readonly count: number;
  /** Values of an image before its prefix. */
  readonly skip: number;

  private constructor(work: DenseWork, stock: Stock, values: GPUBuffer, scales?: Scales) {
    this.#work = work;
    this.#kind = stock.kind === 'rows' ? 'rows' : stock.values instanceof Uint8Array ? 'bytes' : 'floats';
    this.#values = values;
    this.#scales = scales;
    this.skip = stock.kind === 'rows' ? 0 : stock.skip;
    this.count = stock.kind === 'rows' ? Math.floor(stock.values.length / work.prefixInputs) : stock.scale.length;
  }

  /** Undefined where the device has no room for it. */
  static async open(work: DenseWork, stock: Stock): Promise<DeviceStock | undefined> {
    const { device } = work;
    try {
      if (stock.kind === 'rows') return new DeviceStock(work, stock, await filled(device, stock.values));
      const images = await heldImages(device, stock);
      const { scale, mean = new Float32Array(scale.length), label } = stock;
      return await allOrNone(async (adopt) => {
        const given = async (values: Float32Array | Uint8Array) =>
          adopt(await filled(device, values), (buffer) => buffer.destroy());
        const scales = { scale: await given(scale), mean: await given(mean), label: await given(label) };
        return new DeviceStock(work, stock, images, scales);
      });
    } catch (error) {
      if (error instanceof GpuIsFull || (error instanceof PffError && error.code === 'memory')) return undefined;
      throw error;
    }
  }

  /** Draws the rows at the step's picks into `prefix`, and makes their labels. */
  async draw({ prefix, suffix }: RowBuffers, picks: GPUBuffer, batch: number, rows: number, slot: Slot) {
    const { prefixInputs, suffixInputs } = this.#work;
    const shaders = stagingShaders();
    const shader = shaders[this.#kind];
    const all = elements(batch * prefixInputs);
    if (!this.#scales) return [await this.#work.bindings.dispatch(shader, slot, [this.#values, picks, prefix], all)];
    const { scale, mean, label } = this.#scales;
    const work: Dispatch[] = [
      await this.#work.bindings.dispatch(shader, slot, [this.#values, scale, mean, picks, prefix], all),
    ];
    if (suffixInputs > 0)
      work.push(
        await this.#work.bindings.dispatch(shaders.labels, slot, [label, picks, suffix], elements(rows * suffixInputs)),
      );
    return work;
  }

  close(): void {
    destroyAll(this.#scales);
    if (this.#kind === 'rows') this.#values.destroy();
  }
}

function heldImages(device: GpuDevice, { values }: Images): Promise<GPUBuffer> {
  const ofDevice = held.get(device) ?? new WeakMap<object, Promise<GPUBuffer>>();
  held.set(device, ofDevice);
  const known = ofDevice.get(values) ?? filled(device, values);
  ofDevice.set(values, known);
  // What found no room is tried again.
  known.catch(() => ofDevice.delete(values));
  return known;
}

async function filled(device: GpuDevice, values: Uint8Array | Float32Array): Promise<GPUBuffer> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const whole = bytes.length - (bytes.length % 4);
  const buffer = await device.buffer('the training data', Math.ceil(bytes.length / 4));
  for (let at = 0; at < whole; at += BYTES_OF_A_WRITE)
    device.write(buffer, bytes.subarray(at, Math.min(whole, at + BYTES_OF_A_WRITE)), at);
  if (whole === bytes.length) return buffer;
  const rest = new Uint8Array(4);
  rest.set(bytes.subarray(whole));
  device.write(buffer, rest, whole);
  return buffer;
}
