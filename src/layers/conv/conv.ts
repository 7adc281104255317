/** A block of convolutions as one layer: convolution, normalisation, activation and pool, once or several times. */
import { PffError } from '../../errors.js';
import {
  convolved,
  hasConvolution,
  labelsOf,
  leaving,
  patchValues,
  planeValues,
  stageParameters,
  type Norm,
  type Planes,
  type Stage,
  type StageTensors,
} from '../../kernels/block/contract.js';
import type { LayerKind, PartTensors } from '../layer-kind.js';
import type { ConvGeometry } from './geometry.js';
import { convSchema, LEAKY_SLOPE, type ConvDescription, type StageDescription } from './description.js';
import { convOnnx } from './onnx.js';
import { explainBlock, formatBlock, formatStage, joinsBlock, parseBlock } from './text.js';

export const conv: LayerKind<ConvDescription, ConvGeometry> = {
  kind: 'conv',
  schema: convSchema,
  readsPlanes: true,
  parse: parseBlock,
  explain: explainBlock,
  joins: joinsBlock,
  format: formatBlock,
  geometry({ stages: descriptions }, inputs, entering) {
    if (!entering)
      misfit(
        'it needs planes: channels x height x width',
        'Begin --layers with the shape of an image, such as 1x28x28, and put convolutions before dense layers.',
      );
    const stages: Stage[] = [];
    let from = entering.planes;
    for (const description of descriptions) {
      const stage = stageOf(description, from);
      stages.push(stage);
      from = leaving(stage);
    }
    return {
      kind: 'conv',
      inputs,
      outputs: planeValues(from),
      stages,
      channelsFirst: entering.channelsFirst,
      labels: inputs - planeValues(entering.planes),
      planes: from,
    };
  },
  parameters: ({ stages, labels }) =>
    stages.flatMap((stage, s) =>
      stageParameters(stage, labelsOf(stages, s, labels)).map(({ name, shape }) => ({
        name: stages.length === 1 ? name : `stage${s + 1}.${name}`,
        shape,
      })),
    ),
  multiplyAdds: ({ stages, labels }) =>
    stages.reduce((sum, stage, s) => {
      const { channels, height, width } = convolved(stage);
      return sum + height * width * channels * (patchValues(stage) + labelsOf(stages, s, labels));
    }, 0),
  batchNormalised({ stages }) {
    const normalised = stages.filter(({ norm }) => norm?.kind === 'batch').map(convolved);
    return normalised.length === 0 ? undefined : Math.min(...normalised.map(({ height, width }) => height * width));
  },
  workingBytes({ stages }, rows) {
    // What enters and leaves, before and after the pool, and gradients; patches are made in pieces.
    const values = stages.reduce(
      (sum, stage) =>
        sum + 3 * planeValues(convolved(stage)) + 3 * planeValues(leaving(stage)) + 2 * planeValues(stage.from),
      0,
    );
    return 4 * rows * values;
  },
  initialise({ geometry: { stages, labels }, initialDeviation }, { parameters }, stream) {
    let at = 0;
    const first = stages.findIndex((stage) => hasConvolution(stage) || stage.norm !== undefined);
    for (const [s, stage] of stages.entries()) {
      const { height, width } = stage.from;
      const { kernel, groups } = stage;
      // A patch holds K² / (H · W) of a row's squares, a group its share: labels, which each position sees whole, weigh as much less.
      const share = kernel / Math.sqrt(height * width * groups);
      // As He et al. (2015) have it where what follows does not depend on the scale, or what enters is of usual size; else activations
      // get the mean square of a dense layer's.
      const he = s > first || stage.norm !== undefined;
      const deviation = he ? Math.sqrt(2 / patchValues(stage)) : initialDeviation / share;
      for (const { name } of stageParameters(stage, labelsOf(stages, s, labels))) {
        const values = parameters[at++] as Float32Array;
        if (name === 'weight' && deviation > 0) stream.fillNormal(values, deviation);
        if (name === 'label' && deviation > 0) stream.fillNormal(values, deviation * share);
        if (name === 'gamma' || name === 'variance') values.fill(1);
      }
    }
  },
  async open(kernels, { geometry, withoutBias }, tensors, { maxRows }) {
    const { stages, channelsFirst, labels } = geometry;
    if (!kernels.openBlock)
      throw new PffError('kernels', `the ${kernels.name} kernels have no convolutions`, {
        hint: 'Use other --kernels, or dense layers only.',
      });
    const options = { channelsFirst, labels, maxRows, fixedBias: withoutBias };
    const kernel = await kernels.openBlock(stages, stageTensors(geometry, tensors), options);
    return { kernel, read: (into) => kernel.read(stageTensors(geometry, into)) };
  },
  windows({ stages, labels }, { parameters }) {
    const first = stages.findIndex(hasConvolution);
    const { from, outputs, kernel, groups } = stages[first] as Stage;
    const before = stages.slice(0, first).flatMap((stage) => stageParameters(stage, labels));
    const weights = parameters[before.length] as Float32Array;
    const channels = from.channels / groups;
    const each = outputs / groups;
    const area = kernel * kernel;
    const turned = new Float32Array(area * channels * outputs);
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < channels; c++)
        for (let at = 0; at < area; at++) {
          const row = (Math.floor(o / each) * area + at) * channels + c;
          turned[(c * area + at) * outputs + o] = weights[row * each + (o % each)] as number;
        }
    return { planes: { channels, height: kernel, width: kernel }, outputs, weights: turned };
  },
  onnx: convOnnx,
};

