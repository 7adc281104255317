/** A block of convolutions on a GPU: all stages of a call in one submission; backpropagation stays inside the block. */
import {
  checkDelta,
  checkForward,
  checkInput,
  checkInputGradient,
  checkOutput,
  checkRule,
  failClosed,
} from '../../check.js';
import { BlockInput, inputValues, turnInJavaScript } from '../../block/block-input.js';
import { checkBlock } from '../../block/check.js';
import {
  convolved,
  hasConvolution,
  labelsOf,
  leaving,
  planeValues,
  type BlockOptions,
  type Planes,
  type Stage,
  type StageTensors,
} from '../../block/contract.js';
import type { BlockKernel } from '../../kernels.js';
import type { Delta, LayerInput, LayerOutput, UpdateRule } from '../../operands.js';
import { normaliseRow } from '../../reference/operations.js';
import type { ArithmeticForm } from '../arithmetic.js';
import type { Attached } from '../dense.js';
import { ROWS_OF_SUMS } from '../lane-sums.js';
import type { GpuDevice } from '../device.js';
import { spread } from '../groups.js';
import { checkRowsFit } from '../limits.js';
import { KeptActivations } from '../kept-activations.js';
import { Commands } from './commands.js';
import type { Entered } from './convolution.js';
import { Scratch } from './scratch.js';
import type { BlockShaders } from './shaders.js';
import { GpuStage, type BlockLoss, type Leaving } from './stage.js';
import type { Ground } from './work.js';

/** Values of a plane, before it is pooled, that inference has in hand at a time, and positions: a product has no more rows. */
const INFERENCE_VALUES = { gpu: 2 ** 24, software: 2 ** 20 };
const INFERENCE_POSITIONS = 2 ** 19;

interface KeptBatch {
  readonly rows: number;
  readonly activations: KeptActivations;
  readonly y: GPUBuffer;
}

export class GpuBlock implements BlockKernel {
  readonly inputs: number;
  readonly outputs: number;
  readonly planes: Planes;
  readonly suffixInputs: number;
  readonly device: GpuDevice;
  readonly #commands: Commands;
  readonly #shaders: BlockShaders;
  readonly #options: BlockOptions;
  readonly #input: BlockInput;
  readonly #stages: readonly GpuStage[];
  readonly #keeping: Scratch;
  readonly #passing: Scratch;
  /** The first stage that has something to learn. */
  readonly #lowest: number;
  /** Samples that inference takes at a time. */
  readonly #samples: number;
  readonly #attached: Attached[] = [];
  #kept: KeptBatch | undefined;
  #closed = false;

