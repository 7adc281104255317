/** Rule 8 of block/contract.ts on a GPU: the convolution of one stage, with its parameters. */
import { convolved, patchValues, type Stage } from '../../block/contract.js';
import type { ConvolutionOptions, ConvolutionTensors } from '../../block/operations.js';
import type { UpdateRule } from '../../operands.js';
import { bits, scalars } from '../scalars.js';
import type { Scratch } from './scratch.js';
import { updated, type GpuParameter, type Work } from './work.js';

/** Rows that enter a stage; see `ConvolutionInput`. */
export interface Entered {
  readonly rows: GPUBuffer;
  readonly batch: number;
  readonly variants: number;
  readonly labels: GPUBuffer;
}

export class GpuConvolution {
  readonly #work: Work;
  readonly #stage: Stage;
  readonly #options: ConvolutionOptions;
  readonly #weight: GpuParameter;
  readonly #label: GpuParameter;
  readonly #bias: GpuParameter;
  readonly #positions: number;

  private constructor(
    work: Work,
    stage: Stage,
    options: ConvolutionOptions,
    parameters: readonly [weight: GpuParameter, label: GpuParameter, bias: GpuParameter],
  ) {
    const { height, width } = convolved(stage);
    this.#work = work;
    this.#stage = stage;
    this.#options = options;
    [this.#weight, this.#label, this.#bias] = parameters;
    this.#positions = height * width;
  }

  /** Its parameters are freed with `work`. @throws PffError `memory` */
  static async open(
    work: Work,
    stage: Stage,
    { weight, label, bias }: ConvolutionTensors,
    options: ConvolutionOptions,
  ): Promise<GpuConvolution> {
    const { trained } = options;
    const parameters = [
      await work.parameter(weight, trained),
      await work.parameter(label, trained),
      await work.parameter(bias, trained),
    ] as const;
    return new GpuConvolution(work, stage, options, parameters);
  }

  /** `out` [V · B, H', W', O] */
  async forward({ rows, batch, variants, labels }: Entered, out: GPUBuffer, scratch: Scratch): Promise<void> {
    const work = this.#work;
    const { outputs, groups } = this.#stage;
    const samples = batch * this.#positions;
    const shared = this.#options.labels > 0 ? await scratch.get('shared', samples * outputs) : out;
    const buffers = [rows, this.#weight.value, this.#bias.value, shared];
    work.product(work.shaders.convolve, buffers, [samples, outputs / groups, groups], { batch });
    if (shared === out) return;
    const values = { batch, variants, rows: batch * variants };
    const count = variants * samples * outputs;
    work.each(work.shaders.addLabels(), [shared, labels, this.#label.value, out], count, values);
  }

  /** `delta` [R, H', W', O] to `out` [R, H, W, C]. */
  inputGradient(delta: GPUBuffer, rows: number, out: GPUBuffer): void {
    const work = this.#work;
    const { from, groups } = this.#stage;
    const size = [rows * from.height * from.width, from.channels / groups, groups] as const;
    work.product(work.shaders.inputGradient, [delta, this.#weight.value, out], size, { rows });
  }

  /** One step; `sums` [V · B, O] is D. */
  async update(entered: Entered, delta: GPUBuffer, sums: GPUBuffer, rule: UpdateRule, scratch: Scratch): Promise<void> {
    const work = this.#work;
    const { shaders } = work;
    const { batch, variants, labels } = entered;
    const { outputs, groups } = this.#stage;
    const rows = batch * variants;
    const values = { batch, variants, rows };
    let samples = delta;
    if (variants > 1) {
      const size = batch * this.#positions * outputs;
      samples = await scratch.get('samples', size);
      work.each(shaders.variantSums(), [delta, samples], size, { ...values, flag: 1 });
    }
    const { kind } = rule;
    work.product(
      (each) => shaders.weightUpdate(kind, each),
      [entered.rows, samples, ...updated(this.#weight, kind)],
      [patchValues(this.#stage), outputs / groups, groups],
      { ...values, ...scalars(rule) },
    );
    if (this.#options.labels > 0) {
      const { length } = this.#label;
      const labelGradient = await scratch.get('gradient of labels', length);
      work.each(shaders.labelGradient(), [labels, sums, labelGradient], length, values);
      work.step(this.#label, labelGradient, rule, true);
    }
    if (this.#options.fixedBias) return;
    const biasGradient = await scratch.get('gradient of biases', outputs);
    const all = { terms: rows, step: outputs, apart: 1, share: bits(1) };
    work.each(shaders.reduce(), [sums, biasGradient], outputs, all);
    work.step(this.#bias, biasGradient, rule, false);
  }

  async read({ weight, label, bias }: ConvolutionTensors): Promise<void> {
    await this.#work.read(this.#weight, weight);
    await this.#work.read(this.#label, label);
    await this.#work.read(this.#bias, bias);
  }
}
