/** Rule 9 and the norms of rule 11 of block/contract.ts on a GPU: z becomes its distance from the mean, and stays it for the way back. */
import { convolved, type Norm, type Planes, type Stage } from '../../block/contract.js';
import type { UpdateRule } from '../../operands.js';
import { ROWS_OF_SUMS } from '../lane-sums.js';
import { spread } from '../groups.js';
import { bits } from '../scalars.js';
import type { Scratch } from './scratch.js';
import type { GpuParameter, Work } from './work.js';

export interface NormParameters {
  readonly gamma: GpuParameter;
  readonly beta: GpuParameter;
  /** Running ones, of a batch. */
  readonly mean?: GpuParameter | undefined;
  readonly variance?: GpuParameter | undefined;
}

/** What rows were normalised with. */
export interface Found {
  readonly mean: GPUBuffer;
  readonly variance: GPUBuffer;
  readonly inverse: GPUBuffer;
  /** [O], or [R, O] of groups; gamma by position. */
  readonly scale: GPUBuffer;
  /** Values behind each mean. */
  readonly values: number;
}

const { fround } = Math;
const ONE = bits(1);

export class GpuNorm {
  readonly #work: Work;
  readonly #norm: Norm;
  readonly #parameters: NormParameters;
  readonly #planes: Planes;
  readonly #positions: number;
  readonly #byPosition: boolean;

  constructor(work: Work, stage: Stage, norm: Norm, parameters: NormParameters) {
    this.#work = work;
    this.#norm = norm;
    this.#parameters = parameters;
    this.#planes = convolved(stage);
    this.#positions = this.#planes.height * this.#planes.width;
    this.#byPosition = norm.kind === 'position';
  }

