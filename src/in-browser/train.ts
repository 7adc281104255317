/** Trains in a browser: in a worker of its own, as an async iterable of events. */
import type { Dataset } from '../data/dataset.js';
import { nameInMemory } from '../data/dataset-names.js';
import { checkDataset } from '../data/well-formed.js';
import { decodeError } from '../error-codec.js';
import { PffError } from '../errors.js';
import type { PortableChoice } from '../kernels/open-portable.js';
import { checkOptions } from '../known-options.js';
import { resolveSpec, type PartialSpec } from '../spec/spec.js';
import { checkForBrowser } from './check-spec.js';
import type { TrainAnswer, TrainEvent, TrainRequest } from './events.js';

export interface BrowserTrainOptions {
  /** As in `train` of the library for Node.js, but for data: those are given. Precision f32 unless it says otherwise. */
  readonly spec?: PartialSpec | undefined;
  /** Aborting it ends the training with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** `auto` (the default): WebAssembly, or else the slow reference. `webgpu`: the GPU that the browser offers. All give the same bits. */
  readonly kernels?: PortableChoice | undefined;
  /** Measure the test samples after each chapter but the last, whose figures `finished` has. True unless given. */
  readonly measure?: boolean | undefined;
  /** Give the model after each chapter but the last, too, which `finished` has. */
  readonly models?: boolean | undefined;
  /** Called with each event, besides the iteration. */
  readonly onEvent?: ((event: TrainEvent) => void) | undefined;
}

/** The part of a worker that is used. */
interface TrainingWorker {
  addEventListener(type: 'message', listener: (message: { readonly data: TrainAnswer }) => void): void;
  addEventListener(type: 'error', listener: (error: { readonly message?: string }) => void): void;
  postMessage(request: TrainRequest): void;
  terminate(): void;
}

/**
 * Trains and evaluates on a dataset in memory (`datasetFromArrays`). Breaking out of the iteration ends the worker.
 * @throws PffError for anything wrong with what was asked, and for what only Node.js does: backpropagation, `earlyStop`, `init`;
 * the signal's reason when that aborts.
 */
export async function* train(
  options: BrowserTrainOptions,
  dataset: Dataset,
): AsyncGenerator<TrainEvent, void, undefined> {
  checkOptions('train', options, {
    spec: true,
    signal: true,
    kernels: true,
    measure: true,
    models: true,
    onEvent: true,
  });
  checkDataset('the second argument of train', dataset);
  const { signal, kernels = 'auto', measure = true, models = false, onEvent } = options;
  const spec = resolveSpec({ dataset: nameInMemory(dataset), ...options.spec });
  checkForBrowser(spec);
  signal?.throwIfAborted();
  const events: TrainEvent[] = [];
  let failed: { readonly error: unknown } | undefined;
  let wake = (): void => {};
  const worker = startWorker();
  const fail = (error: unknown): void => {
    failed ??= { error };
    wake();
  };
  const onAbort = (): void => {
    // At once, whatever whoever reads the events is at.
    worker.terminate();
    events.length = 0;
    fail(signal?.reason);
  };
  worker.addEventListener('message', ({ data }) => {
    if (data.type === 'failed') return fail(decodeError(data.error));
    events.push(data.event);
    wake();
  });
  worker.addEventListener('error', ({ message }) => fail(brokenWorker(message)));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    worker.postMessage({ spec, dataset, kernels, measure, models });
    for (;;) {
      const event = events.shift();
      if (event) {
        onEvent?.(event);
        yield event;
        if (event.type === 'finished') return;
      } else if (failed) throw failed.error;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    worker.terminate();
  }
}

/** @param message what its script threw; a script that could not be loaded says nothing */
function brokenWorker(message: string | undefined): PffError {
  if (message) return new PffError('training', `the worker that trains failed: ${message}`);
  return new PffError(
    'training',
    'the worker that trains could not be started: its script background.js was not loaded',
    {
      hint: 'Serve it beside the script that imports the library (bundlers do that by themselves), and allow it by script-src and worker-src.',
    },
  );
}

/** As browsers have it: the types of Node.js know another one. */
declare const Worker: new (script: URL, options: { readonly type: 'module' }) => TrainingWorker;

/** Written so that bundlers find the worker. */
function startWorker(): TrainingWorker {
  return new Worker(new URL('./background.js', import.meta.url), { type: 'module' });
}
