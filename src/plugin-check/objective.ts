/** Checks of an objective of a plugin: its gradient, and whether it computes the same bits twice. */
import type { LayerInput, LayerKernel } from '../kernels/kernels.js';
import { partName } from '../layers/layer-state.js';
import type { Objective, ObjectiveSettings } from '../objectives/objective.js';
import type { LocalBatch, OwnLocalLoss } from '../objectives/own-local-loss.js';
import { isLocalLoss, type AnyOwnObjective, type OwnObjective } from '../objectives/table.js';
import { RandomStream } from '../random.js';
import { exp } from '../math.js';
import { judged, right, wrong, type Finding } from './finding.js';
import { twice } from './parts.js';
import { compareSteps, PROBE, randomState } from './layer-steps.js';
import { compareGradient, fits, type Claimed } from './numeric-gradient.js';

const SAMPLES = 8;
const CLASSES = 3;
const INPUTS = 7;
const OUTPUTS = 6;
/** How often a check is repeated on other values. */
const ROUNDS = 3;

/** @param own as it was given; `objective`: the entry of the table that it became */
export function checkObjective(
  own: AnyOwnObjective,
  objective: Objective,
  settings: ObjectiveSettings,
): Promise<Finding[]> {
  if (typeof own === 'function') return checkLossOfGoodness(own, settings);
  if (isLocalLoss(own)) return checkLocalLoss(own, settings);
  return checkEntry(objective, settings);
}

/** A loss of goodness, as a function of the goodness of positive and negative rows. */
async function checkLossOfGoodness(own: OwnObjective, settings: ObjectiveSettings): Promise<Finding[]> {
  const evaluated = (positive: Float32Array, negative: Float32Array) => {
    const gradients = [new Float64Array(positive.length), new Float64Array(negative.length)] as const;
    const loss = own(settings).evaluate(positive.slice(), negative.slice(), ...gradients);
    return { loss, gradients };
  };
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    // Around θ, where training is.
    const around = (part: number): Float32Array =>
      random(round, part, SAMPLES).map((value) => settings.threshold * exp(0.7 * value));
    return [around(0), around(1)] as const;
  });
  const gradient = await overRounds(rounds, async ([positive, negative]) => {
    const { gradients } = evaluated(positive, negative);
    const claimed = [
      { name: 'positiveGradient', values: positive, gradient: gradients[0] },
      { name: 'negativeGradient', values: negative, gradient: gradients[1] },
    ];
    return [claimed, () => evaluated(positive, negative).loss];
  });
  const far = evaluated(Float32Array.of(0, 1000 * settings.threshold), Float32Array.of(1000 * settings.threshold, 0));
  const finite = [far.loss, ...far.gradients[0], ...far.gradients[1]].every(Number.isFinite);
  return [
    right('shape', 'a loss of goodness'),
    gradient,
    judged(
      'finite',
      finite ? undefined : 'loss or gradient is not finite for goodness 0 and 1000 θ',
      'also far from θ',
    ),
    twice(() => rounds.flatMap(([positive, negative]) => bitsOf(evaluated(positive, negative)))),
  ];
}

/** A local loss, as a function of activations and of the outputs of its heads. */
async function checkLocalLoss(own: OwnLocalLoss, settings: ObjectiveSettings): Promise<Finding[]> {
  const labels = Uint8Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  const widths = own.heads.map(({ outputs }) => (outputs === 'classes' ? CLASSES : outputs));
  const evaluated = (activations: Float32Array, heads: readonly Float32Array[]) => {
    const batch: LocalBatch = {
      activations: activations.slice(),
      heads: heads.map((each) => each.slice()),
      labels,
      classes: CLASSES,
      activationGradient: new Float32Array(activations.length),
      headGradients: heads.map((each) => new Float32Array(each.length)),
    };
    const loss = own.loss(settings).evaluate(batch);
    return { loss, gradients: [batch.activationGradient, ...batch.headGradients], batch };
  };
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const activations = random(round, 0, SAMPLES * OUTPUTS).map((value) => Math.abs(value) + 0.05);
    return [activations, widths.map((width, head) => random(round, head + 1, SAMPLES * width))] as const;
  });
  const gradient = await overRounds(rounds, async ([activations, heads]) => {
    const { gradients } = evaluated(activations, heads);
    const claimed = [activations, ...heads].map((values, i) => ({
      name: i === 0 ? 'activationGradient' : `headGradients[${i - 1}]`,
      values,
      gradient: gradients[i] as Float32Array,
    }));
    return [claimed, () => evaluated(activations, heads).loss];
  });
  const [activations, heads] = rounds[0] as (typeof rounds)[0];
  // A layer's rows may be zeros, wholly or in part.
  const zeros = [activations.map(() => 0), activations.map((value, i) => (i % 2 === 0 ? 0 : value))];
  const finite = zeros.every((rows) => {
    const { loss, gradients } = evaluated(rows, heads);
    return Number.isFinite(loss) && gradients.every((each) => each.every((value) => Number.isFinite(value)));
  });
  const { batch } = evaluated(activations, heads);
  const untouched =
    sameValues(batch.activations, activations) && batch.heads.every((each, i) => sameValues(each, heads[i] ?? each));
  const names = own.heads.map(({ name }, i) => name ?? (i === 0 ? 'head' : `head${i + 1}`));
  return [
    right('shape', `a local loss on ${names.join(', ')}`),
    gradient,
    judged(
      'finite',
      finite ? undefined : 'loss or gradient is not finite where activations are 0',
      'for rows of zeros, too',
    ),
    judged(
      'reads only',
      untouched ? undefined : 'it writes to activations or outputs of heads',
      'writes nothing but gradients',
    ),
    twice(() => rounds.flatMap((round) => bitsOf(evaluated(...round)))),
  ];
}

