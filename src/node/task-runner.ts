/**
 * Carries out tasks, one at a time: fetches what a task's steps need, passes data on, trains, publishes. What it holds in
 * memory between tasks only saves time; a runner that starts with nothing computes the same bits.
 */
import { residentBytes } from '#platform/memory';
import { PffError } from '../errors.js';
import type { DenseKernel, Kernels } from '../kernels/kernels.js';
import { augmentation } from '../model/augment/augment.js';
import { chapterPlan, type ChapterPlan } from '../model/chapter.js';
import { layerDropout, type LayerDropout } from '../model/dropout.js';
import { ActivationInputs, ImageInputs } from '../model/inputs.js';
import { initialState, viewState, type LayerShape, type LayerState } from '../model/layer-state.js';
import { allShapes, networkShape, type NetworkShape } from '../model/network.js';
import { emptyStats, type LayerObjective, type StepStats } from '../model/objectives/objective.js';
import { layerObjective } from '../model/objectives/registry.js';
import { SoftmaxHeadObjective } from '../model/objectives/softmax.js';
import { classifierFeatures, openForInference } from '../model/prediction.js';
import { roundToBf16, wireBytes } from '../model/wire.js';
import { ownerOf } from '../schedule/assign.js';
import { graphShape, type GraphShape } from '../schedule/shape.js';
import { stepsOf, type Held, type Step } from '../schedule/steps.js';
import { hasLabelsTask, labelsTask, taskKey, trainTask, type Task, type TrainTask } from '../schedule/tasks.js';
import { refOf, type Phase, type Span } from '../schedule/timeline.js';
import { passesUnitLength } from '../spec/spec.js';
import type { Output, Store } from '../store/store.js';
import { Breather, nowMs } from './clock.js';
import type { NodeEvent } from './events.js';
import { siteOf, type Job } from './job.js';
import { drawnLabels, predictedLabels } from './negatives.js';
import { progressReporter } from './progress.js';
import { openForTraining, readState, trainChapter } from './training.js';

export class TaskRunner {
  readonly #job: Job;
  readonly #node: number;
  readonly #kernels: Kernels;
  readonly #store: Store;
  readonly #signal: AbortSignal;
  readonly #emit: (event: NodeEvent) => void;
  readonly #network: NetworkShape;
  readonly #graph: GraphShape;
  readonly #variants: LayerObjective['variants'];
  readonly #breather: Breather;
  readonly #maxWidth: number;

  #held: Held = null;
  #inputs: ImageInputs | ActivationInputs | undefined;
  #plan: { readonly chapter: number; readonly plan: ChapterPlan } | undefined;
  #labels: { readonly chapter: number; readonly labels: Uint8Array } | undefined;
  /** The layer just trained, still open: mostly the next one that the data passes through. */
  #trained: { readonly key: string; readonly kernel: DenseKernel } | undefined;
  #spans: Span[] = [];

  constructor(
    job: Job,
    node: number,
    kernels: Kernels,
    store: Store,
    signal: AbortSignal,
    emit: (event: NodeEvent) => void,
  ) {
    this.#job = job;
    this.#node = node;
    this.#kernels = kernels;
    this.#store = store;
    this.#signal = signal;
    this.#emit = emit;
    this.#network = networkShape(job.spec, job.layout);
    this.#graph = graphShape(job.spec);
    this.#variants = layerObjective(job.spec).variants;
    this.#breather = new Breather(signal);
    // The last layer's activations are nobody's inputs.
    this.#maxWidth = Math.max(0, ...this.#network.layers.slice(0, -1).map((shape) => shape.dense[0]?.outputs ?? 0));
  }

  /** Does one task and publishes its output. */
  async run(task: Task): Promise<void> {
    this.#spans = [];
    const { steps, held } = stepsOf(this.#graph, task, this.#held);
    let output: Output | undefined;
    let stats = emptyStats();
    for (const step of steps) {
      const fetched = await this.#fetchAll(task, step.needs);
      switch (step.work) {
        case 'pass':
          await this.#timed(task, 'pass', () => this.#pass(task as TrainTask, step.layer, fetched));
          break;
        case 'train':
          ({ output, stats } = await this.#timed(task, 'train', () => this.#train(task as TrainTask, fetched)));
          break;
        case 'head':
          ({ output, stats } = await this.#timed(task, 'train', () =>
            this.#trainClassifier(task as TrainTask, fetched),
          ));
          break;
        case 'labels':
          output = await this.#timed(task, 'labels', () => this.#predictLabels(task.chapter, step, fetched));
          break;
      }
    }
    this.#held = held;
    if (!output) throw new PffError('cluster', `${taskKey(task)} has no step that makes its output`);
    const published = output;
    if (task.kind === 'train' && this.#job.spec.wire === 'bf16') this.#roundPublished(published);
    const start = this.#now();
    await this.#store.publish(task, published);
    this.#span(task, 'publish', start, this.#bytesOf(task, published));
    this.#emit({
      type: 'task-finished',
      node: this.#node,
      task: refOf(this.#graph, task),
      stats,
      spans: this.#spans,
      processBytes: residentBytes(),
    });
  }

  /** Frees kernels and activations. */
  close(): void {
    this.#trained?.kernel.close();
    this.#trained = undefined;
    this.#inputs = undefined;
    this.#held = null;
  }

  /** This node, too, goes on with the rounded state, so it may not use the kernel that still has the other one. */
  #roundPublished({ buffer }: Output): void {
    roundToBf16(buffer);
    this.#trained?.kernel.close();
    this.#trained = undefined;
  }

