/** Trains a network as a spec says, as an async iterable of events. The last one has the result. */
import { loadDataset } from '../data/sources.js';
import type { Dataset } from '../data/dataset.js';
import { PffError } from '../errors.js';
import { openKernels } from '../kernels/open.js';
import { viewState, type LayerState } from '../model/layer-state.js';
import { encodeModel } from '../model/model-file.js';
import { allShapes, networkShape } from '../model/network.js';
import { Predictor } from '../model/predictor.js';
import { Breather, nowMs } from '../node/clock.js';
import type { NodeEvent } from '../node/events.js';
import type { Job } from '../node/job.js';
import { runNode } from '../node/node.js';
import { graphShape } from '../schedule/shape.js';
import { summarise, type Span, type TimelineSummary } from '../schedule/timeline.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import { MemoryStore } from '../store/memory.js';
import { modelDigest } from './digest.js';
import type { RunEvent, RunResult } from './events.js';
import { MODEL_FILE, RESULT_FILE, RunFolder, SPEC_FILE } from './folder.js';
import { checkMemory, memoryBound } from './memory.js';
import { defaultsOfExecution, resolveExecution, type Execution, type TrainOptions } from './options.js';
import { prepareData, type PreparedData } from './prepare.js';
import { EventQueue } from './queue.js';
import { runThreads } from './threads.js';
import { VERSION } from './version.js';

/**
 * Trains and evaluates. Events come as they happen; breaking out of the iteration stops the run.
 * @param given a dataset in memory instead of the one that the spec names.
 * @throws PffError for anything wrong with what was asked; `interrupted` when `options.signal` aborts.
 */
export async function* train(options: TrainOptions = {}, given?: Dataset): AsyncGenerator<RunEvent, void, undefined> {
  const execution = resolveExecution(options);
  const spec = resolveSpec(defaultsOfExecution(options.spec ?? {}, execution));
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const queue = new EventQueue<RunEvent>();
  const running = new Run(spec, execution, options, signal, (event) => queue.push(event)).run(given).then(
    () => queue.end(),
    (error: unknown) => queue.end({ cause: error }),
  );
  try {
    yield* queue;
  } finally {
    left.abort(new PffError('interrupted', 'nobody follows the run any more'));
    await running;
  }
}

/** Runs to the end and returns the result only. */
export async function trainToEnd(options: TrainOptions = {}, given?: Dataset): Promise<RunResult> {
  for await (const event of train(options, given)) if (event.type === 'finished') return event.result;
  throw new PffError('interrupted', 'the run ended without a result');
}

class Run {
  readonly #spec: RunSpec;
  readonly #execution: Execution;
  readonly #options: TrainOptions;
  readonly #signal: AbortSignal;
  readonly #push: (event: RunEvent) => void;
  readonly #spans: Span[] = [];
  #folder: RunFolder | undefined;

  constructor(
    spec: RunSpec,
    execution: Execution,
    options: TrainOptions,
    signal: AbortSignal,
    push: (event: RunEvent) => void,
  ) {
    this.#spec = spec;
    this.#execution = execution;
    this.#options = options;
    this.#signal = signal;
    this.#push = push;
  }

