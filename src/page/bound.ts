/** What the schedule allows at best, from what the tasks of this very run took. */
import { measuredCosts } from '../run/measured-costs.js';
import { bound } from '../simulate/bound.js';
import { graphShape } from '../schedule/shape.js';
import { taskCount } from '../schedule/tasks.js';
import { simulate } from '../simulate/simulate.js';
import type { PageEvent } from './page-event.js';
import type { RunView } from './run-view.js';

/** Larger graphs would keep the page's thread from its readers for too long. */
const MOST_TASKS = 20_000;

/** Undefined for a single node, Single-Layer, a baseline, a run that may stop early, a resumed run, a large graph, and before each layer has been trained once. */
export function boundOf({ started, spans, offset }: RunView): Extract<PageEvent, { type: 'bound' }> | undefined {
  if (!started || offset > 0) return undefined;
  const { variant, nodes } = started.execution;
  // Single-Layer's depends on whether nodes hand inputs on, which only the result says.
  if (nodes < 2 || (variant !== 'all-layers' && variant !== 'federated')) return undefined;
  // Nobody knows how many of its chapters it will do.
  if (started.spec.earlyStop > 0) return undefined;
  const shape = graphShape(started.spec);
  if (taskCount(shape) > MOST_TASKS) return undefined;
  const costs = measuredCosts(shape, spans);
  if (costs.train.some((seconds) => seconds === 0) || (shape.head && costs.head === 0)) return undefined;
  const alone = simulate({ shape, variant: 'sequential', nodes: 1, costs }).summary.makespan;
  return { type: 'bound', seconds: bound(shape, variant, nodes, costs), alone };
}
