/** One stage of a block on a GPU: convolution (or none), normalisation, activation, pool; as block/stage-kernel.ts composes them for CPUs. */
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
} from '../../block/contract.js';
import type { Moments } from '../../block/operations.js';
import type { UpdateRule } from '../../operands.js';
import { bits } from '../scalars.js';
import { GpuConvolution, type Entered } from './convolution.js';
import { GpuNorm, type Found } from './norm.js';
import { stageValues } from './parameters.js';
import type { Finish } from './plane-shaders.js';
import { Scratch } from './scratch.js';
import { Work, type Ground, type GpuParameter } from './work.js';

/** The loss by what leaves a block: scales of rows, or values. */
export interface BlockLoss {
  readonly given: GPUBuffer;
  readonly scaled: boolean;
}

/** The loss by what leaves a stage. */
export interface Leaving extends Partial<BlockLoss> {
  readonly given: GPUBuffer;
  /** What left a block, where `given` is the loss by that. */
  readonly y?: GPUBuffer | undefined;
}

/** Kept from `forward` for the way back. */
interface Kept {
  readonly entered: Entered;
  readonly rows: number;
  readonly z: GPUBuffer;
  readonly found: Found | undefined;
  readonly places: GPUBuffer | undefined;
}

export class GpuStage {
  /** Values of a row that leaves the convolution, and the stage. */
  readonly convolved: number;
  readonly width: number;
  readonly #stage: Stage;
  readonly #work: Work;
  readonly #finish: Finish;
  readonly #convolution: GpuConvolution | undefined;
  readonly #norm: GpuNorm | undefined;
  /** Parameters of the norm, by name. */
  readonly #own: ReadonlyMap<StageParameter['name'], GpuParameter>;
  readonly #labels: number;
  /** Of a batch that is kept, and of rows that pass. */
  readonly #keeping: Scratch;
  readonly #passing: Scratch;
  #kept: Kept | undefined;

