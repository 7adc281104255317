/** What the tasks of a node read besides layer states: the plan, negative labels and images of the chapter at hand. */
import type { Labels } from '../data/label-array.js';
import { PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { augmentation } from '../model/augment/augment.js';
import { chapterPlan, type ChapterPlan } from '../model/chapter.js';
import { ImageInputs } from '../model/inputs.js';
import type { GraphShape } from '../schedule/shape.js';
import { hasLabelsTask, labelsTask, taskKey, type TrainTask } from '../schedule/tasks.js';
import { siteOf, type Job } from './job.js';
import { drawnLabels } from './negatives.js';

export class ChapterData {
  readonly #job: Job;
  readonly #graph: GraphShape;
  readonly #kernels: Kernels;
  /** Whether rows have a negative variant. */
  readonly #negatives: boolean;
  #plan: { readonly chapter: number; readonly plan: ChapterPlan } | undefined;
  #labels: { readonly chapter: number; readonly labels: Labels } | undefined;

  constructor(job: Job, graph: GraphShape, kernels: Kernels, negatives: boolean) {
    this.#job = job;
    this.#graph = graph;
    this.#kernels = kernels;
    this.#negatives = negatives;
  }

  plan(chapter: number): ChapterPlan {
    if (this.#plan?.chapter !== chapter) {
      const { samples } = siteOf(this.#job, chapter);
      this.#plan = { chapter, plan: chapterPlan(this.#job.spec, samples, chapter) };
    }
    return this.#plan.plan;
  }

  /** The first layer's inputs, or those of the layer below `task`'s where each layer sees images of its own. */
  images({ chapter, layer }: TrainTask): ImageInputs {
    const { data } = siteOf(this.#job, chapter);
    const negatives = this.#negatives ? this.#negativesOf(chapter) : undefined;
    const augment = augmentation(this.#job.spec, chapter, layer);
    return new ImageInputs(this.#kernels, data, this.plan(chapter).samples, negatives, augment);
  }

  hasLabels(chapter: number): boolean {
    return this.#labels?.chapter === chapter;
  }

  /** Negative labels that were fetched or predicted. */
  setLabels(chapter: number, labels: Labels): void {
    this.#labels = { chapter, labels };
  }

  #negativesOf(chapter: number): Labels {
    if (this.#labels?.chapter !== chapter) {
      if (hasLabelsTask(this.#graph, chapter))
        throw new PffError('cluster', `${taskKey(labelsTask(chapter))} was not fetched`);
      this.#labels = { chapter, labels: drawnLabels(this.#job, chapter) };
    }
    return this.#labels.labels;
  }
}
