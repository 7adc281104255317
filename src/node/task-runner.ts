/**
 * Carries out tasks, one at a time: fetches what a task's steps need, passes data on, trains, publishes. What it holds in
 * memory between tasks only saves time; a runner that starts with nothing computes the same bits.
 */
import { labelsIn } from '../data/label-array.js';
import { residentBytes } from '#platform/memory';
import { PffError } from '../errors.js';
import type { Kernels, LayerKernel } from '../kernels/kernels.js';
import { emptyStats, type StepStats } from '../kernels/trainer.js';
import type { OpenPart } from '../layers/layer-kind.js';
import {
  allocateState,
  closeParts,
  rowOutputs,
  viewState,
  type LayerState,
  type LayerStructure,
} from '../layers/layer-state.js';
import { augmentation } from '../model/augment/augment.js';
import { layerDropout } from '../model/dropout.js';
import { ActivationInputs, ImageInputs } from '../model/inputs.js';
import { allStructures, networkStructure, type NetworkStructure } from '../model/network.js';
import { classifierFeatures, openForPassing } from '../model/prediction.js';
import { roundToBf16, wireBytes } from '../model/wire.js';
import type { Objective } from '../objectives/objective.js';
import { softmaxHead, SoftmaxHeadTraining } from '../objectives/softmax.js';
import { objectiveOf } from '../objectives/table.js';
import { nextOnInputs } from '../schedule/ahead.js';
import { ownerOf } from '../schedule/assign.js';
import { graphShape, type GraphShape } from '../schedule/shape.js';
import { handsOn, takesOver } from '../schedule/relay.js';
import { stepsOf, type Held, type Step } from '../schedule/steps.js';
import { taskKey, trainTask, type Task, type TrainTask } from '../schedule/tasks.js';
import { refOf } from '../schedule/timeline.js';
import type { Output, Store } from '../store/store.js';
import { ChainRecorder } from './chain-recorder.js';
import { ChapterData } from './chapter-data.js';
import { Breather } from './clock.js';
import type { NodeEvent } from './events.js';
import { beginning, siteOf, type Job } from './job.js';
import { predictedLabels } from './negatives.js';
import { compareRepeated, isRepeated } from './repetition.js';
import { progressReporter } from './progress.js';
import type { InputRelay } from './relay.js';
import { SpanRecorder } from './span-recorder.js';
import { drawnFrom, openForTraining, readState, trainChapter, type Learning } from './training.js';

/** What a runner works with. */
export interface TaskRunnerOptions {
  readonly job: Job;
  readonly node: number;
  readonly kernels: Kernels;
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly emit: (event: NodeEvent) => void;
  /** Where nodes of Single-Layer hand on layer inputs. */
  readonly relay?: InputRelay | undefined;
}

/** What a task came to. */
interface Done {
  readonly output: Output;
  readonly stats: StepStats;
}