  private constructor(ground: Ground, stages: readonly Stage[], opened: readonly GpuStage[], options: BlockOptions) {
    const [first, last] = [stages[0] as Stage, stages.at(-1) as Stage];
    this.device = ground.device;
    this.#shaders = ground.shaders;
    this.#commands = ground.commands;
    this.#options = options;
    this.#stages = opened;
    this.suffixInputs = options.labels;
    this.inputs = inputValues(first) + options.labels;
    this.planes = leaving(last);
    this.outputs = planeValues(this.planes);
    this.#input = new BlockInput(first, options, {
      allocate: (length) => new Float32Array(length),
      turn: turnInJavaScript,
    });
    this.#keeping = new Scratch(ground.device, 'rows of a block');
    this.#passing = new Scratch(ground.device, 'rows of a block');
    this.#lowest = stages.findIndex((stage) => hasConvolution(stage) || stage.norm !== undefined);
    const values = ground.device.software ? INFERENCE_VALUES.software : INFERENCE_VALUES.gpu;
    const most = (of: (stage: Stage) => number): number => Math.max(...stages.map(of));
    const bySize = values / most((stage) => planeValues(convolved(stage)));
    const byPositions = INFERENCE_POSITIONS / most(({ from }) => from.height * from.width);
    this.#samples = Math.max(1, Math.floor(Math.min(bySize, byPositions)));
  }

  /** @throws PffError `memory` where the device has no room for it */
  static async open(
    device: GpuDevice,
    stages: readonly Stage[],
    tensors: readonly StageTensors[],
    options: BlockOptions,
    shaders: BlockShaders,
  ): Promise<GpuBlock> {
    checkBlock(stages, tensors, options);
    for (const stage of stages) {
      const { channels, height, width } = convolved(stage);
      const what = `a convolution of ${channels} channels over ${height} x ${width} positions`;
      const values = Math.max(planeValues(stage.from), channels * height * width);
      checkRowsFit(device, what, values, options.maxRows);
    }
    const commands = new Commands(device);
    const ground = { device, shaders, commands };
    const opened: GpuStage[] = [];
    try {
      for (const [s, stage] of stages.entries())
        opened.push(
          await GpuStage.open(ground, stage, tensors[s] as StageTensors, {
            ...options,
            labels: labelsOf(stages, s, options.labels),
          }),
        );
    } catch (error) {
      for (const stage of opened) stage.close();
      throw error;
    }
    return new GpuBlock(ground, stages, opened, options);
  }

  async infer(input: LayerInput, output: LayerOutput): Promise<void> {
    this.#check();
    const total = checkInput('infer', this, input);
    checkOutput(this, input, output, total);
    const { batch, variants } = input;
    const { outputs } = this;
    const { activations, sumSquares, normalise = false } = output;
    if (total === 0) return;
    const summed = normalise || sumSquares !== undefined;
    const samples = Math.min(batch, Math.max(1, Math.floor(this.#samples / variants)));
    const values = new Float32Array(activations ? samples * variants * outputs : 0);
    const squares = new Float32Array(samples * variants);
    for (let first = 0; first < batch; first += samples) {
      const count = Math.min(samples, batch - first);
      const rows = count * variants;
      this.#commands.begin();
      let entered = await this.#enter(input, first, count, this.#passing);
      for (const stage of this.#stages) entered = await stage.infer(entered);
      const sums = await this.#passing.get('sums of squares', rows);
      if (summed) this.#sumSquares(entered.rows, sums, rows);
      await this.#commands.submit();
      const left = values.subarray(0, values.length && rows * outputs);
      await this.device.read([
        { from: entered.rows, into: left },
        { from: sums, into: squares.subarray(0, summed ? rows : 0) },
      ]);
      for (let r = 0; r < rows; r++) {
        const to = Math.floor(r / count) * batch + first + (r % count);
        if (sumSquares) sumSquares[to] = squares[r] ?? 0;
        if (!activations) continue;
        const row = left.subarray(r * outputs, (r + 1) * outputs);
        if (normalise) normaliseRow(row, squares[r] ?? 0);
        activations.set(row, to * outputs);
      }
    }
  }

  async forward(input: LayerInput, sumSquares?: Float32Array): Promise<void> {
    this.#check();
    const rows = checkInput('forward', this, input);
    checkForward(rows, this.#options.maxRows, sumSquares);
    this.#kept = undefined;
    this.#commands.begin();
    let entered = await this.#enter(input, 0, input.batch, this.#keeping);
    for (const stage of this.#stages) entered = await stage.forward(entered);
    const y = entered.rows;
    const sums = await this.#keeping.get('sums of squares', rows);
    if (sumSquares) this.#sumSquares(y, sums, rows);
    await this.#commands.submit();
    this.#kept = { rows, y, activations: new KeptActivations(this.device, y, rows * this.outputs) };
    if (sumSquares) await this.device.read([{ from: sums, into: sumSquares.subarray(0, rows) }]);
  }

  async activations(): Promise<Float32Array> {
    this.#check();
    return (await this.#kept?.activations.view()) ?? new Float32Array();
  }

  async inputGradient(delta: Delta, out: Float32Array): Promise<void> {
    this.#check();
    const rows = this.#kept?.rows;
    checkDelta('inputGradient', this, rows, delta);
    checkInputGradient(this, rows, out);
    if (this.suffixInputs > 0) throw new RangeError('inputGradient: a block that labels enter has no gradient by them');
    const below = await this.#backwards(delta, undefined);
    if (!below) return;
    const values = new Float32Array(rows * this.inputs);
    await this.device.read([{ from: below, into: values }]);
    this.#input.give(values, rows, out);
  }

  async update(delta: Delta, rule: UpdateRule): Promise<void> {
    this.#check();
    checkDelta('update', this, this.#kept?.rows, delta);
    checkRule(rule);
    await this.#backwards(delta, rule);
  }

  /** The same with the loss by what leaves on the device. */
  async learn(loss: BlockLoss, rule: UpdateRule): Promise<void> {
    this.#check();
    await this.#passBack(loss, rule);
  }

  get maxRows(): number {
    return this.#options.maxRows;
  }

  /** The arithmetic of its shaders. */
  get form(): ArithmeticForm {
    return this.#shaders.options.form;
  }

  /** What leaves a batch of training: the same buffer for all of them. @throws PffError `memory` */
  leaving(): Promise<GPUBuffer> {
    return (this.#stages.at(-1) as GpuStage).leaving(this.maxRows);
  }

  /** The trainer is closed with the block. */
  attach(trainer: Attached): void {
    this.#attached.push(trainer);
  }

  async read(into: readonly StageTensors[]): Promise<void> {
    this.#check();
    for (const [s, stage] of this.#stages.entries()) await stage.read(into[s] as StageTensors);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const trainer of this.#attached) trainer.close();
    for (const part of [...this.#stages, this.#commands, this.#keeping, this.#passing]) part.close();
    this.#kept = undefined;
  }

  /** Samples `first` … of the input, on the device. */
  async #enter(input: LayerInput, first: number, count: number, scratch: Scratch): Promise<Entered> {
    const taken = this.#input.look(input, first, count);
    const { labels, variants } = taken;
    const rows = taken.rows.subarray(0, count * (this.inputs - this.suffixInputs));
    const entered = {
      rows: await scratch.get('input', rows.length),
      labels: await scratch.get('labels', labels.length),
      batch: count,
      variants,
    };
    this.device.write(entered.rows, rows);
    this.device.write(entered.labels, labels);
    return entered;
  }

  #sumSquares(y: GPUBuffer, sums: GPUBuffer, rows: number): void {
    const groups = spread(Math.ceil(rows / ROWS_OF_SUMS));
    this.#commands.add(this.#shaders.sumSquares(), { rows, outputs: this.outputs }, [y, sums], groups);
  }

  /** With a rule: takes a step of all stages. Without: the gradient by what enters. */
  async #backwards(delta: Delta, rule: UpdateRule | undefined): Promise<GPUBuffer | undefined> {
    const { rows } = this.#kept as KeptBatch;
    const scaled = 'rowScale' in delta;
    const values = scaled ? delta.rowScale.subarray(0, rows) : delta.values.subarray(0, rows * this.outputs);
    const given = await this.#keeping.get('given', values.length);
    this.device.write(given, values);
    return this.#passBack({ given, scaled }, rule);
  }

  async #passBack({ given, scaled }: BlockLoss, rule: UpdateRule | undefined): Promise<GPUBuffer | undefined> {
    const { rows, y, activations } = this.#kept as KeptBatch;
    if (rows === 0) return undefined;
    activations.upload();
    this.#commands.begin();
    let leaves: Leaving = { given, y, scaled };
    let below: GPUBuffer | undefined;
    const lowest = rule === undefined ? 0 : this.#lowest;
    for (let s = this.#stages.length - 1; s >= lowest; s--) {
      below = await (this.#stages[s] as GpuStage).backwards(leaves, rule, s > lowest || rule === undefined);
      if (below) leaves = { given: below };
    }
    await this.#commands.submit();
    return below;
  }

  #check(): void {
    if (this.#closed) failClosed('block');
  }
}