function misfit(message: string, hint: string): never {
  throw new PffError('usage', message, { hint });
}

const NORMS = {
  batch: { kind: 'batch' },
  rms: { kind: 'position', centred: false },
  ln2d: { kind: 'position', centred: true },
} as const;

function normOf(norm: StageDescription['norm']): { norm?: Norm } {
  if (norm === 'none') return {};
  return { norm: typeof norm === 'number' ? { kind: 'group', groups: norm } : NORMS[norm] };
}

function stageOf(description: StageDescription, from: Planes): Stage {
  const { norm, activation, slope = LEAKY_SLOPE, pool } = description;
  const convolution = 'channels' in description ? description : undefined;
  const { channels = from.channels, kernel = 0, stride = 1, groups = 1 } = convolution ?? {};
  const { padding = convolution ? (kernel - 1) / 2 : 0 } = convolution ?? {};
  const what = formatStage(description);
  const enters = formatPlanes(from);
  if (from.channels % groups !== 0 || channels % groups !== 0)
    misfit(
      `${what} cuts channels into ${groups} groups, but ${from.channels} enter and ${channels} leave`,
      `Choose a number that divides both: ${divisors(from.channels, channels)}.`,
    );
  if (typeof norm === 'number' && channels % norm !== 0)
    misfit(
      `${what} normalises ${norm} groups of ${channels} channels`,
      `Choose a number that divides the channels: ${divisors(channels, channels)}.`,
    );
  if (convolution && padding >= kernel)
    misfit(
      `${what} pads by ${padding}, which is more than its window of ${kernel} reaches`,
      `A padding of up to ${kernel - 1} fits.`,
    );
  const stage: Stage = {
    from,
    outputs: channels,
    kernel,
    stride,
    padding,
    groups,
    leak: { relu: 0, leaky: slope, linear: 1 }[activation],
    ...normOf(norm),
    ...(pool ? { pool: { kind: pool.kind, size: pool.size, stride: pool.stride ?? pool.size } } : {}),
  };
  const before = convolved(stage);
  const largest = Math.min(from.height, from.width) + 2 * padding;
  if (before.height < 1 || before.width < 1)
    misfit(
      `the window of ${what} is larger than the planes that enter it, ${enters}`,
      `With this padding a window of up to ${largest} fits; else pad more, or pool less before it.`,
    );
  const { height, width } = leaving(stage);
  if (height < 1 || width < 1)
    misfit(
      `the pool of ${what} is larger than the planes that enter it, ${formatPlanes(before)}`,
      `A pool of up to ${Math.min(before.height, before.width)} fits; else pool less before it.`,
    );
  return stage;
}

function formatPlanes({ channels, height, width }: Planes): string {
  return `${channels}x${height}x${width}`;
}

/** What divides both, the first few. */
function divisors(a: number, b: number): string {
  const found: number[] = [];
  for (let each = 1; each <= Math.min(a, b); each++) if (a % each === 0 && b % each === 0) found.push(each);
  return found.length > 8 ? `${found.slice(0, 8).join(', ')}, …` : found.join(', ');
}

/** The tensors stage by stage, as kernels take them. */
function stageTensors({ stages, labels }: ConvGeometry, { parameters, moment1, moment2 }: PartTensors): StageTensors[] {
  let at = 0;
  return stages.map((stage, s) => {
    const end = at + stageParameters(stage, labelsOf(stages, s, labels)).length;
    const cut = {
      parameters: parameters.slice(at, end),
      moment1: moment1.slice(at, end),
      moment2: moment2.slice(at, end),
    };
    at = end;
    return cut;
  });
}
