/** What simulated times are compared with: a schedule's bound in closed form, for equal layers, and the bound of the graph itself. */
import type { PffVariant } from '../../src/schedule/assign.js';
import { checkCount, checkShape, type GraphShape } from '../../src/schedule/shape.js';
import { hasLabelsTask, lastLabelLayer } from '../../src/schedule/tasks.js';
import { checkCosts, type Costs } from '../../src/simulate/costs.js';

/**
 * The shortest makespan in layer slots, in closed form, for `layers` equal layers (a head counts as one), free passes and no
 * predicted labels.
 *
 * - sequential: S·L.
 * - all-layers, federated: more than L nodes are of no use, as chapter c + 1 follows one slot behind chapter c, so let
 *   M = min(N, L). Chapter c starts in slot ⌊c/M⌋·L + (c mod M), so the last ends after ⌈S/M⌉·L + ((S - 1) mod M)
 *   slots. For S a multiple of N, and N ≤ L, that is the paper's S·L/N + (N - 1).
 * - single-layer: the largest block of layers, k = ⌈L/N⌉ (assign.ts), belongs to the first node, which never waits; the
 *   last chapter leaves it after (S - 1)·k slots and then needs L: (S - 1)·k + L. For N ≥ L that is S + L - 1.
 */
export function closedForm(variant: PffVariant, layers: number, splits: number, nodes: number): number {
  checkCount('layers', layers);
  checkCount('splits', splits);
  checkCount('nodes', nodes);
  if (variant === 'sequential') return splits * layers;
  if (variant === 'single-layer') return (splits - 1) * Math.ceil(layers / nodes) + layers;
  const useful = Math.min(nodes, layers);
  return Math.ceil(splits / useful) * layers + ((splits - 1) % useful);
}

/**
 * Seconds below which no schedule gets at speed 1, with any number of nodes and free transfers: the longest chain of the
 * graph. The inputs of a layer are ready once they were passed through each layer below, in turn, after its training.
 */
export function criticalPath(shape: GraphShape, costs: Costs): number {
  checkShape(shape);
  checkCosts(shape, costs);
  /** When the labels of each chapter, and each layer's state of the present chapter, are there at the earliest. */
  const labels = new Map<number, number>();
  const states = Array.from({ length: shape.layers }, () => 0);
  let head = 0;
  let last = 0;
  for (let chapter = 0; chapter < shape.splits; chapter++) {
    let inputs = labels.get(chapter) ?? 0;
    for (let layer = 0; layer < shape.layers; layer++) {
      const trained = Math.max(inputs, states[layer] ?? 0) + (costs.train[layer] ?? 0);
      states[layer] = trained;
      inputs = trained + (costs.pass[layer] ?? 0);
      last = Math.max(last, trained);
    }
    if (shape.head) head = Math.max(head, ...states) + costs.head;
    last = Math.max(last, head);
    const labelled = chapter + shape.labelLag;
    if (hasLabelsTask(shape, labelled))
      labels.set(labelled, Math.max(...states.slice(0, lastLabelLayer(shape) + 1)) + costs.labels);
  }
  return last;
}
