/** One whole training in this thread, as events: what the library's worker does, and any program may that has a thread to spare. */
import { openPortableKernels, type PortableChoice } from '../kernels/open-portable.js';
import type { Kernels } from '../kernels/kernels.js';
import { viewState, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import { modelDigest } from '../model/digest.js';
import { encodeSealed } from '../model/model-integrity.js';
import { allStructures, networkStructure } from '../model/network.js';
import { Predictor, type Evaluation } from '../model/predictor.js';
import { nowMs } from '../node/clock.js';
import type { Job } from '../node/job.js';
import { runNode } from '../node/node.js';
import { prepareData, type PreparedData } from '../node/prepare.js';
import { RunKernels } from '../node/run-kernels.js';
import { graphShape } from '../schedule/shape.js';
import type { Task } from '../schedule/tasks.js';
import { MemoryStore } from '../store/memory.js';
import type { Output } from '../store/store.js';
import type { TrainEvent, TrainRequest } from './events.js';

/** Trains; `tell` gets the events, the last of which is `finished`. @throws PffError; the signal's reason when that aborts. */
export async function trainHere(
  request: TrainRequest,
  tell: (event: TrainEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const { spec, dataset, kernels: choice } = request;
  const prepared = prepareData(dataset, spec);
  const kernels = await RunKernels.open(choice, (each) => openPortableKernels(spec.precision, each));
  try {
    const { current, reason } = kernels;
    tell({ type: 'started', spec, kernels: current.name, kernelsReason: reason, dataset: prepared.facts });
    await new Training(request, prepared, kernels, tell).run(signal);
  } finally {
    kernels.close();
  }
}

class Training {
  readonly #request: TrainRequest;
  readonly #prepared: PreparedData;
  readonly #kernels: RunKernels<PortableChoice>;
  readonly #tell: (event: TrainEvent) => void;
  readonly #structures: readonly LayerStructure[];
  readonly #begun = performance.now();

  constructor(
    request: TrainRequest,
    prepared: PreparedData,
    kernels: RunKernels<PortableChoice>,
    tell: (event: TrainEvent) => void,
  ) {
    this.#request = request;
    this.#prepared = prepared;
    this.#kernels = kernels;
    this.#tell = tell;
    this.#structures = allStructures(networkStructure(request.spec, prepared.layout));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { spec, dataset } = this.#request;
    const { layout, sites } = this.#prepared;
    const store = new ChapterStore(graphShape(spec), this.#structures.length, (chapters, outputs) =>
      this.#measured(chapters, this.#statesOf(outputs)),
    );
    const classes = dataset.classes.length;
    const job: Job = { spec, variant: 'sequential', nodes: 1, layout, classes, sites, startedMs: nowMs() };
    await this.#despiteFailures((kernels) => runNode(job, 0, kernels, store, signal, this.#tell));
    const states = this.#statesOf(await store.result());
    this.#tell({
      type: 'finished',
      modelDigest: modelDigest(states),
      numerics: this.#kernels.current.numerics.id,
      evaluation: await this.#evaluation(states),
      seconds: this.#seconds(),
      model: this.#model(states),
    });
  }

  async #measured(chapters: number, states: readonly LayerState[]): Promise<void> {
    const { spec, measure, models } = this.#request;
    // The last one's figures are those of the result.
    if (chapters === spec.splits) return;
    if (measure) {
      const evaluation = await this.#evaluation(states);
      this.#tell({ type: 'measured', chapters, of: spec.splits, seconds: this.#seconds(), evaluation });
    }
    if (models) this.#tell({ type: 'model', chapters, model: this.#model(states) });
  }

  #statesOf(outputs: readonly Output[]): LayerState[] {
    return outputs.map(({ steps, buffer }, i) => viewState(this.#structures[i] as LayerStructure, steps, buffer));
  }

  #evaluation(states: readonly LayerState[]): Promise<Evaluation> {
    return this.#despiteFailures(async (kernels) => {
      const predictor = await Predictor.open(kernels, this.#request.spec, states);
      try {
        return await predictor.evaluate(this.#prepared.test);
      } finally {
        predictor.close();
      }
    });
  }

  /** What has been published before is not done again. */
  #despiteFailures<T>(work: (kernels: Kernels) => Promise<T>): Promise<T> {
    return this.#kernels.use(work, (reason) => this.#tell({ type: 'gpu-failed', reason }));
  }

  #model(states: readonly LayerState[]): Uint8Array<ArrayBuffer> {
    const { spec, dataset } = this.#request;
    const { inputs } = this.#prepared;
    const metadata = {
      modelDigest: modelDigest(states),
      numerics: this.#kernels.current.numerics.id,
      dataDigest: dataset.digest,
      classes: JSON.stringify(dataset.classes),
      inputs: JSON.stringify(inputs),
    };
    return Uint8Array.from(encodeSealed(spec, states, metadata));
  }

  #seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }
}

/** A store that tells of each chapter that all layers have finished, and waits until that is dealt with. */
class ChapterStore extends MemoryStore {
  readonly #layers: number;
  readonly #onChapter: (chapters: number, outputs: readonly Output[]) => Promise<void>;

  constructor(
    shape: ConstructorParameters<typeof MemoryStore>[0],
    layers: number,
    onChapter: (chapters: number, outputs: readonly Output[]) => Promise<void>,
  ) {
    super(shape);
    this.#layers = layers;
    this.#onChapter = onChapter;
  }

  override async publish(task: Task, output: Output): Promise<void> {
    await super.publish(task, output);
    if (task.kind !== 'train' || task.layer !== this.#layers - 1) return;
    const newest = await this.newest();
    await this.#onChapter(
      task.chapter + 1,
      newest.map((each) => each.output),
    );
  }
}
