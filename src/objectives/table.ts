/** The table of objectives: the only list of their names. A new objective is one file and one entry here. */
import { NamedParts } from '../named-parts.js';
import { backprop } from './backprop.js';
import { backpropHeads } from './backprop-heads.js';
import { cwc, deeperForward } from './channel-groups.js';
import type { GoodnessLoss } from './goodness-training.js';
import { hinton } from './hinton.js';
import { pred, predsim, sim } from './local-error.js';
import { monoForward } from './mono-forward.js';
import type { Objective, ObjectiveSettings } from './objective.js';
import { onGoodness } from './on-goodness.js';
import { onLocalLoss, type OwnLocalLoss } from './own-local-loss.js';
import { performanceOptimized } from './performance-optimized.js';
import { symba } from './symba.js';

const OURS = [
  hinton,
  symba,
  performanceOptimized,
  monoForward,
  pred,
  sim,
  predsim,
  cwc,
  deeperForward,
  backprop,
  backpropHeads,
];

export const objectives = new NamedParts<Objective>(
  'objective',
  Object.fromEntries(OURS.map((objective) => [objective.name, objective])),
);

/** Makes the loss of goodness that layers learn by; called once for each task, with the objective's settings of the run's spec. */
export type OwnObjective = (settings: ObjectiveSettings) => GoodnessLoss;

/**
 * What can be registered as an objective: a loss of goodness, a local loss with heads, or a whole entry of the table (its name is that
 * which it is registered by).
 */
export type AnyOwnObjective = OwnObjective | OwnLocalLoss | OwnEntry;

/** Where it is not said, rows of two variants pass on at unit length, others as they are, and heads predict by log-probabilities. */
type OwnEntry = Omit<Objective, 'name' | 'unitLength' | 'headScores'> &
  Partial<Pick<Objective, 'unitLength' | 'headScores'>>;

export function ownObjective(name: string, own: AnyOwnObjective): Objective {
  if (typeof own === 'function') return onGoodness({ name, loss: own });
  if (isLocalLoss(own)) return onLocalLoss(name, own);
  // Not by spreading: what is an instance of a class has its functions on its prototype.
  return {
    name,
    variants: own.variants,
    trains: own.trains,
    rates: own.rates,
    classifiers: own.classifiers,
    unitLength: own.unitLength ?? own.variants === 2,
    ...(own.comparesSamples ? { comparesSamples: true as const } : {}),
    headScores: own.headScores ?? 'log-probabilities',
    parts: (settings, place) => own.parts(settings, place),
    begin: (settings) => own.begin(settings),
    describe: (settings) => own.describe(settings),
  };
}

/** Local losses say which heads they have; entries of the table which parts. */
export function isLocalLoss(own: OwnLocalLoss | OwnEntry): own is OwnLocalLoss {
  return !('parts' in own);
}

/**
 * The objective called `name`. For one that is not registered here, such as that of a model which is only read: a loss of
 * goodness that cannot be trained.
 */
export function objectiveOf(name: string): Objective {
  return objectives.find(name) ?? onGoodness({ name, loss: () => objectives.get(name) as never });
}
