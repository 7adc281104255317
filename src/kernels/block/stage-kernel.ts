/** One stage of a block in training and inference: convolution (or none), normalisation, activation, pool. */
import { updateStep } from '../reference/operations.js';
import type { UpdateRule } from '../operands.js';
import {
  convolved,
  hasConvolution,
  leaving,
  planeValues,
  stageParameters,
  type BlockOptions,
  type Stage,
  type StageParameter,
  type StageTensors,
} from './contract.js';
import type {
  Convolution,
  ConvolutionInput,
  ConvolutionTensors,
  LeavingDelta,
  Moments,
  Normalisation,
  PlaneOperations,
  PlaneShape,
} from './operations.js';
import { advance, normGradients, running, statistics, type Statistics } from './statistics.js';

/** What enters a stage. */
export type Taken = ConvolutionInput;

/** Kept from `forward` for the way back. */
interface Kept {
  readonly rows: number;
  readonly statistics: Statistics | undefined;
}

export class StageKernel {
  /** Values of a row that leaves the convolution, and the stage. */
  readonly convolved: number;
  readonly #width: number;
  readonly #inputs: number;
  readonly #stage: Stage;
  readonly #operations: PlaneOperations;
  readonly #labels: number;
  readonly #shape: PlaneShape;
  /** Absent from a stage without one. */
  readonly #convolution: Convolution | undefined;
  /** Parameters that are not the convolution's, by name: copies of their own. */
  readonly #own = new Map<StageParameter['name'], Moments>();
  readonly #trained: boolean;
  /** Rows that there is room for. */
  #room = 0;
  #z: Float32Array = new Float32Array(0);
  #y: Float32Array = new Float32Array(0);
  #places: Float32Array | undefined;
  /** What leaves the convolution in inference, which may come between `forward` and the way back. */
  #passed: Float32Array = new Float32Array(0);
  #left: Float32Array = new Float32Array(0);
  #gradient: Float32Array = new Float32Array(0);
  #below: Float32Array = new Float32Array(0);
  #kept: Kept | undefined;

  constructor(
    operations: PlaneOperations,
    stage: Stage,
    tensors: StageTensors,
    { labels, maxRows, fixedBias = false }: BlockOptions,
  ) {
    const planes = convolved(stage);
    const out = leaving(stage);
    this.#stage = stage;
    this.#operations = operations;
    this.#labels = labels;
    this.#trained = maxRows > 0;
    this.#inputs = planeValues(stage.from);
    this.convolved = planeValues(planes);
    this.#width = planeValues(out);
    this.#shape = { ...planes, pool: stage.pool, outHeight: out.height, outWidth: out.width, leak: stage.leak };
    for (const { name } of stageParameters(stage, this.#labels))
      if (name !== 'weight' && name !== 'label' && name !== 'bias') {
        const [value, moment1, moment2] = this.#of(tensors, name);
        this.#own.set(name, [value.slice(), moment1.slice(), moment2.slice()]);
      }
    if (hasConvolution(stage))
      this.#convolution = operations.openConvolution(stage, this.#convolutionTensors(tensors), {
        labels: this.#labels,
        trained: this.#trained,
        fixedBias: fixedBias || stage.norm !== undefined,
      });
  }