  /** Bytes of an output on the way to another node. */
  #bytesOf({ kind }: Task, { buffer }: Output): number {
    return kind === 'train' ? wireBytes(this.#job.spec, buffer.byteLength) : buffer.byteLength;
  }

  /** Waits for and fetches the outputs that a step needs, by key. */
  async #fetchAll(task: Task, needs: readonly Task[]): Promise<Map<string, Output>> {
    const fetched = new Map<string, Output>();
    for (const need of needs) {
      const key = taskKey(need);
      // A layer that this node has just trained, or labels that it has, need not be fetched again.
      if (this.#trained?.key === key && need.chapter === task.chapter) continue;
      if (need.kind === 'labels' && this.#labels?.chapter === need.chapter) continue;
      const start = this.#now();
      if (!(await this.#store.isPublished(need))) {
        await this.#store.published(need, this.#signal);
        this.#spans.push({
          node: this.#node,
          task: refOf(this.#graph, task),
          phase: 'wait',
          start,
          end: this.#now(),
          bytes: 0,
          waitedFor: refOf(this.#graph, need),
        });
      }
      const from = this.#now();
      const output = await this.#store.fetch(need, this.#signal);
      const own = ownerOf(this.#graph, this.#job.variant, this.#job.nodes, need) === this.#node;
      this.#span(need, 'fetch', from, own ? 0 : this.#bytesOf(need, output));
      if (need.kind === 'labels') this.#labels = { chapter: need.chapter, labels: new Uint8Array(output.buffer) };
      else fetched.set(key, output);
    }
    return fetched;
  }

  async #pass(task: TrainTask, layer: number, fetched: Map<string, Output>): Promise<void> {
    const key = taskKey(trainTask(task.chapter, layer));
    const reuse = this.#trained?.key === key ? this.#trained.kernel : undefined;
    const kernel = reuse ?? this.#openedForPassing(layer, fetched.get(key));
    try {
      const normalise = passesUnitLength(this.#job.spec);
      if (layer === 0) this.#inputs = this.#heldImages(task).pass(kernel, this.#maxWidth, normalise);
      else (this.#inputs as ActivationInputs).pass(kernel, normalise);
    } finally {
      kernel.close();
      if (reuse) this.#trained = undefined;
    }
    await this.#breather.breathe();
  }

  #openedForPassing(layer: number, output: Output | undefined): DenseKernel {
    const [kernel, ...heads] = openForInference(this.#kernels, this.#view(layer, output), this.#job.classes);
    for (const head of heads) head.close();
    return kernel as DenseKernel;
  }

  async #train(task: TrainTask, fetched: Map<string, Output>): Promise<{ output: Output; stats: StepStats }> {
    const before = this.#before(task, fetched);
    if (task.layer === 0) this.#inputs = this.#imageInputs(task);
    const inputs = this.#inputs;
    if (!inputs) throw new PffError('cluster', `${taskKey(task)} has no inputs to train on`);
    this.#trained?.kernel.close();
    this.#trained = undefined;
    const { spec, classes } = this.#job;
    const opened = openForTraining(this.#kernels, spec, before, classes, this.#variants);
    const plan = this.#planOf(task.chapter);
    const dropout = layerDropout(this.#kernels, spec, task.chapter, task.layer);
    const stats = await this.#chapter(task, layerObjective(spec), opened, before.steps, plan, inputs, dropout);
    const after = readState(before.shape, before.steps + plan.batches.length, opened);
    const [kernel, ...heads] = opened;
    for (const head of heads) head.close();
    this.#trained = { key: taskKey(task), kernel: kernel as DenseKernel };
    return { output: { steps: after.steps, buffer: after.buffer }, stats };
  }

  async #trainClassifier(task: TrainTask, fetched: Map<string, Output>): Promise<{ output: Output; stats: StepStats }> {
    const before = this.#before(task, fetched);
    const { spec } = this.#job;
    const { data } = siteOf(this.#job, task.chapter);
    const layers = this.#network.layers.map((shape) => {
      const key = taskKey(trainTask(task.chapter, shape.layer));
      if (this.#trained?.key === key && !fetched.has(key)) return this.#trained.kernel;
      return this.#openedForPassing(shape.layer, fetched.get(key));
    });
    const opened = openForTraining(this.#kernels, spec, before, this.#job.classes, 1);
    const plan = this.#planOf(task.chapter);
    const augment = augmentation(spec, task.chapter, task.layer);
    const features = (positions: Uint32Array) => {
      const seen = augment(
        data,
        Uint32Array.from(positions, (p) => plan.samples[p] as number),
      );
      const prefix = classifierFeatures(this.#kernels, layers, seen.data, seen.rows);
      return { prefix, batch: positions.length, variants: 1 };
    };
    const stats = await this.#chapter(task, new SoftmaxHeadObjective(), opened, before.steps, plan, features);
    const after = readState(before.shape, before.steps + plan.batches.length, opened);
    for (const kernel of [...layers, ...opened]) if (kernel !== this.#trained?.kernel) kernel.close();
    return { output: { steps: after.steps, buffer: after.buffer }, stats };
  }

  async #chapter(
    task: TrainTask,
    objective: LayerObjective,
    opened: readonly DenseKernel[],
    steps: number,
    plan: ChapterPlan,
    inputs: Parameters<typeof trainChapter>[6],
    dropout?: LayerDropout,
  ): Promise<StepStats> {
    const report = progressReporter(this.#node, refOf(this.#graph, task), this.#emit);
    const { spec } = this.#job;
    const { data } = siteOf(this.#job, task.chapter);
    return trainChapter(
      spec,
      objective,
      opened,
      steps,
      task,
      plan,
      inputs,
      data.samples.labels,
      this.#breather,
      report,
      dropout,
    );
  }

  async #predictLabels(chapter: number, step: Step, fetched: Map<string, Output>): Promise<Output> {
    const states = step.needs.map((need) => this.#view((need as TrainTask).layer, fetched.get(taskKey(need))));
    const { samples } = this.#planOf(chapter);
    const labels = await predictedLabels(this.#job, this.#kernels, states, chapter, samples, this.#breather);
    this.#labels = { chapter, labels };
    return { steps: 0, buffer: labels.buffer };
  }

  /** The state that a training step starts from. */
  #before(task: TrainTask, fetched: Map<string, Output>): LayerState {
    if (task.chapter === 0) return initialState(this.#shapeOf(task.layer), this.#job.spec.seed);
    return this.#view(task.layer, fetched.get(taskKey(trainTask(task.chapter - 1, task.layer))));
  }

  #view(layer: number, output: Output | undefined): LayerState {
    if (!output) throw new PffError('cluster', `the state of layer ${layer + 1} was not fetched`);
    return viewState(this.#shapeOf(layer), output.steps, output.buffer);
  }

  #shapeOf(layer: number): LayerShape {
    return allShapes(this.#network)[layer] as LayerShape;
  }

  #planOf(chapter: number): ChapterPlan {
    if (this.#plan?.chapter !== chapter) {
      const { samples } = siteOf(this.#job, chapter);
      this.#plan = { chapter, plan: chapterPlan(this.#job.spec, samples, chapter) };
    }
    return this.#plan.plan;
  }

  /** The images as they were trained on just now, or made anew (a labels task in between may have replaced the labels). */
  #heldImages(task: TrainTask): ImageInputs {
    const held = !this.#graph.ownInputs && this.#held?.chapter === task.chapter && this.#held.layer === 0;
    return held && this.#inputs instanceof ImageInputs ? this.#inputs : this.#imageInputs(task);
  }

  #imageInputs({ chapter, layer }: TrainTask): ImageInputs {
    const { data } = siteOf(this.#job, chapter);
    const negatives = this.#variants === 2 ? this.#negativesOf(chapter) : undefined;
    const augment = augmentation(this.#job.spec, chapter, layer);
    return new ImageInputs(this.#kernels, data, this.#planOf(chapter).samples, negatives, augment);
  }

  #negativesOf(chapter: number): Uint8Array {
    if (this.#labels?.chapter !== chapter) {
      if (hasLabelsTask(this.#graph, chapter))
        throw new PffError('cluster', `${taskKey(labelsTask(chapter))} was not fetched`);
      this.#labels = { chapter, labels: drawnLabels(this.#job, chapter) };
    }
    return this.#labels.labels;
  }

  #now(): number {
    return (nowMs() - this.#job.startedMs) / 1000;
  }

  async #timed<T>(task: Task, phase: Phase, work: () => Promise<T>): Promise<T> {
    const start = this.#now();
    const value = await work();
    this.#span(task, phase, start, 0);
    return value;
  }

  #span(task: Task, phase: Phase, start: number, bytes: number): void {
    this.#spans.push({ node: this.#node, task: refOf(this.#graph, task), phase, start, end: this.#now(), bytes });
  }
}