  private constructor(
    stage: Stage,
    labels: number,
    work: Work,
    convolution: GpuConvolution | undefined,
    own: ReadonlyMap<StageParameter['name'], GpuParameter>,
  ) {
    this.#stage = stage;
    this.#labels = labels;
    this.#work = work;
    this.#convolution = convolution;
    this.#own = own;
    const { norm, pool, leak, outputs } = stage;
    this.convolved = planeValues(convolved(stage));
    this.width = planeValues(leaving(stage));
    const [gamma, beta] = [own.get('gamma'), own.get('beta')];
    if (norm && gamma && beta)
      this.#norm = new GpuNorm(work, stage, norm, {
        gamma,
        beta,
        mean: own.get('mean'),
        variance: own.get('variance'),
      });
    this.#finish = {
      norm: norm === undefined ? 'none' : norm.kind === 'position' ? 'position' : 'line',
      leak: leak === 0 ? 'to-zero' : leak === 1 ? 'keep' : 'scale',
      pool: pool?.kind ?? 'none',
      overlap: pool !== undefined && pool.stride < pool.size,
    };
    const what = `rows of a stage of ${outputs} channels`;
    this.#keeping = new Scratch(work.device, what);
    this.#passing = new Scratch(work.device, what);
  }

  /** @throws PffError `memory` */
  static async open(
    ground: Ground,
    stage: Stage,
    tensors: StageTensors,
    { labels, maxRows, fixedBias = false }: BlockOptions,
  ): Promise<GpuStage> {
    const trained = maxRows > 0;
    const work = new Work(ground, stageValues(stage, labels));
    try {
      const own = new Map<StageParameter['name'], GpuParameter>();
      for (const { name } of stageParameters(stage, labels))
        if (name !== 'weight' && name !== 'label' && name !== 'bias')
          own.set(name, await work.parameter(momentsOf(stage, labels, tensors, name), trained));
      const convolution = hasConvolution(stage)
        ? await GpuConvolution.open(work, stage, convolutionTensors(stage, labels, tensors), {
            labels,
            trained,
            fixedBias: fixedBias || stage.norm !== undefined,
          })
        : undefined;
      return new GpuStage(stage, labels, work, convolution, own);
    } catch (error) {
      work.close();
      throw error;
    }
  }

  /** Rows that leave, in memory that the next call uses again. */
  async infer(entered: Entered): Promise<Entered> {
    const rows = this.#rowsOf(entered);
    const scratch = this.#passing;
    const z = await this.#convolve(entered, rows, scratch);
    const found = await this.#norm?.passing(z, rows, scratch);
    const y = await scratch.get('y', rows * this.width);
    this.#finishTo(y, z, rows, found, undefined);
    return this.#leaves(entered, y);
  }

  /** The same for training; what the way back needs is kept. */
  async forward(entered: Entered): Promise<Entered> {
    const rows = this.#rowsOf(entered);
    const scratch = this.#keeping;
    const z = await this.#convolve(entered, rows, scratch);
    const found = await this.#norm?.statistics(z, rows, scratch);
    const y = await scratch.get('y', rows * this.width);
    const places = this.#finish.pool === 'max' ? await scratch.get('places', rows * this.width) : undefined;
    this.#finishTo(y, z, rows, found, places);
    this.#kept = { entered, rows, z, found, places };
    return this.#leaves(entered, y);
  }

  /** The buffer of what leaves in training, for batches of up to so many rows. @throws PffError `memory` */
  leaving(rows: number): Promise<GPUBuffer> {
    return this.#keeping.get('y', rows * this.width);
  }

  /** Takes a step by the rule, if given. Returns the gradient by what entered, if wanted. */
  async backwards(leaves: Leaving, rule: UpdateRule | undefined, wanted: boolean): Promise<GPUBuffer | undefined> {
    const work = this.#work;
    const { shaders } = work;
    const scratch = this.#keeping;
    const { entered, rows, z, found, places } = this.#kept as Kept;
    const { outputs, from } = this.#stage;
    const given = await this.#given(leaves, entered, rows);
    const delta = await scratch.get('delta', rows * this.convolved);
    const norm = found ? (this.#norm?.buffers(found) ?? []) : [];
    const buffers = [given, z, ...norm, ...(places ? [places] : []), delta];
    work.each(shaders.backwards(this.#finish), buffers, rows * this.convolved);
    const sums1 = await scratch.get('sums of deltas', rows * outputs);
    work.each(shaders.rowSums(), [delta, sums1], rows * outputs);
    if (this.#norm && found) {
      const sums2 = await scratch.get('sums of products', rows * outputs);
      const byPosition = this.#finish.norm === 'position';
      const more = byPosition ? [found.inverse] : [];
      work.each(shaders.rowProducts(byPosition), [delta, z, ...more, sums2], rows * outputs);
      await this.#norm.backwards(z, rows, found, delta, [sums1, sums2], rule, scratch);
    }
    if (!this.#convolution) return delta;
    let below: GPUBuffer | undefined;
    if (wanted) {
      below = await scratch.get('below', rows * planeValues(from));
      this.#convolution.inputGradient(delta, rows, below);
    }
    if (rule) await this.#convolution.update(entered, delta, sums1, rule, scratch);
    return below;
  }

  async read(into: StageTensors): Promise<void> {
    await this.#convolution?.read(convolutionTensors(this.#stage, this.#labels, into));
    for (const [name, own] of this.#own) await this.#work.read(own, momentsOf(this.#stage, this.#labels, into, name));
  }

  close(): void {
    this.#work.close();
    this.#keeping.close();
    this.#passing.close();
  }

  /** z: without a convolution what entered, which nobody else needs. */
  async #convolve(entered: Entered, rows: number, scratch: Scratch): Promise<GPUBuffer> {
    if (!this.#convolution) return entered.rows;
    const z = await scratch.get('z', rows * this.convolved);
    await this.#convolution.forward(entered, z, scratch);
    return z;
  }

  #finishTo(y: GPUBuffer, z: GPUBuffer, rows: number, found: Found | undefined, places: GPUBuffer | undefined): void {
    const norm = found ? (this.#norm?.buffers(found) ?? []) : [];
    const shader = this.#work.shaders.finish(this.#finish, places !== undefined);
    const buffers = [z, ...norm, y, ...(places ? [places] : [])];
    this.#work.each(shader, buffers, rows * this.width, { share: this.#poolShare() });
  }

  /** The loss by each value that leaves, as the pool hands it on. */
  async #given({ given, y, scaled = false }: Leaving, { variants }: Entered, rows: number): Promise<GPUBuffer> {
    const work = this.#work;
    const { shaders } = work;
    const count = rows * this.width;
    let found = given;
    if (y) {
      found = await this.#keeping.get('leaving', count);
      const values = { terms: this.width, flag: scaled ? 1 : 0 };
      work.each(shaders.leavingDelta(), [y, given, found], count, values);
    } else if (!this.#convolution && variants > 1) {
      found = await this.#keeping.get('leaving', count);
      work.each(shaders.variantSums(), [given, found], count, { variants });
    }
    if (this.#finish.pool === 'average') work.each(shaders.multiply(), [found], count, { share: this.#poolShare() });
    return found;
  }

  #poolShare(): number {
    const size = this.#stage.pool?.size ?? 1;
    return bits(1 / (size * size));
  }

  /** Rows that leave: a stage without a convolution takes each sample once for all its variants. */
  #rowsOf({ batch, variants }: Entered): number {
    return this.#convolution ? variants * batch : batch;
  }

  /** What the next stage takes: label values go on to the first convolution. */
  #leaves(entered: Entered, rows: GPUBuffer): Entered {
    return this.#convolution ? { ...entered, rows, batch: this.#rowsOf(entered), variants: 1 } : { ...entered, rows };
  }
}

/** A parameter of a stage among `tensors`; empty where it has none. */
function momentsOf(
  stage: Stage,
  labels: number,
  { parameters, moment1, moment2 }: StageTensors,
  name: StageParameter['name'],
): Moments {
  const at = stageParameters(stage, labels).findIndex((each) => each.name === name);
  const empty = new Float32Array(0);
  return [parameters[at] ?? empty, moment1[at] ?? empty, moment2[at] ?? empty];
}

function convolutionTensors(stage: Stage, labels: number, tensors: StageTensors) {
  const none = (): Float32Array => new Float32Array(stage.outputs);
  const bias = momentsOf(stage, labels, tensors, 'bias');
  return {
    weight: momentsOf(stage, labels, tensors, 'weight'),
    label: momentsOf(stage, labels, tensors, 'label'),
    bias: stage.norm ? ([none(), none(), none()] as const) : bias,
  };
}
