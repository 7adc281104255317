/** Compares what every peer computes with ours, for each piece of work that it can do. */
import type { DenseTensors } from '../../src/kernels/kernels.js';
import { PffError } from '../../src/errors.js';
import { compare, type Difference, TOLERANCES } from './check.js';
import type { Computed, Contender, Operands, Work } from './contender.js';
import { pixelOrder, type Workload, tensorsOf } from './workload.js';

export interface Checked extends Difference {
  readonly name: string;
  readonly work: Work | 'epoch';
  readonly operands: Operands;
}

/** Training steps that are compared. */
const STEPS = 3;

/**
 * @param contenders all with products of the same operands; the first one is ours.
 * @throws PffError `kernels` naming the first that differs.
 */
export async function checkContenders(
  contenders: readonly Contender[],
  operands: Operands,
  workload: Workload,
): Promise<Checked[]> {
  const [ours, ...peers] = contenders as [Contender, ...Contender[]];
  const before = { step: weightsOf(workload, 1), 'first-step': pixelOrder(layerOf(workload, 0)) };
  const own = new Map<Work | 'epoch', Computed>();
  const checks: Checked[] = [];
  for (const peer of peers) {
    for (const work of peer.work) {
      const mine = own.get(work) ?? (await ours.compute(work, STEPS));
      own.set(work, mine);
      const start = work === 'step' || work === 'first-step' ? before[work] : undefined;
      const kind = start ? 'trained' : 'inferred';
      const theirs = await peer.compute(work, STEPS);
      checks.push({ name: peer.name, work, operands, ...compare(theirs, mine, operands, kind, start) });
    }
    if (!peer.trains) continue;
    const mine = own.get('epoch') ?? (await ours.computeEpoch());
    own.set('epoch', mine);
    const start = weightsOf(workload, workload.states.length - 1);
    const theirs = await peer.computeEpoch();
    checks.push({ name: peer.name, work: 'epoch', operands, ...compare(theirs, mine, operands, 'epoch', start) });
  }
  const allowed = TOLERANCES[operands];
  const wrong = checks.find(({ ok }) => !ok);
  if (wrong)
    throw new PffError(
      'kernels',
      `${wrong.name} does not compute what we compute (${wrong.work}): losses differ by ${wrong.loss.toExponential(1)} and values by ${wrong.values.toExponential(1)}`,
      {
        hint: `Allowed are in ${operands} ${allowed.loss} for losses, ${allowed.trained} for trained weights, ${allowed.epoch} after an epoch, ${allowed.inferred} for inference. A time of something else is no comparison.`,
      },
    );
  return checks;
}

function layerOf({ states }: Workload, layer: number): DenseTensors {
  const state = states[layer];
  if (!state) throw new RangeError(`there is no layer ${layer + 1}`);
  return tensorsOf(state);
}

function weightsOf(workload: Workload, layer: number): Float32Array {
  return layerOf(workload, layer).weights;
}
