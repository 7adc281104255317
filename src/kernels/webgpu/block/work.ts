/** How the parts of one stage put work on a device: with the stage's numbers, and its parameters in buffers. */
import { PffError } from '../../../errors.js';
import type { Moments } from '../../block/operations.js';
import type { UpdateRule } from '../../operands.js';
import type { Dispatch, GpuDevice, Shader } from '../device.js';
import { elements, MOST_GROUPS } from '../groups.js';
import { tiling } from '../products.js';
import { scalars } from '../scalars.js';
import type { Commands } from './commands.js';
import type { BlockValues } from './parameters.js';
import type { BlockShaders } from './shaders.js';

/** What all stages of a block share. */
export interface Ground {
  readonly device: GpuDevice;
  readonly shaders: BlockShaders;
  readonly commands: Commands;
}

/** A parameter and, where it is trained, its two moments. */
export interface GpuParameter {
  readonly value: GPUBuffer;
  readonly moments: readonly [GPUBuffer, GPUBuffer] | undefined;
  readonly length: number;
}

export class Work {
  readonly device: GpuDevice;
  readonly shaders: BlockShaders;
  readonly #commands: Commands;
  readonly #values: BlockValues;
  readonly #buffers: GPUBuffer[] = [];

  /** @param values of the stage, for each of its shaders */
  constructor({ device, shaders, commands }: Ground, values: BlockValues) {
    this.device = device;
    this.shaders = shaders;
    this.#commands = commands;
    this.#values = values;
  }

  /** One thread for each of `count` elements. */
  each(shader: Shader, buffers: readonly GPUBuffer[], count: number, values: BlockValues = {}): void {
    this.groups(shader, buffers, elements(count), { ...values, count });
  }

  groups(shader: Shader, buffers: readonly GPUBuffer[], groups: Dispatch['groups'], values: BlockValues): void {
    this.#commands.add(shader, { ...this.#values, ...values }, buffers, groups);
  }

  /** A product of M x N outputs, so many times side by side. @param shader for so many outputs of a thread in each direction */
  product(
    shader: (each: number) => Shader,
    buffers: readonly GPUBuffer[],
    [m, n, products]: readonly [number, number, number],
    values: BlockValues,
  ): void {
    const { each, groups } = tiling(this.shaders.options, n, m, products);
    if (groups[1] > MOST_GROUPS)
      throw new PffError('memory', `a product of ${m} rows is more than ${this.device.description} computes at once`, {
        hint: 'Use smaller batches, or --kernels auto.',
      });
    this.groups(shader(each), buffers, [...groups, products], values);
  }

  /** @throws PffError `memory` */
  async parameter([value, moment1, moment2]: Moments, trained: boolean): Promise<GpuParameter> {
    const filled = async (values: Float32Array): Promise<GPUBuffer> => {
      const buffer = await this.device.buffer('the parameters of a block', values.length);
      this.#buffers.push(buffer);
      this.device.write(buffer, values);
      return buffer;
    };
    return {
      value: await filled(value),
      moments: trained ? ([await filled(moment1), await filled(moment2)] as const) : undefined,
      length: value.length,
    };
  }

  /** Rule 5. */
  step(parameter: GpuParameter, gradient: GPUBuffer, rule: UpdateRule, decays: boolean): void {
    const values = scalars(decays ? rule : { ...rule, keep: 1 });
    this.each(this.shaders.update(rule.kind), [gradient, ...updated(parameter, rule.kind)], parameter.length, values);
  }

  async read({ value, moments }: GpuParameter, into: Moments): Promise<void> {
    const reads = [value, ...(moments ?? [])].map((buffer, i) => ({ from: buffer, into: into[i as 0 | 1 | 2] }));
    await this.device.read(reads);
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}

/** The buffers that a rule changes. */
export function updated({ value, moments }: GpuParameter, kind: UpdateRule['kind']): readonly GPUBuffer[] {
  return [value, ...(moments ?? []).slice(0, kind === 'adam' ? 2 : 1)];
}
