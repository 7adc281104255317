/**
 * Looks into the network at the end of some chapters of a running training, for pages and reports: at the states of exactly
 * one chapter, in this process, between the work of others. It changes no bit, and costs little by looking seldom.
 */
import { setImmediate } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import { analyse, SAMPLES_OF_FINISHED } from '../model/analysis/analyse.js';
import type { NetworkAnalysis } from '../model/analysis/analysis.js';
import { viewState, type LayerStructure, type LayerState } from '../layers/layer-state.js';
import { allStructures, networkStructure } from '../model/network.js';
import type { Task } from '../schedule/tasks.js';
import type { Output } from '../store/store.js';
import { usesNegatives, type RunSpec } from '../spec/spec.js';
import type { PreparedData } from '../node/prepare.js';
import type { RunKernels } from '../node/run-kernels.js';

/** Samples looked at during training. */
const SAMPLES_IN_TRAINING = 256;

/** The share of training's arithmetic that looking may add. */
const MOST_SHARE = 0.003;

/**
 * A chapter passes its samples forward (twice where there are negatives) and updates, about three passes in all; a look
 * passes few samples, with every label where labels are compared by goodness. Every how many chapters that is `MOST_SHARE`.
 */
export function chaptersBetweenLooks(spec: RunSpec, prepared: Pick<PreparedData, 'layout' | 'sites' | 'test'>): number {
  const { suffix: classes } = prepared.layout;
  const variants = usesNegatives(spec.objective) ? 2 : 1;
  const look = Math.min(SAMPLES_IN_TRAINING, prepared.test.samples.count) * (variants === 2 ? classes : 2);
  const samples = prepared.sites.reduce((sum, site) => sum + site.samples.length, 0) / prepared.sites.length;
  const chapter = 3 * variants * samples * (spec.epochs / spec.splits);
  return Math.max(1, Math.ceil(look / chapter / MOST_SHARE));
}

export class Analyst {
  readonly #spec: RunSpec;
  readonly #prepared: PreparedData;
  readonly #kernels: RunKernels;
  readonly #every: number;
  readonly #shapes: readonly LayerStructure[];
  readonly #tell: (chapter: number, analysis: NetworkAnalysis, seconds: number) => void;
  readonly #failed: (reason: string) => void;
  readonly #again: (reason: string) => void;
  /** The chapter whose states are collected or looked at. */
  #chapter: number | undefined;
  readonly #states = new Map<number, LayerState>();
  #running: Promise<void> = Promise.resolve();
  #closed = false;
  #looked = false;

  /**
   * @param every look at the end of every so many chapters; the last one is for `final`.
   * @param failed told why a look failed; the run goes on. @param again told why one is taken again: its GPU failed
   */
  constructor(
    spec: RunSpec,
    prepared: PreparedData,
    kernels: RunKernels,
    every: number,
    tell: (chapter: number, analysis: NetworkAnalysis, seconds: number) => void,
    failed: (reason: string) => void,
    again: (reason: string) => void,
  ) {
    this.#spec = spec;
    this.#prepared = prepared;
    this.#kernels = kernels;
    this.#every = every;
    this.#shapes = allStructures(networkStructure(spec, prepared.layout));
    this.#tell = tell;
    this.#failed = failed;
    this.#again = again;
  }

  /**
   * An output was published. Keeps it if it belongs to a chapter to look at. Returns once the look is over that it may have
   * begun; a node that shares this thread waits for it, others do not.
   */
  published(task: Task, { steps, buffer }: Output): Promise<void> {
    if (task.kind !== 'train' || this.#closed) return Promise.resolve();
    const { chapter, layer } = task;
    // One chapter at a time: one that comes while another is looked at is left out, so that memory stays bounded.
    if (this.#chapter === undefined && layer === 0 && this.#due(chapter)) this.#chapter = chapter;
    if (chapter !== this.#chapter) return Promise.resolve();
    this.#states.set(layer, viewState(this.#shapes[layer] as LayerStructure, steps, buffer));
    if (this.#states.size < this.#shapes.length) return Promise.resolve();
    const states = this.#shapes.map((shape) => this.#states.get(shape.layer) as LayerState);
    this.#running = this.#look(chapter, states, SAMPLES_IN_TRAINING).finally(() => {
      this.#chapter = undefined;
      this.#states.clear();
    });
    return this.#running;
  }

  /** Looks at the finished network, once nothing else is under way. @param last the chapter, from 0, that its layers are of */
  async final(states: readonly LayerState[], last: number): Promise<void> {
    await this.#running;
    // Accuracy over chapters is on one sample throughout.
    if (this.#looked && this.#prepared.test.samples.count > SAMPLES_IN_TRAINING)
      await this.#look(last, states, SAMPLES_IN_TRAINING);
    await this.#look(last, states, SAMPLES_OF_FINISHED);
  }

  /** Looks no more; returns once nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #due(chapter: number): boolean {
    return (chapter + 1) % this.#every === 0 && chapter < this.#spec.splits - 1;
  }

  async #look(chapter: number, states: readonly LayerState[], samples: number): Promise<void> {
    const stopped = new Error('stopped');
    const from = performance.now();
    try {
      const breathe = async (): Promise<void> => {
        await setImmediate();
        if (this.#closed) throw stopped;
      };
      const what = { spec: this.#spec, states, data: this.#prepared.test, samples, breathe };
      const analysis = await this.#kernels.use((kernels) => analyse({ kernels, ...what }), this.#again);
      this.#looked = true;
      this.#tell(chapter, analysis, (performance.now() - from) / 1000);
    } catch (error) {
      if (error !== stopped) this.#failed(messageOf(error));
    }
  }
}