export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #network: NetworkStructure;
  readonly #graph: GraphShape;
  readonly #objective: Objective;
  readonly #data: ChapterData;
  readonly #spans: SpanRecorder;
  readonly #breather: Breather;
  readonly #maxWidth: number;

  #held: Held = null;
  /** The task that data were passed on for, which was not asked for yet. */
  #ahead: string | undefined;
  #inputs: ImageInputs | ActivationInputs | undefined;
  /** The layer just trained, still open: mostly the next one that the data passes through. */
  #trained: { readonly key: string; readonly kernel: LayerKernel } | undefined;

  constructor(options: TaskRunnerOptions) {
    const { job, node, kernels, signal } = options;
    this.#options = options;
    this.#network = networkStructure(job.spec, job.layout);
    this.#graph = graphShape(job.spec);
    this.#objective = objectiveOf(job.spec.objective);
    this.#data = new ChapterData(job, this.#graph, kernels, this.#objective.variants === 2);
    this.#spans = new SpanRecorder(this.#graph, node, job.startedMs);
    this.#breather = new Breather(signal);
    // The last layer's activations are nobody's inputs.
    this.#maxWidth = Math.max(0, ...this.#network.layers.slice(0, -1).map(rowOutputs));
  }

  /** Does one task and publishes its output. */
  async run(task: Task): Promise<void> {
    // What was done ahead is this task's, if it is the one that it was done for.
    if (this.#ahead !== taskKey(task)) this.#spans.take();
    this.#ahead = undefined;
    const { relay } = this.#options;
    if (relay && takesOver(this.#graph, this.#options.job, task)) await this.#takeOver(relay, task);
    const done = await this.#do(task);
    await this.#repeat(task, done);
    const handing = relay && handsOn(this.#graph, this.#options.job, task) ? relay : undefined;
    await handing?.announce(task as TrainTask);
    await this.#publish(task, done);
    if (handing) await this.#handOn(handing, task as TrainTask);
  }

  /** After `task`, where the next one is only asked for when it is ready: passes its inputs on meanwhile (schedule/ahead.ts). Never rejects. */
  async passAhead(task: Task): Promise<void> {
    const { job, node } = this.#options;
    const next = nextOnInputs(this.#graph, job, node, task);
    if (!next || this.#held?.chapter !== task.chapter || this.#held.layer + 1 !== next.layer) return;
    const [step] = stepsOf(this.#graph, next, this.#held).steps;
    if (step?.work !== 'pass') return;
    try {
      await this.#step(next, step);
      this.#held = { chapter: next.chapter, layer: next.layer };
      this.#ahead = taskKey(next);
    } catch {
      // The task itself is done; whatever it was will be told where the next one comes to it.
      this.close();
    }
  }

  async #do(task: Task): Promise<Done> {
    const { steps, held } = stepsOf(this.#graph, task, this.#held);
    let done: Done | undefined;
    for (const step of steps) done = (await this.#step(task, step)) ?? done;
    this.#held = held;
    if (!done) throw new PffError('cluster', `${taskKey(task)} has no step that makes its output`);
    return done;
  }

  /** Does the task once more, from nothing that is held, if it is one of those. @throws PffError `cluster` where the result is another */
  async #repeat(task: Task, { output }: Done): Promise<void> {
    const { job } = this.#options;
    const { repeat: rate = 0, spec } = job;
    if (!isRepeated(task, { rate, seed: spec.seed })) return;
    // What is held is given up, so that doing it twice takes no more memory.
    this.close();
    const again = new TaskRunner({ ...this.#options, relay: undefined, emit: () => {} });
    try {
      compareRepeated(task, output, (await again.#do(task)).output);
    } finally {
      again.close();
    }
  }

  /** Frees kernels and activations. */
  close(): void {
    this.#closeTrained();
    this.#inputs = undefined;
    this.#held = null;
  }

  /** Goes on with the inputs that the node of the layer below hands on, if it does. */
  async #takeOver(relay: InputRelay, { chapter, layer }: TrainTask): Promise<void> {
    const { store, signal } = this.#options;
    const below = trainTask(chapter, layer - 1);
    const start = this.#spans.now();
    // The node below may wait until those of an earlier chapter are taken, which this one has behind it.
    await relay.expect(below);
    if (!(await store.isPublished(below))) {
      await store.published(below, signal);
      this.#spans.add(trainTask(chapter, layer), 'wait', start, 0, below);
    }
    // What is held is of an earlier chapter; both at once would take too much memory.
    this.#inputs = undefined;
    this.#held = null;
    const inputs = await relay.takeOver(below);
    if (!inputs) return;
    const { buffer, count, variants, width } = inputs;
    this.#inputs = new ActivationInputs(count, variants, width, this.#maxWidth, buffer);
    this.#held = { chapter, layer: layer - 1 };
  }

  async #handOn(relay: InputRelay, task: TrainTask): Promise<void> {
    const inputs = this.#inputs as ActivationInputs;
    this.#inputs = undefined;
    this.#held = null;
    await relay.handOn(task, inputs.release());
  }

  async #step(task: Task, step: Step): Promise<Done | undefined> {
    const fetched = await this.#fetchAll(task, step.needs);
    const spans = this.#spans;
    switch (step.work) {
      case 'pass':
        await spans.timed(task, 'pass', () => this.#pass(task as TrainTask, step.layer, fetched));
        return undefined;
      case 'train':
        return spans.timed(task, 'train', () => this.#train(task as TrainTask, fetched));
      case 'head':
        return spans.timed(task, 'train', () => this.#trainClassifier(task as TrainTask, fetched));
      case 'labels':
        return spans.timed(task, 'labels', () => this.#predictLabels(task.chapter, step, fetched));
    }
  }

  async #publish(task: Task, { output, stats }: Done): Promise<void> {
    const { job, node, store, emit } = this.#options;
    if (task.kind === 'train' && job.spec.wire === 'bf16') {
      // This node, too, goes on with the rounded state, so it may not use the kernel that still has the other one.
      roundToBf16(output.buffer);
      this.#closeTrained();
    }
    const start = this.#spans.now();
    await store.publish(task, output);
    this.#spans.add(task, 'publish', start, this.#bytesOf(task, output));
    const spans = this.#spans.take();
    const processBytes = residentBytes();
    emit({ type: 'task-finished', node, task: refOf(this.#graph, task), stats, spans, processBytes });
  }

  /** Bytes of an output on the way to another node. */
  #bytesOf({ kind }: Task, { buffer }: Output): number {
    return kind === 'train' ? wireBytes(this.#options.job.spec, buffer.byteLength) : buffer.byteLength;
  }

  /** Waits for and fetches the outputs that a step needs, by key. */
  async #fetchAll(task: Task, needs: readonly Task[]): Promise<Map<string, Output>> {
    const { job, node, store, signal } = this.#options;
    const fetched = new Map<string, Output>();
    for (const need of needs) {
      const key = taskKey(need);
      // A layer that this node has just trained, or labels that it has, need not be fetched again.
      if (this.#trained?.key === key && need.chapter === task.chapter) continue;
      if (need.kind === 'labels' && this.#data.hasLabels(need.chapter)) continue;
      const start = this.#spans.now();
      if (!(await store.isPublished(need))) {
        await store.published(need, signal);
        this.#spans.add(task, 'wait', start, 0, need);
      }
      const from = this.#spans.now();
      const output = await store.fetch(need, signal);
      const place = ownerOf(this.#graph, job.variant, job.nodes, need);
      const own = (job.placement?.[place] ?? place) === node;
      this.#spans.add(need, 'fetch', from, own ? 0 : this.#bytesOf(need, output));
      if (need.kind === 'labels') this.#data.setLabels(need.chapter, labelsIn(output.buffer, job.classes));
      else fetched.set(key, output);
    }
    return fetched;
  }

  async #pass(task: TrainTask, layer: number, fetched: Map<string, Output>): Promise<void> {
    const key = taskKey(trainTask(task.chapter, layer));
    const reuse = this.#trained?.key === key ? this.#trained.kernel : undefined;
    const kernel = reuse ?? (await this.#openedForPassing(layer, fetched.get(key)));
    try {
      const { unitLength } = this.#objective;
      if (layer === 0) {
        const images = this.#heldImages(task);
        // What is held of another chapter would be there besides.
        this.#inputs = undefined;
        this.#inputs = await images.pass(kernel, this.#maxWidth, unitLength);
      } else await (this.#inputs as ActivationInputs).pass(kernel, unitLength);
    } finally {
      kernel.close();
      if (reuse) this.#trained = undefined;
    }
    await this.#breather.breathe();
  }

  #openedForPassing(layer: number, output: Output | undefined): Promise<LayerKernel> {
    return openForPassing(this.#options.kernels, this.#view(layer, output));
  }

  async #train(task: TrainTask, fetched: Map<string, Output>): Promise<Done> {
    if (task.layer === 0) this.#inputs = this.#data.images(task);
    const inputs = this.#inputs;
    if (!inputs) throw new PffError('cluster', `${taskKey(task)} has no inputs to train on`);
    this.#closeTrained();
    const { kernels, job } = this.#options;
    if (job.spec.freeze.includes(task.layer + 1)) {
      // The state before as it is; a copy, since what is published may be rounded in its place.
      const { steps, buffer } = this.#before(task, fetched);
      return { output: { steps, buffer: buffer.slice(0) }, stats: emptyStats() };
    }
    const { done, opened } = await this.#learn(task, fetched, this.#objective.variants, {
      objective: this.#objective.begin(job.spec),
      loss: this.#objective.describe(job.spec),
      inputs: (positions) => inputs.batch(positions),
      drawn: drawnFrom(inputs),
      dropout: layerDropout(kernels, job.spec, task.chapter, task.layer),
    });
    const [layer, ...heads] = opened as [OpenPart, ...OpenPart[]];
    closeParts(heads);
    this.#trained = { key: taskKey(task), kernel: layer.kernel };
    return done;
  }

  async #trainClassifier(task: TrainTask, fetched: Map<string, Output>): Promise<Done> {
    const { kernels, job } = this.#options;
    const { data } = siteOf(job, task.chapter);
    const layers: LayerKernel[] = [];
    for (const { layer } of this.#network.layers) {
      const key = taskKey(trainTask(task.chapter, layer));
      if (this.#trained?.key === key && !fetched.has(key)) layers.push(this.#trained.kernel);
      else layers.push(await this.#openedForPassing(layer, fetched.get(key)));
    }
    const { samples } = this.#data.plan(task.chapter);
    const augment = augmentation(job.spec, task.chapter, task.layer);
    const { done, opened } = await this.#learn(task, fetched, 1, {
      objective: new SoftmaxHeadTraining(job.spec),
      loss: softmaxHead(job.spec),
      inputs: async (positions) => {
        const seen = augment(
          data,
          Uint32Array.from(positions, (position) => samples[position] as number),
        );
        const prefix = await classifierFeatures(kernels, layers, seen.data, seen.rows);
        return { prefix, batch: positions.length, variants: 1 };
      },
    });
    closeParts(opened);
    for (const kernel of layers) if (kernel !== this.#trained?.kernel) kernel.close();
    return done;
  }

  /** Trains the layer of `task` for its chapter. The opened parts are the caller's to close. */
  async #learn(
    task: TrainTask,
    fetched: Map<string, Output>,
    variants: number,
    learning: Learning,
  ): Promise<{ readonly done: Done; readonly opened: readonly OpenPart[] }> {
    const { kernels, job, node, emit } = this.#options;
    const before = this.#before(task, fetched);
    const plan = this.#data.plan(task.chapter);
    const opened = await openForTraining(kernels, job.spec, before, variants);
    try {
      const batches = plan.batches.length;
      const after = before.steps + batches;
      const recorder =
        job.cuts && batches > 0
          ? new ChainRecorder(job.cuts, batches, allocateState(before.structure, after), opened)
          : undefined;
      const stats = await trainChapter({
        ...learning,
        spec: job.spec,
        kernels,
        parts: opened,
        steps: before.steps,
        where: task,
        plan,
        labels: siteOf(job, task.chapter).data.samples.labels,
        breather: this.#breather,
        report: progressReporter(node, refOf(this.#graph, task), emit),
        after: recorder && ((batch) => recorder.after(batch)),
      });
      const { steps, buffer } = recorder?.state ?? (await readState(before.structure, after, opened));
      const output = recorder ? { steps, buffer, chain: recorder.chain } : { steps, buffer };
      return { done: { output, stats }, opened };
    } catch (error) {
      closeParts(opened);
      throw error;
    }
  }

  async #predictLabels(chapter: number, step: Step, fetched: Map<string, Output>): Promise<Done> {
    const { kernels, job } = this.#options;
    const states = step.needs.map((need) => this.#view((need as TrainTask).layer, fetched.get(taskKey(need))));
    const { samples } = this.#data.plan(chapter);
    const labels = await predictedLabels(job, kernels, states, chapter, samples, this.#breather);
    this.#data.setLabels(chapter, labels);
    return { output: { steps: 0, buffer: labels.buffer }, stats: emptyStats() };
  }

  /** The state that a training step starts from. */
  #before(task: TrainTask, fetched: Map<string, Output>): LayerState {
    if (task.chapter === 0) return beginning(this.#options.job, this.#structureOf(task.layer));
    return this.#view(task.layer, fetched.get(taskKey(trainTask(task.chapter - 1, task.layer))));
  }

  #view(layer: number, output: Output | undefined): LayerState {
    if (!output) throw new PffError('cluster', `the state of layer ${layer + 1} was not fetched`);
    return viewState(this.#structureOf(layer), output.steps, output.buffer);
  }

  #structureOf(layer: number): LayerStructure {
    return allStructures(this.#network)[layer] as LayerStructure;
  }

  /** The images as they were trained on just now, or made again (a labels task in between may have replaced the labels). */
  #heldImages(task: TrainTask): ImageInputs {
    const held = !this.#graph.ownInputs && this.#held?.chapter === task.chapter && this.#held.layer === 0;
    return held && this.#inputs instanceof ImageInputs ? this.#inputs : this.#data.images(task);
  }

  #closeTrained(): void {
    this.#trained?.kernel.close();
    this.#trained = undefined;
  }
}