/** A whole entry of the table: its steps on a small dense layer, against differences of the loss that it reports. */
async function checkEntry(objective: Objective, settings: ObjectiveSettings): Promise<Finding[]> {
  if (objective.trains === 'network')
    return [wrong('shape', 'a baseline that trains the whole network: not for plugins')];
  const labelInputs = objective.variants === 2 ? CLASSES : 0;
  const geometry = { kind: 'dense', inputs: INPUTS, outputs: OUTPUTS };
  const parts = objective.parts(settings, { geometry, labelInputs, layer: 0, last: false, classes: CLASSES });
  if (parts[0]?.role !== 'layer') return [wrong('shape', 'its first part is not the layer')];
  const state = randomState(parts, 'plugin-check');
  const input = inputOf(objective.variants);
  const labels = Uint8Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  const step = async (kernels: readonly LayerKernel[]): Promise<number> => {
    const rules = { layerRule: PROBE, headRule: PROBE };
    const { loss, samples } = await objective.begin(settings).step({ kernels, input, labels, ...rules });
    return loss / samples;
  };
  const network = { state, maxRows: SAMPLES * objective.variants, step };
  const { compared, loss } = await compareSteps(network);
  const again = await compareSteps(network, false);
  const misfit = compared?.misfit;
  return [
    right('shape', `a whole objective with ${parts.map((_, i) => partName(state.structure, i)).join(', ')}`),
    judged('gradient', misfit, compared ? fits(compared) : ''),
    judged('same bits', loss === again.loss ? undefined : `a loss of ${loss}, then of ${again.loss}`, 'twice'),
  ];
}

async function overRounds<T>(
  rounds: readonly T[],
  of: (round: T) => Promise<readonly [readonly Claimed[], () => number]>,
): Promise<Finding> {
  let [count, largestError] = [0, 0];
  for (const round of rounds) {
    const [claimed, loss] = await of(round);
    const compared = await compareGradient(claimed, loss, 3e-8 * Math.abs(loss()));
    if (compared.misfit !== undefined) return wrong('gradient', compared.misfit);
    count += compared.count;
    largestError = Math.max(largestError, compared.largestError);
  }
  return right('gradient', fits({ count, largestError, misfit: undefined }));
}

function bitsOf({
  loss,
  gradients,
}: {
  readonly loss: number;
  readonly gradients: readonly ArrayLike<number>[];
}): number[] {
  return [loss, ...gradients.flatMap((each) => Array.from(each))];
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => Object.is(value, b[i]));
}

function random(round: number, part: number, count: number): Float32Array {
  const values = new Float32Array(count);
  new RandomStream(17, 'plugin-check', round, part).fillNormal(values, 1);
  return values;
}

/** Random rows; positive and negative ones have a one-hot suffix. */
function inputOf(variants: 1 | 2): LayerInput {
  const prefix = random(0, 9, SAMPLES * (INPUTS - (variants === 2 ? CLASSES : 0)));
  if (variants === 1) return { prefix, batch: SAMPLES, variants };
  const suffix = new Float32Array(variants * SAMPLES * CLASSES);
  for (let r = 0; r < variants * SAMPLES; r++) suffix[r * CLASSES + (r % CLASSES)] = 0.8;
  return { prefix, batch: SAMPLES, variants, suffix };
}
