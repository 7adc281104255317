/**
 * A block as a `LayerKernel`, made of a CPU backend's operations on planes: the same composition, and so the same rounding, for all
 * of them. Backpropagation stays inside the block.
 */
import {
  checkDelta,
  checkForward,
  checkInput,
  checkInputGradient,
  checkOutput,
  checkRule,
  failClosed,
} from '../check.js';
import type { BlockKernel, Synchronous } from '../kernels.js';
import type { Delta, LayerInput, LayerOutput, UpdateRule } from '../operands.js';
import { checkBlock } from './check.js';
import {
  hasConvolution,
  labelsOf,
  leaving,
  planeValues,
  type BlockOptions,
  type Planes,
  type Stage,
  type StageTensors,
} from './contract.js';
import { BlockInput, inputValues } from './block-input.js';
import type { PlaneOperations } from './operations.js';
import { StageKernel, type Taken } from './stage-kernel.js';

/** Values of a plane, before it is pooled, that inference has in hand at a time. */
const INFERENCE_VALUES = 1 << 20;

export class CpuBlock implements Synchronous<BlockKernel> {
  readonly inputs: number;
  readonly outputs: number;
  readonly planes: Planes;
  readonly suffixInputs: number;
  readonly #operations: PlaneOperations;
  readonly #options: BlockOptions;
  /** Of a batch that is kept, and of rows that pass. */
  readonly #input: BlockInput;
  readonly #passing: BlockInput;
  readonly #stages: readonly StageKernel[];
  readonly #activations: Float32Array;
  /** The first stage that has something to learn. */
  readonly #lowest: number;
  /** Samples that inference takes at a time. */
  readonly #samples: number;
  #taken: Taken[] | undefined;
  #rows: number | undefined;
  #closed = false;

  constructor(
    operations: PlaneOperations,
    stages: readonly Stage[],
    tensors: readonly StageTensors[],
    options: BlockOptions,
  ) {
    checkBlock(stages, tensors, options);
    const last = stages.at(-1) as Stage;
    this.#operations = operations;
    this.#options = options;
    this.suffixInputs = options.labels;
    this.#input = new BlockInput(stages[0] as Stage, options, operations);
    this.#passing = new BlockInput(stages[0] as Stage, options, operations);
    this.inputs = inputValues(stages[0] as Stage) + options.labels;
    this.planes = leaving(last);
    this.outputs = planeValues(this.planes);
    const opened: StageKernel[] = [];
    try {
      stages.forEach((stage, s) =>
        opened.push(
          new StageKernel(operations, stage, tensors[s] as StageTensors, {
            ...options,
            labels: labelsOf(stages, s, options.labels),
          }),
        ),
      );
      this.#activations = operations.allocate(options.maxRows * this.outputs);
    } catch (error) {
      for (const stage of opened) stage.close();
      throw error;
    }
    this.#stages = opened;
    this.#lowest = stages.findIndex((stage) => hasConvolution(stage) || stage.norm !== undefined);
    this.#samples = Math.max(1, Math.floor(INFERENCE_VALUES / Math.max(...opened.map(({ convolved }) => convolved))));
  }

  infer(input: LayerInput, output: LayerOutput): void {
    this.#check();
    const rows = checkInput('infer', this, input);
    checkOutput(this, input, output, rows);
    const { batch, variants } = input;
    const { outputs } = this;
    const { activations, sumSquares } = output;
    const normalise = output.normalise === true;
    if (rows === 0) return;
    const samples = Math.min(batch, Math.max(1, Math.floor(this.#samples / variants)));
    const squares = new Float32Array(variants * samples);
    for (let first = 0; first < batch; first += samples) {
      const count = Math.min(samples, batch - first);
      const here = variants * count;
      // Of one variant the rows that leave lie together, where the caller wants them.
      const into = variants === 1 ? activations?.subarray(first * outputs, (first + count) * outputs) : undefined;
      let taken = this.#passing.look(input, first, count);
      for (const [s, stage] of this.#stages.entries())
        taken = stage.infer(taken, s === this.#stages.length - 1 ? into : undefined);
      const leaves = taken.rows;
      if (sumSquares !== undefined || normalise) this.#operations.finishRows(leaves, here, outputs, normalise, squares);
      for (let v = 0; v < variants; v++) {
        const at = v * batch + first;
        sumSquares?.set(squares.subarray(v * count, (v + 1) * count), at);
        if (!into) activations?.set(leaves.subarray(v * count * outputs, (v + 1) * count * outputs), at * outputs);
      }
    }
  }

  forward(input: LayerInput, sumSquares?: Float32Array): void {
    this.#check();
    const rows = checkInput('forward', this, input);
    checkForward(rows, this.#options.maxRows, sumSquares);
    this.#rows = undefined;
    const taken = [this.#input.take(input, 0, input.batch)];
    for (const [s, stage] of this.#stages.entries()) {
      const into = s === this.#stages.length - 1 ? this.#activations : undefined;
      taken.push(stage.forward(taken[s] as Taken, into));
    }
    if (sumSquares !== undefined) this.#operations.finishRows(this.#activations, rows, this.outputs, false, sumSquares);
    this.#taken = taken;
    this.#rows = rows;
  }

  activations(): Float32Array {
    this.#check();
    return this.#activations.subarray(0, (this.#rows ?? 0) * this.outputs);
  }

  inputGradient(delta: Delta, out: Float32Array): void {
    this.#check();
    const rows = this.#rows;
    checkDelta('inputGradient', this, rows, delta);
    checkInputGradient(this, rows, out);
    if (this.suffixInputs > 0) throw new RangeError('inputGradient: a block that labels enter has no gradient by them');
    const values = this.#backwards(delta, rows, undefined);
    this.#input.give(values, rows, out);
  }

  update(delta: Delta, rule: UpdateRule): void {
    this.#check();
    checkDelta('update', this, this.#rows, delta);
    checkRule(rule);
    this.#backwards(delta, this.#rows, rule);
  }

  read(into: readonly StageTensors[]): void {
    this.#check();
    for (const [s, stage] of this.#stages.entries()) stage.read(into[s] as StageTensors);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stage of this.#stages) stage.close();
    this.#taken = undefined;
    this.#operations.release?.();
  }

  /** With a rule: takes a step of all stages. Without: the gradient by what enters. */
  #backwards(delta: Delta, rows: number, rule: UpdateRule | undefined): Float32Array {
    if (rows === 0) return new Float32Array();
    const { rowScale, values } = { rowScale: undefined, values: undefined, ...delta };
    let below: Float32Array | undefined = values;
    const lowest = rule === undefined ? 0 : this.#lowest;
    for (let s = this.#stages.length - 1; s >= lowest; s--) {
      const outermost = s === this.#stages.length - 1;
      const given = outermost
        ? { y: this.#activations, rowScale, values }
        : { y: undefined, rowScale: undefined, values: below };
      const wanted = s > lowest || rule === undefined;
      below = (this.#stages[s] as StageKernel).backwards(this.#takenAt(s), given, rule, wanted);
    }
    return below as Float32Array;
  }

  #takenAt(s: number): Taken {
    return this.#taken?.[s] as Taken;
  }

  #check(): void {
    if (this.#closed) failClosed('block');
  }
}
