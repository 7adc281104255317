/** Our own contender for convolutions: the code that `pff train` runs. */
import type { Kernels, LayerInput, LayerKernel, Precision, UpdateRule } from '../../src/kernels/kernels.js';
import { closeParts } from '../../src/layers/layer-state.js';
import type { OpenPart } from '../../src/layers/layer-kind.js';
import { geometries } from '../../src/layers/sizes.js';
import type { ConvGeometry } from '../../src/layers/conv/geometry.js';
import { stageParameters, type StageTensors } from '../../src/kernels/block/contract.js';
import { updateRule } from '../../src/model/optimizer.js';
import { openForTraining } from '../../src/node/training.js';
import { objectiveOf } from '../../src/objectives/table.js';
import type { Computed, Worker } from '../compare/contender.js';
import {
  CONVOLUTION_WORK,
  ROWS,
  STEP_RATE,
  type ConvolutionWork,
  type ConvolutionWorkload,
  type Size,
} from './workload.js';

const CLASSES = 10;

/** One convolution with ReLU, with the batch that it always sees. */
class Single {
  readonly #workload: ConvolutionWorkload;
  readonly #size: Size;
  readonly #tensors: StageTensors;
  readonly #kernel: LayerKernel & { read(into: readonly StageTensors[]): unknown };
  readonly #input: LayerInput;
  readonly #delta: Float32Array;
  readonly #out: Float32Array;
  #steps = 0;

  private constructor(
    workload: ConvolutionWorkload,
    size: Size,
    tensors: StageTensors,
    kernel: LayerKernel & { read(into: readonly StageTensors[]): unknown },
  ) {
    const { rows, delta } = dataOf(workload, size);
    this.#workload = workload;
    this.#size = size;
    this.#tensors = tensors;
    this.#kernel = kernel;
    this.#input = { prefix: rows, batch: ROWS, variants: 1 };
    this.#delta = delta;
    this.#out = new Float32Array(delta.length);
  }

  static async open(kernels: Kernels, workload: ConvolutionWorkload, size: Size): Promise<Single> {
    const { channels, side } = size;
    // Rows of a layer above the first have their channels last.
    const [, { stages }] = geometries([`${channels}x${side}x${side}`, `conv${channels}`, `conv${channels}`]) as [
      ConvGeometry,
      ConvGeometry,
    ];
    const made = (): Float32Array[] =>
      stageParameters(stages[0] as ConvGeometry['stages'][0], 0).map(
        ({ shape }) => new Float32Array(shape.reduce((product, each) => product * each, 1)),
      );
    const tensors = { parameters: made(), moment1: made(), moment2: made() };
    tensors.parameters[0]?.set(dataOf(workload, size).weight);
    if (!kernels.openBlock) throw new RangeError('these kernels have no convolutions');
    const options = { channelsFirst: false, labels: 0, maxRows: ROWS };
    return new Single(workload, size, tensors, await kernels.openBlock(stages, [tensors], options));
  }

  async forward(): Promise<Float32Array> {
    await this.#kernel.infer(this.#input, { activations: this.#out });
    return this.#out;
  }

  async step(): Promise<void> {
    const rule = updateRule(this.#workload.spec, STEP_RATE, this.#steps++, 0);
    await this.#kernel.forward(this.#input);
    await this.#kernel.update({ values: this.#delta }, rule);
  }

  async weights(): Promise<Float32Array> {
    await this.#kernel.read([this.#tensors]);
    return this.#tensors.parameters[0] as Float32Array;
  }

  get size(): Size {
    return this.#size;
  }

  close(): void {
    this.#kernel.close();
  }
}

function dataOf({ layers }: ConvolutionWorkload, size: Size) {
  const data = layers.get(size);
  if (!data) throw new RangeError(`there is no layer of ${size.channels} channels`);
  return data;
}

/** The network, each layer with its head, and the batch that it always trains on. */
class Network {
  readonly #workload: ConvolutionWorkload;
  readonly #parts: readonly (readonly OpenPart[])[];
  readonly #activations: readonly Float32Array[];
  #steps = 0;

  private constructor(workload: ConvolutionWorkload, parts: readonly (readonly OpenPart[])[]) {
    this.#workload = workload;
    this.#parts = parts;
    this.#activations = parts.map((each) => new Float32Array(ROWS * (each[0] as OpenPart).kernel.outputs));
  }

  static async open(kernels: Kernels, workload: ConvolutionWorkload): Promise<Network> {
    const parts: OpenPart[][] = [];
    for (const state of workload.states) parts.push(await openForTraining(kernels, workload.spec, state, 1));
    return new Network(workload, parts);
  }

  /** Every layer learns from the batch and passes it on; the losses of the layers. */
  async step(): Promise<number[]> {
    const { spec, images, labels } = this.#workload;
    const objective = objectiveOf(spec.objective).begin(spec);
    const rule: UpdateRule = updateRule(spec, spec.learningRate, this.#steps++, 0);
    const losses: number[] = [];
    // Labels play no part: `pred` gives a neutral one, and batch normalisation takes it off again.
    let input: LayerInput = { prefix: images, batch: ROWS, variants: 1, suffix: new Float32Array(ROWS * CLASSES) };
    for (const [l, parts] of this.#parts.entries()) {
      const kernels = parts.map(({ kernel }) => kernel);
      const { loss } = await objective.step({ kernels, input, labels, layerRule: rule, headRule: rule });
      losses.push(loss / ROWS);
      const activations = this.#activations[l] as Float32Array;
      await kernels[0]?.infer(input, { activations });
      input = { prefix: activations, batch: ROWS, variants: 1 };
    }
    return losses;
  }

  close(): void {
    for (const parts of this.#parts) closeParts(parts);
  }
}

/** @param kernels opened for `precision` */
export async function openOurConvolutions(
  kernels: Kernels,
  precision: Precision,
  workload: ConvolutionWorkload,
): Promise<Worker<ConvolutionWork>> {
  const singles: Single[] = [];
  for (const size of workload.layers.keys()) singles.push(await Single.open(kernels, workload, size));
  const network = await Network.open(kernels, workload);
  const single = (work: ConvolutionWork): Single =>
    singles.find(({ size }) => size === CONVOLUTION_WORK[work].size) as Single;
  return {
    name: precision === 'f32' ? 'ours' : `ours-${precision}`,
    about: `pff, kernels ${kernels.name}, ${precision}, ${kernels.threads} thread(s)`,
    operands: precision === 'f32' ? 'f32' : 'bf16',
    isOurs: true,
    work: new Set(Object.keys(CONVOLUTION_WORK) as ConvolutionWork[]),
    run: async (work) => {
      const start = performance.now();
      if (work === 'network') await network.step();
      else if (work.startsWith('forward')) await single(work).forward();
      else await single(work).step();
      return (performance.now() - start) / 1000;
    },
    compute: async (work, steps): Promise<Computed> => {
      if (work === 'network') {
        const fresh = await Network.open(kernels, workload);
        const losses: number[] = [];
        for (let taken = 0; taken < steps; taken++) losses.push(...(await fresh.step()));
        fresh.close();
        return { losses, values: Float32Array.of(1) };
      }
      if (work.startsWith('forward')) return { losses: [], values: (await single(work).forward()).slice() };
      const fresh = await Single.open(kernels, workload, single(work).size);
      for (let taken = 0; taken < steps; taken++) await fresh.step();
      const values = (await fresh.weights()).slice();
      fresh.close();
      return { losses: [], values };
    },
    close: async () => {
      for (const one of singles) one.close();
      network.close();
    },
  };
}
