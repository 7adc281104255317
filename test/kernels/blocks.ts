/** Blocks for tests: a short text as stages, with random tensors. */
import {
  labelsOf,
  leaving,
  stageParameters,
  type BlockOptions,
  type Planes,
  type Stage,
  type StageTensors,
} from '../../src/kernels/block/contract.js';
import type { ConvGeometry } from '../../src/layers/conv/geometry.js';
import { geometries } from '../../src/layers/sizes.js';
import { RandomStream } from '../../src/random.js';

export interface BlockCase {
  /** `2x5x6,conv4+bn+max2` */
  readonly image: string;
  readonly block: string;
  readonly labels?: number;
  readonly variants?: number;
}

export function stagesOf({ image, block }: BlockCase): readonly Stage[] {
  return (geometries([image, block])[0] as ConvGeometry).stages;
}

/** Random parameters and moments; variances and second moments above 0. */
export function randomStages(stages: readonly Stage[], labels: number, seed = 1): StageTensors[] {
  return stages.map((stage, s) => {
    const shapes = stageParameters(stage, labelsOf(stages, s, labels));
    const made = (deviation: number, at: number) =>
      shapes.map(({ name, shape }, i) => {
        const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
        new RandomStream(seed, 'test', s, 10 * i + at).fillNormal(values, deviation);
        if (at === 0 && name === 'gamma') return values.map((value) => 1 + value / 2);
        return name === 'variance' || at === 2 ? values.map((value) => value * value) : values;
      });
    return { parameters: made(0.5, 0), moment1: made(1e-3, 1), moment2: made(1e-2, 2) };
  });
}

export function zeroStages(stages: readonly Stage[], labels: number): StageTensors[] {
  return stages.map((stage, s) => {
    const made = () =>
      stageParameters(stage, labelsOf(stages, s, labels)).map(
        ({ shape }) => new Float32Array(shape.reduce((product, side) => product * side, 1)),
      );
    return { parameters: made(), moment1: made(), moment2: made() };
  });
}

export function optionsOf({ labels = 0 }: BlockCase, maxRows: number): BlockOptions {
  return { channelsFirst: true, labels, maxRows };
}

export function outputPlanes(stages: readonly Stage[]): Planes {
  return leaving(stages.at(-1) as Stage);
}

export function normal(length: number, deviation: number, purpose: number): Float32Array {
  const values = new Float32Array(length);
  new RandomStream(9, 'test', purpose).fillNormal(values, deviation);
  return values;
}
