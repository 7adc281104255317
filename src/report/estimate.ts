/** How much of a run is done and how long the rest takes, from what finished tasks took. Pure: the caller has the clock. */
import { multiplyAdds } from '../layers/sizes.js';
import { isBackprop, type RunSpec } from '../spec/spec.js';
import type { Span, TaskRef } from '../schedule/timeline.js';

/** Each task is a layer of a chapter; the seconds of one chapter's layer are learned as the run goes. */
export class Estimate {
  readonly #splits: number;
  /** Work of each layer, in multiply-adds of a sample: what counts until seconds are known. */
  readonly #sizes: readonly number[];
  readonly #seconds: { sum: number; tasks: number }[];
  readonly #done: number[];
  readonly #before: number[];
  /** By node: the task that it is at. */
  readonly #partial = new Map<number, { readonly layer: number; readonly share: number }>();

  constructor(spec: RunSpec) {
    this.#splits = spec.splits;
    const all = multiplyAdds(spec.layers);
    // Backpropagation trains all layers in one task.
    const sizes = isBackprop(spec.objective) ? [all.reduce((sum, size) => sum + size, 0)] : all;
    // The classifier's head streams the data through all the layers.
    if (spec.classifier === 'softmax') sizes.push(sizes.reduce((sum, size) => sum + size, 0));
    this.#sizes = sizes;
    this.#seconds = sizes.map(() => ({ sum: 0, tasks: 0 }));
    this.#done = sizes.map(() => 0);
    this.#before = sizes.map(() => 0);
  }

  progress(node: number, task: TaskRef, share: number): void {
    const layer = this.#layerOf(task);
    if (layer !== undefined) this.#partial.set(node, { layer, share });
  }

  finished(node: number, task: TaskRef, spans: readonly Span[]): void {
    const layer = this.#layerOf(task);
    if (layer === undefined) return;
    const seconds = spans.reduce((sum, { phase, start, end }) => sum + (phase === 'wait' ? 0 : end - start), 0);
    this.#partial.delete(node);
    this.#done[layer] = (this.#done[layer] ?? 0) + 1;
    const known = this.#seconds[layer];
    if (known) [known.sum, known.tasks] = [known.sum + seconds, known.tasks + 1];
  }

  /** Tasks that an earlier process has done: a share of the work that took no time of this run's. */
  resumed(tasks: readonly TaskRef[]): void {
    for (const task of tasks) {
      // DFF goes on from whole chapters, though it tells of each layer.
      const whole = task.layer === 'network';
      const layer = this.#layerOf(task);
      this.#before.forEach((count, i) => {
        if (whole || i === layer) this.#before[i] = count + 1;
      });
    }
  }

  /** Share of the work that is done, 0 … 1. */
  share(): number {
    const { before, now, total } = this.#work();
    return total > 0 ? Math.min(1, (before + now) / total) : 0;
  }

  /** Seconds left, given the seconds since the start; Infinity before anything is known. */
  left(elapsed: number): number {
    const { before, now, total } = this.#work();
    return now > 0 ? (elapsed * Math.max(0, total - before - now)) / now : Number.POSITIVE_INFINITY;
  }

  /** Work of earlier processes, of this one, and in all. */
  #work(): { readonly before: number; readonly now: number; readonly total: number } {
    const costs = this.#costs();
    const sum = (tasks: readonly number[]): number =>
      costs.reduce((all, cost, layer) => all + cost * (tasks[layer] ?? 0), 0);
    const partial = [...this.#partial.values()].reduce((all, { layer, share }) => all + (costs[layer] ?? 0) * share, 0);
    return { before: sum(this.#before), now: sum(this.#done) + partial, total: this.#splits * sum(costs.map(() => 1)) };
  }

  /** Seconds of one task of each layer: measured, or by its size in proportion to what was measured. */
  #costs(): number[] {
    let [seconds, size] = [0, 0];
    this.#seconds.forEach(({ sum, tasks }, layer) => {
      if (tasks > 0) [seconds, size] = [seconds + sum / tasks, size + (this.#sizes[layer] ?? 0)];
    });
    const rate = size > 0 && seconds > 0 ? seconds / size : 1;
    return this.#sizes.map((own, layer) => {
      const { sum, tasks } = this.#seconds[layer] ?? { sum: 0, tasks: 0 };
      return tasks > 0 && sum > 0 ? sum / tasks : own * rate;
    });
  }

  #layerOf({ layer }: TaskRef): number | undefined {
    if (layer === 'labels') return undefined;
    return typeof layer === 'number' ? layer : this.#sizes.length - 1;
  }
}