  /** Rows that leave, in `into` if given, else in memory that the next call may use again. */
  infer(taken: Taken, into: Float32Array | undefined): Taken {
    const rows = this.#rowsOf(taken);
    if (this.#convolution && this.#passed.length < rows * this.convolved)
      this.#passed = this.#operations.allocate(rows * this.convolved);
    if (!into && this.#left.length < rows * this.#width) this.#left = this.#operations.allocate(rows * this.#width);
    const z = this.#convolution ? this.#passed : taken.rows;
    const y = into ?? this.#left;
    this.#convolution?.forward(taken, z);
    const { norm } = this.#stage;
    let found: Normalisation | undefined;
    if (norm?.kind === 'batch')
      found = running(
        this.#parameter('mean'),
        this.#parameter('variance'),
        this.#parameter('gamma'),
        this.#parameter('beta'),
      );
    else if (norm) found = this.#statistics(z, rows);
    this.#operations.finish(z, rows, this.#shape, found, y, undefined);
    return this.#leaves(taken, y);
  }

  /** The same for training; rows that leave are written to `into`, if given, and kept. */
  forward(taken: Taken, into: Float32Array | undefined): Taken {
    const rows = this.#rowsOf(taken);
    if (this.#room < rows) {
      this.#room = rows;
      if (this.#convolution) this.#z = this.#operations.allocate(rows * this.convolved);
      if (!into) this.#y = this.#operations.allocate(rows * this.#width);
      if (this.#stage.pool?.kind === 'max') this.#places = this.#operations.allocate(rows * this.#width);
    }
    const y = into ?? this.#y;
    const z = this.#convolution ? this.#z : taken.rows;
    this.#convolution?.forward(taken, z);
    const found = this.#stage.norm && this.#statistics(z, rows);
    this.#operations.finish(z, rows, this.#shape, found, y, this.#places);
    this.#kept = { rows, statistics: found };
    return this.#leaves(taken, y);
  }

  /** Rows that leave: a stage without a convolution takes each sample once for all its variants. */
  #rowsOf({ batch, variants }: Taken): number {
    return this.#convolution ? variants * batch : batch;
  }

  /** What the next stage takes: label values go on to the first convolution. */
  #leaves(taken: Taken, rows: Float32Array): Taken {
    if (!this.#convolution) return { ...taken, rows };
    return { rows, batch: this.#rowsOf(taken), variants: 1, labels: new Float32Array(0) };
  }

  /** Takes a step by the rule, if given. Returns the gradient by what entered, if wanted. */
  backwards(
    taken: Taken,
    delta: LeavingDelta,
    rule: UpdateRule | undefined,
    wanted: boolean,
  ): Float32Array | undefined {
    const kept = this.#kept as Kept;
    const { rows, statistics: found } = kept;
    const { channels } = this.#shape;
    const { norm } = this.#stage;
    const operations = this.#operations;
    if (this.#gradient.length < rows * this.convolved) this.#gradient = operations.allocate(rows * this.convolved);
    const gradient = this.#gradient;
    const z = this.#convolution ? this.#z : taken.rows;
    const { values } = delta;
    if (!this.#convolution && values && taken.variants > 1) addVariants(values, rows * this.#width, taken.variants);
    const sums1 = new Float32Array(rows * channels);
    const sums2 = new Float32Array(rows * channels);
    operations.backwards(delta, z, rows, this.#shape, found, this.#places, gradient, sums1, sums2);
    if (norm && found) {
      const gamma = this.#parameter('gamma');
      const slopes = normGradients(norm, found, gamma, sums1, sums2, rows);
      if (norm.kind === 'position')
        operations.positionBackwards(z, rows, this.#shape, found, norm.centred, gradient, sums1);
      else operations.normBackwards(z, rows, this.#shape, found, slopes.a, slopes.b, gradient, sums1);
      if (rule) this.#step(slopes.gamma, slopes.beta, found, rule);
    }
    if (!this.#convolution) return gradient;
    let below: Float32Array | undefined;
    if (wanted) {
      if (this.#below.length < rows * this.#inputs) this.#below = operations.allocate(rows * this.#inputs);
      below = this.#below;
      this.#convolution.inputGradient(gradient, rows, below);
    }
    if (rule) this.#convolution.update(taken, gradient, sums1, rule);
    return below;
  }

  read(into: StageTensors): void {
    this.#convolution?.read(this.#convolutionTensors(into));
    for (const [name, own] of this.#own) {
      const to = this.#of(into, name);
      to[0].set(own[0]);
      if (!this.#trained) continue;
      to[1].set(own[1]);
      to[2].set(own[2]);
    }
  }

  close(): void {
    this.#convolution?.close();
  }

  #statistics(z: Float32Array, rows: number): Statistics {
    const norm = this.#stage.norm as NonNullable<Stage['norm']>;
    return statistics(this.#operations, norm, z, rows, this.#shape, this.#parameter('gamma'), this.#parameter('beta'));
  }

  #step(gamma: Float32Array, beta: Float32Array, found: Statistics, rule: UpdateRule): void {
    for (const [name, gradient] of [
      ['gamma', gamma],
      ['beta', beta],
    ] as const) {
      const [value, moment1, moment2] = this.#own.get(name) as Moments;
      updateStep(value, moment1, moment2, gradient, rule, false);
    }
    if (this.#stage.norm?.kind === 'batch') advance(this.#parameter('mean'), this.#parameter('variance'), found);
  }

  #parameter(name: StageParameter['name']): Float32Array {
    return (this.#own.get(name) as Moments)[0];
  }

  /** A parameter of this stage among `tensors`; empty where it has none. */
  #of({ parameters, moment1, moment2 }: StageTensors, name: StageParameter['name']): Moments {
    const at = stageParameters(this.#stage, this.#labels).findIndex((each) => each.name === name);
    const empty = new Float32Array(0);
    return [parameters[at] ?? empty, moment1[at] ?? empty, moment2[at] ?? empty];
  }

  #convolutionTensors(tensors: StageTensors): ConvolutionTensors {
    const bias = this.#of(tensors, 'bias');
    const none = (): Float32Array => new Float32Array(this.#stage.outputs);
    return {
      weight: this.#of(tensors, 'weight'),
      label: this.#of(tensors, 'label'),
      bias: this.#stage.norm ? [none(), none(), none()] : bias,
    };
  }
}

/** `values` [V, size]: all variants added up, in order, in the place of the first. */
function addVariants(values: Float32Array, size: number, variants: number): void {
  for (let v = 1; v < variants; v++)
    for (let i = 0; i < size; i++) values[i] = (values[i] as number) + (values[v * size + i] as number);
}