  /** What `finish` and `backwards` read besides z. */
  buffers(found: Found): readonly GPUBuffer[] {
    return [found.scale, this.#parameters.beta.value, ...(this.#byPosition ? [found.inverse] : [])];
  }

  /** Statistics of z, which becomes its distance from the mean. */
  async statistics(z: GPUBuffer, rows: number, scratch: Scratch): Promise<Found> {
    const { channels } = this.#planes;
    const work = this.#work;
    const { shaders } = work;
    const norm = this.#norm;
    if (norm.kind === 'position') return this.#ofPositions(z, rows, norm.centred, scratch);
    const batch = norm.kind === 'batch';
    const count = batch ? channels : rows * norm.groups;
    const values = (batch ? rows : channels / norm.groups) * this.#positions;
    const sums = await scratch.get('sums of rows', rows * channels);
    const mean = await scratch.get('mean', count);
    const variance = await scratch.get('variance', count);
    work.each(shaders.rowSums(), [z, sums], rows * channels);
    this.#reduce(sums, mean, rows, values);
    work.each(shaders.centre(false), [mean, z], this.#size(rows));
    work.each(shaders.rowProducts(false), [z, z, sums], rows * channels);
    this.#reduce(sums, variance, rows, values);
    return { mean, variance, ...(await this.#scales(variance, count, rows, scratch)), values };
  }

  /** The same for inference: of a batch with the running statistics. */
  async passing(z: GPUBuffer, rows: number, scratch: Scratch): Promise<Found> {
    const { mean, variance, gamma } = this.#parameters;
    if (!mean || !variance) return this.statistics(z, rows, scratch);
    this.#work.each(this.#work.shaders.centre(false), [mean.value, z], this.#size(rows));
    const scales = await this.#scales(variance.value, gamma.length, rows, scratch);
    return { mean: mean.value, variance: variance.value, ...scales, values: 0 };
  }

  /** `delta` from du to dz. Takes a step by the rule, if given. `sums1` S1, then D; `sums2` S2. */
  async backwards(
    z: GPUBuffer,
    rows: number,
    found: Found,
    delta: GPUBuffer,
    sums: readonly [sums1: GPUBuffer, sums2: GPUBuffer],
    rule: UpdateRule | undefined,
    scratch: Scratch,
  ): Promise<void> {
    const work = this.#work;
    const { shaders } = work;
    const { channels } = this.#planes;
    const { inverse, scale, values } = found;
    const [sums1, sums2] = sums;
    const norm = this.#norm;
    const beta = await scratch.get('gradient of beta', channels);
    const gamma = await scratch.get('gradient of gamma', channels);
    const columns = { terms: rows, step: channels, apart: 1, share: ONE };
    work.each(shaders.reduce(), [sums1, beta], channels, columns);
    const share = bits(1 / values);
    let count: number;
    let totals: readonly [GPUBuffer, GPUBuffer];
    if (norm.kind === 'batch') {
      count = channels;
      totals = [beta, await scratch.get('sums of a batch', channels)];
      work.each(shaders.reduce(), [sums2, totals[1]], channels, columns);
      work.each(shaders.scales(), [totals[1], inverse, gamma], channels);
    } else if (norm.kind === 'group') {
      count = rows * norm.groups;
      totals = [await scratch.get('sums 1', count), await scratch.get('sums 2', count)];
      const width = channels / norm.groups;
      const within = { terms: width, step: 1, apart: width };
      work.each(shaders.chains(), [this.#parameters.gamma.value, sums1, totals[0]], count, within);
      work.each(shaders.chains(), [this.#parameters.gamma.value, sums2, totals[1]], count, within);
      work.each(shaders.chains(), [inverse, sums2, gamma], channels, { ...columns, flag: 1 });
    } else {
      count = rows * this.#positions;
      totals = await this.#sumsOfPositions(z, rows, delta, norm.centred, scratch);
      work.each(shaders.reduce(), [sums2, gamma], channels, columns);
    }
    const [a, b] = [await scratch.get('a', count), await scratch.get('b', count)];
    // Of a batch scale is gamma · inverse; elsewhere gamma stands within the sums.
    const outside = norm.kind === 'batch' ? scale : inverse;
    work.each(shaders.slopes(), [inverse, outside, ...totals, a, b], count, { share });
    const more = this.#byPosition ? [inverse] : [];
    work.each(shaders.normBackwards(this.#byPosition), [z, scale, a, b, ...more, delta], this.#size(rows));
    work.each(shaders.rowSums(), [delta, sums1], rows * channels);
    if (!rule) return;
    work.step(this.#parameters.gamma, gamma, rule, false);
    work.step(this.#parameters.beta, beta, rule, false);
    this.#advance(found);
  }

  #advance({ mean, variance, values }: Found): void {
    const { mean: runningMean, variance: runningVariance } = this.#parameters;
    if (!runningMean || !runningVariance || values === 1) return;
    const work = this.#work;
    const unbiased = fround(values / (values - 1));
    const shader = work.shaders.advance();
    work.each(shader, [mean, runningMean.value], runningMean.length, { share: ONE });
    work.each(shader, [variance, runningVariance.value], runningMean.length, { share: bits(unbiased) });
  }

  async #ofPositions(z: GPUBuffer, rows: number, centred: boolean, scratch: Scratch): Promise<Found> {
    const work = this.#work;
    const { shaders } = work;
    const count = rows * this.#positions;
    const share = bits(1 / this.#planes.channels);
    const mean = await scratch.get('mean', centred ? count : 0);
    if (centred) {
      this.#laneSums(z, z, mean, count, { share });
      work.each(shaders.centre(true), [mean, z], this.#size(rows));
    }
    const variance = await scratch.get('variance', count);
    this.#laneSums(z, z, variance, count, { share, flag: 1 });
    const inverse = await scratch.get('inverse', count);
    work.each(shaders.inverses(), [variance, inverse], count);
    return { mean, variance, inverse, scale: this.#parameters.gamma.value, values: this.#planes.channels };
  }

  /** t1 and t2 of rule 11 by position. */
  async #sumsOfPositions(
    z: GPUBuffer,
    rows: number,
    delta: GPUBuffer,
    centred: boolean,
    scratch: Scratch,
  ): Promise<readonly [GPUBuffer, GPUBuffer]> {
    const count = rows * this.#positions;
    const scaled = await scratch.get('gamma times delta', this.#size(rows));
    const { gamma } = this.#parameters;
    this.#work.each(this.#work.shaders.scales(), [gamma.value, delta, scaled], this.#size(rows));
    const totals = [await scratch.get('sums 1', count), await scratch.get('sums 2', count)] as const;
    // Without a centre t1 is 0.
    this.#laneSums(scaled, z, totals[0], count, { share: centred ? ONE : 0 });
    this.#laneSums(scaled, z, totals[1], count, { share: ONE, flag: 1 });
    return totals;
  }

  #laneSums(
    x: GPUBuffer,
    z: GPUBuffer,
    out: GPUBuffer,
    count: number,
    values: { readonly share: number; readonly flag?: number },
  ): void {
    const groups = spread(Math.ceil(count / ROWS_OF_SUMS));
    this.#work.groups(this.#work.shaders.laneSums(), [x, z, out], groups, { ...values, count });
  }

  /** From sums of rows and channels to means of a batch or of groups. */
  #reduce(sums: GPUBuffer, out: GPUBuffer, rows: number, values: number): void {
    const { channels } = this.#planes;
    const norm = this.#norm;
    const share = bits(1 / values);
    const { reduce } = this.#work.shaders;
    if (norm.kind !== 'group') {
      this.#work.each(reduce(), [sums, out], channels, { terms: rows, step: channels, apart: 1, share });
      return;
    }
    const width = channels / norm.groups;
    this.#work.each(reduce(), [sums, out], rows * norm.groups, { terms: width, step: 1, apart: width, share });
  }

  async #scales(
    variance: GPUBuffer,
    count: number,
    rows: number,
    scratch: Scratch,
  ): Promise<{ readonly inverse: GPUBuffer; readonly scale: GPUBuffer }> {
    const { channels } = this.#planes;
    const inverse = await scratch.get('inverse', count);
    const lines = this.#norm.kind === 'batch' ? channels : rows * channels;
    const scale = await scratch.get('scale', lines);
    const { shaders } = this.#work;
    this.#work.each(shaders.inverses(), [variance, inverse], count);
    this.#work.each(shaders.scales(), [this.#parameters.gamma.value, inverse, scale], lines);
    return { inverse, scale };
  }

  #size(rows: number): number {
    return rows * this.#positions * this.#planes.channels;
  }
}
