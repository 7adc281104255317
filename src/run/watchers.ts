/** Who looks on while a run trains: accuracy on held-out samples, early stopping, and looks into the network. They change no layer. */
import { openKernels } from '../kernels/open.js';
import type { LayerState } from '../layers/layer-state.js';
import type { PreparedData } from '../node/prepare.js';
import { RunKernels } from '../node/run-kernels.js';
import type { RunSpec } from '../spec/spec.js';
import { fallsBelow } from './accuracy-drop.js';
import { Analyst, chaptersBetweenLooks } from './analyst.js';
import type { RunEvent } from './events.js';
import type { Callbacks } from './execute.js';
import type { Execution, TrainOptions } from './options.js';
import { ValidationFolder, type Best } from './validation-folder.js';
import { Validator, type ValidationPlan } from './validator.js';

export interface WatchersSetup {
  readonly spec: RunSpec;
  readonly execution: Pick<Execution, 'nodes' | 'kernels'>;
  readonly prepared: PreparedData;
  /** The run's own kernels. */
  readonly kernels: RunKernels;
  readonly plan: ValidationPlan;
  readonly analyseEvery: TrainOptions['analyseEvery'];
  readonly maxDrop: TrainOptions['maxDrop'];
  /** The run's folder, and the spec and data that what is kept there belongs to. */
  readonly folder: { readonly path: string | undefined; readonly of: string };
  readonly emit: (event: RunEvent) => void;
  readonly notice: (text: string) => void;
  /** Since the start of training. */
  readonly seconds: () => number;
}

export class Watchers {
  /** For the followers of a cluster's run, who ask for what they want to see. */
  readonly validator: Validator | undefined;
  /** Aborts when early stopping has decided. */
  readonly enough: AbortSignal;
  readonly #analyst: Analyst | undefined;
  readonly #ownKernels: RunKernels | undefined;
  readonly #inTurn: boolean;

  private constructor(setup: WatchersSetup, ownKernels: RunKernels | undefined) {
    const enough = new AbortController();
    const kernels = ownKernels ?? setup.kernels;
    this.enough = enough.signal;
    this.#ownKernels = ownKernels;
    this.#inTurn = setup.execution.nodes === 1;
    this.#analyst = setup.analyseEvery === undefined ? undefined : openAnalyst(setup, kernels);
    this.validator = setup.plan.every > 0 ? openValidator(setup, kernels, () => enough.abort()) : undefined;
  }

  /** @throws PffError `files` if what an earlier process left for early stopping is damaged */
  static async open(setup: WatchersSetup): Promise<Watchers> {
    const { execution, spec, plan, analyseEvery } = setup;
    const watched = analyseEvery !== undefined || plan.every > 0;
    // Beside nodes that are threads of their own, looking takes one core only.
    const own =
      watched && execution.nodes > 1
        ? await RunKernels.open(execution.kernels, (choice) =>
            openKernels({ kernels: choice, threads: 1, precision: spec.precision }),
          )
        : undefined;
    const watchers = new Watchers(setup, own);
    watchers.validator?.start();
    return watchers;
  }

  /** What a training tells those who look on. */
  callbacks(): Pick<Callbacks, 'published' | 'chapter'> {
    const [analyst, validator, inTurn] = [this.#analyst, this.validator, this.#inTurn];
    if (!analyst && !validator) return {};
    return {
      published: async (task, output) => {
        const looking = analyst?.published(task, output);
        // A look is skipped where one is under way.
        await Promise.all([inTurn ? looking : undefined, validator?.published(task, output)]);
      },
      chapter: (chapter, states) => {
        for (const state of states) void validator?.layer(chapter, state);
      },
    };
  }

  /** The best chapter, once all has been measured; undefined without early stopping. @throws what went wrong with measuring */
  best(): Promise<Best | undefined> {
    return this.validator?.best() ?? Promise.resolve(undefined);
  }

  /** A last look at the finished network. @param last the chapter, from 0, that its layers are of */
  async final(states: readonly LayerState[], last: number): Promise<void> {
    await this.#analyst?.final(states, last);
  }

  async close(): Promise<void> {
    await this.#analyst?.close();
    await this.validator?.close();
    this.#ownKernels?.close();
  }
}

function openValidator(setup: WatchersSetup, kernels: RunKernels, enough: () => void): Validator {
  const { spec, execution, prepared, plan, folder, emit, notice, seconds } = setup;
  const falls = fallsBelow(setup.maxDrop, spec.shards);
  return new Validator({
    spec,
    prepared,
    kernels,
    plan,
    inTurn: execution.nodes === 1,
    folder: folder.path !== undefined && spec.earlyStop > 0 ? new ValidationFolder(folder.path, folder.of) : undefined,
    tell: (measured, took) => {
      emit({ type: 'validation', ...measured, at: seconds(), seconds: took });
      const fall = falls(measured);
      if (fall !== undefined) notice(fall);
    },
    failed: (reason) => notice(`accuracy was not measured: ${reason}`),
    again: (reason) => notice(`accuracy is measured again: ${reason}`),
    enough,
  });
}

function openAnalyst(setup: WatchersSetup, kernels: RunKernels): Analyst {
  const { spec, prepared, analyseEvery: asked, emit, notice, seconds } = setup;
  const every = asked === undefined || asked === 'seldom' ? chaptersBetweenLooks(spec, prepared) : asked;
  return new Analyst(
    spec,
    prepared,
    kernels,
    every,
    (chapter, analysis, took) => emit({ type: 'analysis', chapter, at: seconds(), seconds: took, analysis }),
    (reason) => notice(`the network was not analysed: ${reason}`),
    (reason) => notice(`the network is analysed again: ${reason}`),
  );
}

/** What `training` gives, or nothing where it was ended because it is enough. */
export async function untilEnough(training: Promise<LayerState[]>, enough: AbortSignal): Promise<LayerState[]> {
  try {
    return await training;
  } catch (error) {
    if (enough.aborted) return [];
    throw error;
  }
}