  async run(given: Dataset | undefined): Promise<void> {
    const spec = this.#spec;
    const { nodes, threadsPerNode, variant } = this.#execution;
    if (variant === 'dff') throw new PffError('usage', 'variant dff is a baseline of its own');
    const dataset = given ?? (await loadDataset({ dataset: spec.dataset, dataDir: this.#options.dataDir }));
    const prepared = prepareData(dataset, spec);
    checkMemory(memoryBound(spec, variant, nodes, prepared), nodes);
    const { kernels, reason } = openKernels({ kernels: this.#execution.kernels, threads: nodes * threadsPerNode });
    try {
      this.#folder = this.#options.out === undefined ? undefined : new RunFolder(this.#options.out);
      this.#folder?.write(SPEC_FILE, `${JSON.stringify(spec, undefined, 2)}\n`);
      this.#emit({
        type: 'started',
        time: new Date().toISOString(),
        version: VERSION,
        spec,
        execution: this.#execution,
        kernels: kernels.name,
        kernelsReason: reason,
        dataset: prepared.facts,
        folder: this.#folder?.path,
      });
      const job: Job = {
        spec,
        variant,
        nodes,
        data: prepared.train,
        classes: prepared.facts.classes.length,
        shards: prepared.shards,
        startedMs: nowMs(),
      };
      const store = new MemoryStore(graphShape(spec));
      const onNodeEvent = (event: NodeEvent): void => {
        if (event.type === 'task-finished') this.#spans.push(...event.spans);
        this.#emit(event);
      };
      try {
        if (nodes === 1 && !this.#options.faults?.length)
          await runNode(job, 0, kernels, store, this.#signal, onNodeEvent);
        else
          await runThreads(job, this.#execution, store, this.#signal, this.#options.faults ?? [], {
            node: onNodeEvent,
            died: (node, why, deaths) => this.#emit({ type: 'node-died', node, reason: why, deaths }),
          });
      } catch (error) {
        if (!this.#signal.aborted) throw error;
        throw this.#interrupted(store, prepared);
      }
      const seconds = (nowMs() - job.startedMs) / 1000;
      const summary = summarise({ nodes, spans: this.#spans });
      this.#emit({ type: 'trained', seconds, summary });

      const shapes = allShapes(networkShape(spec, prepared.train.layout));
      const states = store
        .result()
        .map((output, i) => viewState(shapes[i] as LayerState['shape'], output.steps, output.buffer));
      const digest = modelDigest(states);
      this.#folder?.write(MODEL_FILE, encodeModel(spec, states, modelMetadata(prepared, digest)));

      const evaluationStart = nowMs();
      const predictor = new Predictor(kernels, spec, states, job.classes);
      const breather = new Breather(this.#signal);
      const evaluation = await predictor.evaluate(prepared.test, (done) => {
        this.#emit({ type: 'evaluating', done, samples: prepared.test.samples.count });
        return breather.breathe();
      });
      predictor.close();
      const result: RunResult = {
        testAccuracy: evaluation.accuracy,
        evaluatedOn: prepared.facts.evaluatedOn,
        layerAccuracy: evaluation.layerAccuracy,
        confusion: evaluation.confusion,
        trainSeconds: seconds,
        evaluateSeconds: (nowMs() - evaluationStart) / 1000,
        modelDigest: digest,
        dataDigest: prepared.facts.digest,
        dataset: spec.dataset,
        kernels: kernels.name,
        bitClass: kernels.bitClass,
        layers: spec.layers,
        epochs: spec.epochs,
        splits: spec.splits,
        negatives: spec.negatives,
        classifier: spec.classifier,
        objective: spec.objective,
        variant,
        nodes,
        threadsPerNode,
        seed: spec.seed,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
        peakStoreBytes: store.peakBytes,
        timeSplit: timeSplit(this.#spans, summary, nodes),
        utilisation: summary.utilisation,
        bytesMoved: summary.bytesIn,
        folder: this.#folder?.path,
        spec,
      };
      this.#folder?.write(RESULT_FILE, `${JSON.stringify(result, undefined, 2)}\n`);
      this.#emit({ type: 'finished', result });
    } finally {
      this.#folder?.close();
      kernels.close();
    }
  }

  #emit(event: RunEvent): void {
    this.#folder?.log(event);
    this.#push(event);
  }

  /** Saves what there is: each layer's newest state, if every layer has one. */
  #interrupted(store: MemoryStore, prepared: PreparedData): PffError {
    const shapes = allShapes(networkShape(this.#spec, prepared.train.layout));
    const newest = store.newest();
    const chapters = newest.length === shapes.length ? 1 + Math.min(...newest.map(({ chapter }) => chapter)) : 0;
    let saved: string | undefined;
    if (this.#folder && chapters > 0) {
      const states = newest.map(({ layer, output }) =>
        viewState(shapes[layer] as LayerState['shape'], output.steps, output.buffer),
      );
      const metadata = { ...modelMetadata(prepared, modelDigest(states)), interruptedAfterChapters: String(chapters) };
      saved = this.#folder.write(MODEL_FILE, encodeModel(this.#spec, states, metadata));
    }
    this.#emit({ type: 'interrupted', chapters, savedModel: saved });
    const kept = saved
      ? `The layers as they were, ${chapters} of ${this.#spec.splits} chapters trained, are in ${saved}.`
      : 'No chapter was finished, so no model was saved.';
    return new PffError('interrupted', `interrupted after ${chapters} of ${this.#spec.splits} chapters`, {
      hint: kept,
    });
  }
}

function modelMetadata(prepared: PreparedData, digest: string): Record<string, string> {
  return { program: `pff ${VERSION}`, modelDigest: digest, dataDigest: prepared.facts.digest };
}

function timeSplit(spans: readonly Span[], summary: TimelineSummary, nodes: number): RunResult['timeSplit'] {
  const of = (phase: Span['phase']): number =>
    spans.reduce((sum, span) => sum + (span.phase === phase ? span.end - span.start : 0), 0);
  const [trained, pass, labels, wait] = [of('train'), of('pass'), of('labels'), of('wait')];
  return {
    train: trained,
    pass,
    labels,
    wait,
    other: Math.max(0, nodes * summary.makespan - trained - pass - labels - wait),
  };
}
