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

/** An objective of one's own: a loss of goodness, or a whole entry of the table (its name is that which it is registered by). */
export function ownObjective(name: string, own: OwnObjective | Omit<Objective, 'name'>): Objective {
  return typeof own === 'function' ? onGoodness({ name, loss: own }) : { ...own, name };
}

/**
 * The objective called `name`. For one that is not registered here, such as that of a model which is only read: a loss of
 * goodness that cannot be trained.
 */
export function objectiveOf(name: string): Objective {
  return objectives.find(name) ?? onGoodness({ name, loss: () => objectives.get(name) as never });
}
