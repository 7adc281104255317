/**
 * Measures accuracy on held-out samples at the end of chapters while a run goes on, in this process, between the work of others; and
 * decides when a run with early stopping ends. What is measured changes no layer.
 */
import { setImmediate } from 'node:timers/promises';
import { pickSamples } from '../data/dataset.js';
import { messageOf } from '../errors.js';
import { viewState, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import { balancedAccuracy, classMeasures, macroF1 } from '../model/class-measures.js';
import type { LabelledData } from '../model/labelled-data.js';
import { allStructures, networkStructure } from '../model/network.js';
import { Predictor, type Evaluation } from '../model/predictor.js';
import { labelled, type PreparedData } from '../node/prepare.js';
import type { RunKernels } from '../node/run-kernels.js';
import { RandomStream } from '../random.js';
import type { Task } from '../schedule/tasks.js';
import { usesNegatives, type RunSpec } from '../spec/spec.js';
import type { Output } from '../store/store.js';
import type { Measured } from './measured.js';
import type { Best, ValidationFolder } from './validation-folder.js';

/**
 * The share of training's arithmetic that measuring may add where nobody says how often: passes of few rows are slower than training's,
 * so that it comes to less than 1 % of the time.
 */
const MOST_SHARE = 0.006;
/** Samples that say something, and more than which are not needed to see where a curve goes. */
const [FEWEST, MOST] = [200, 2000];
/** Opening a network's layers costs about as much as passing so many samples through it. */
const OPENING = 128;

/** How often accuracy is measured, and on how many samples. */
export interface ValidationPlan {
  /** At the end of every so many chapters; 0 for never. */
  readonly every: number;
  readonly samples: number;
}

export function heldOut({ test, validation }: Pick<PreparedData, 'test' | 'validation'>): LabelledData {
  return validation ?? test;
}

/**
 * As many samples, as often as costs at most `MOST_SHARE` of what the chapters cost, unless asked for. Early stopping takes all of
 * them after every chapter: what decides a run's end must not depend on how it is carried out.
 */
export function validationPlan(
  spec: RunSpec,
  prepared: Pick<PreparedData, 'layout' | 'sites' | 'test' | 'validation'>,
  asked: { readonly every?: number | undefined; readonly samples?: number | undefined },
): ValidationPlan {
  const all = heldOut(prepared).samples.count;
  if (spec.earlyStop > 0) return { every: 1, samples: all };
  const { suffix: classes } = prepared.layout;
  const variants = usesNegatives(spec.objective) ? 2 : 1;
  // Passes of a sample: labels that are compared by goodness are all tried.
  const passes = variants === 2 && spec.classifier === 'goodness' ? classes : 1;
  const trained = prepared.sites.reduce((sum, site) => sum + site.samples.length, 0) / prepared.sites.length;
  const affordable = MOST_SHARE * 3 * variants * trained * (spec.epochs / spec.splits);
  const wanted = Math.floor(Math.max(0, affordable - OPENING) / passes);
  const samples = Math.min(all, asked.samples ?? Math.max(FEWEST, Math.min(MOST, wanted)));
  const every = asked.every ?? Math.max(1, Math.ceil((samples * passes + OPENING) / affordable));
  return { every, samples };
}

/** Most chapters that a follower of a cluster's run looks at unless asked: their layers have to come over the network. */
const MOST_FETCHED = 20;

/** The plan of who follows a run of a cluster: nothing depends on it. */
export function followersPlan({ splits }: RunSpec, plan: ValidationPlan, asked: number | undefined): ValidationPlan {
  return asked === undefined ? { ...plan, every: Math.max(plan.every, Math.ceil(splits / MOST_FETCHED)) } : plan;
}

export interface ValidatorParts {
  readonly spec: RunSpec;
  readonly prepared: PreparedData;
  readonly kernels: RunKernels;
  readonly plan: ValidationPlan;
  /** Whether training goes on in the same thread, and waits for what is measured. */
  readonly inTurn: boolean;
  /** Keeps what early stopping needs through a kill. */
  readonly folder: ValidationFolder | undefined;
  readonly tell: (measured: Measured, seconds: number) => void;
  /** Told why something was not measured; the run goes on. */
  readonly failed: (reason: string) => void;
  /** Told why something is measured again: its GPU failed. */
  readonly again: (reason: string) => void;
  /** Early stopping has decided that it is enough. */
  readonly enough: () => void;
}

export class Validator {
  readonly #parts: ValidatorParts;
  readonly #shapes: readonly LayerStructure[];
  readonly #data: LabelledData;
  readonly #waiting = new Map<number, Map<number, LayerState>>();
  /** The last chapter of which all layers came. */
  #complete = -1;
  #running: Promise<void> = Promise.resolve();
  #closed = false;
  #best: Best | undefined;
  #enough = false;
  #failure: unknown;

  constructor(parts: ValidatorParts) {
    this.#parts = parts;
    const { spec, prepared, plan } = parts;
    this.#shapes = allStructures(networkStructure(spec, prepared.layout));
    this.#data = chosen(heldOut(prepared), plan.samples, spec);
  }

  /** Goes on with what an earlier process left, before training does. @throws PffError `files` where that is damaged */
  start(): void {
    const { folder } = this.#parts;
    if (!folder || !this.#stops) return;
    const { best, waiting } = folder.read(this.#shapes);
    this.#best = best;
    for (const { chapter, state } of waiting) void this.#collect(chapter, state);
    this.#decide(folder.evaluated - 1);
  }

  /** Whether the output of a task is looked at. */
  wants(task: Task): boolean {
    return task.kind === 'train' && !this.#closed && this.#due(task.chapter);
  }

  /** The states of the best chapter, once all has been measured; undefined without early stopping. @throws what went wrong with measuring */
  async best(): Promise<Best | undefined> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#stops ? this.#best : undefined;
  }

  /**
   * An output was published. Returns once the node may go on: one that shares this thread, when the measuring is over that this may have
   * begun; another one, when what came before this chapter is measured, so that states do not pile up where measuring is slower than training.
   */
  published(task: Task, { steps, buffer }: Output): Promise<void> {
    if (task.kind !== 'train') return Promise.resolve();
    return this.layer(task.chapter, viewState(this.#shapes[task.layer] as LayerStructure, steps, buffer));
  }

  /** As `published`, for a layer's state. */
  layer(chapter: number, state: LayerState): Promise<void> {
    if (this.#closed || this.#enough || !this.#due(chapter)) return Promise.resolve();
    try {
      if (this.#stops) this.#parts.folder?.keep(chapter, state);
    } catch (error) {
      this.#fail(error);
      return Promise.resolve();
    }
    return this.#collect(chapter, state);
  }

  /** Measures no more; returns once nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  get #stops(): boolean {
    return this.#parts.spec.earlyStop > 0;
  }

  #due(chapter: number): boolean {
    const { every } = this.#parts.plan;
    return every > 0 && ((chapter + 1) % every === 0 || chapter === this.#parts.spec.splits - 1);
  }

  #collect(chapter: number, state: LayerState): Promise<void> {
    const states = this.#waiting.get(chapter) ?? new Map<number, LayerState>();
    this.#waiting.set(chapter, states);
    states.set(state.structure.layer, state);
    if (states.size < this.#shapes.length) return Promise.resolve();
    // Whoever follows a cluster may miss a layer that was dropped, and the rest of its chapter would wait for ever. Layers come from there
    // nearly in order, so what is older than the last whole chapter is given up.
    for (const earlier of this.#waiting.keys()) if (earlier < this.#complete) this.#waiting.delete(earlier);
    this.#complete = chapter;
    this.#waiting.delete(chapter);
    const whole = this.#shapes.map((shape) => states.get(shape.layer) as LayerState);
    // In order of the chapters: each layer has its chapters one after the other, so that the whole ones come so, too.
    const before = this.#running;
    this.#running = before.then(() => this.#measure(chapter, whole));
    return this.#parts.inTurn ? this.#running : before;
  }

  async #measure(chapter: number, states: readonly LayerState[]): Promise<void> {
    if (this.#closed || this.#enough) return;
    const { spec, kernels, prepared, tell, failed, again, folder } = this.#parts;
    const from = performance.now();
    const stopped = new Error('stopped');
    try {
      const breathe = async (): Promise<void> => {
        await setImmediate();
        if (this.#closed) throw stopped;
      };
      const evaluation = await kernels.use(async (used): Promise<Evaluation> => {
        const predictor = await Predictor.open(used, spec, states);
        try {
          return await predictor.evaluate(this.#data, breathe);
        } finally {
          predictor.close();
        }
      }, again);
      const { samples, accuracy, layerAccuracy, confusion } = evaluation;
      const right = classMeasures(confusion).reduce((sum, each) => sum + each.right, 0);
      if (this.#stops && (this.#best === undefined || right > this.#best.right))
        this.#best = { chapter, right, samples, states };
      if (this.#stops) folder?.evaluate(chapter, this.#best as Best, this.#best?.chapter === chapter);
      const on = prepared.validation || spec.validationSamples > 0 ? 'validation' : 'test';
      const measured = {
        chapter,
        on,
        samples,
        accuracy,
        layerAccuracy,
        balancedAccuracy: balancedAccuracy(confusion),
        macroF1: macroF1(confusion),
        ...(this.#best ? { best: this.#best.chapter } : {}),
      } as const;
      tell(measured, (performance.now() - from) / 1000);
      this.#decide(chapter);
    } catch (error) {
      if (error === stopped) return;
      // Only looking on may fail: what decides a run's result may not.
      if (this.#stops) this.#fail(error);
      else failed(messageOf(error));
    }
  }

  /** Early stopping cannot decide any more: the run ends with `error`. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#closed = true;
    this.#parts.enough();
  }

  #decide(chapter: number): void {
    const { earlyStop } = this.#parts.spec;
    if (!this.#stops || this.#best === undefined || chapter - this.#best.chapter < earlyStop) return;
    this.#enough = true;
    this.#waiting.clear();
    this.#parts.enough();
  }
}

/** `count` of the samples, by a keyed order: files may be sorted by class. */
function chosen(data: LabelledData, count: number, spec: RunSpec): LabelledData {
  const { samples, layout, shape } = data;
  if (count >= samples.count) return data;
  const rows = new RandomStream(1, 'split', 0xffffffff).permutation(samples.count).slice(0, count).sort();
  return labelled(pickSamples(samples, rows), layout, shape, spec);
}
