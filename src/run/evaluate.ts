/** How good a run's layers are on labelled data, on the kernels that the run has by then. */
import type { PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { LayerState } from '../layers/layer-state.js';
import type { LabelledData } from '../model/labelled-data.js';
import { Predictor, type Evaluation } from '../model/predictor.js';
import { Breather } from '../node/clock.js';
import type { RunKernels } from '../node/run-kernels.js';
import type { RunSpec } from '../spec/spec.js';

/** What is evaluated, and who hears of it. */
export interface Evaluating {
  readonly spec: RunSpec;
  readonly states: readonly LayerState[];
  readonly signal: AbortSignal;
  /** So many samples are done. */
  readonly progress: (done: number) => void;
  /** It begins again, as its kernels were lost. */
  readonly again: (reason: string) => void;
  /** What is to be said once the signal is aborted, whatever its reason is. */
  readonly interrupted: () => PffError;
}

/** @throws PffError `interrupted` when the signal is aborted */
export async function evaluate(kernels: RunKernels, data: LabelledData, evaluating: Evaluating): Promise<Evaluation> {
  try {
    return await kernels.use((used) => evaluateOn(used, data, evaluating), evaluating.again);
  } catch (error) {
    throw evaluating.signal.aborted ? evaluating.interrupted() : error;
  }
}

async function evaluateOn(
  kernels: Kernels,
  data: LabelledData,
  { spec, states, signal, progress }: Evaluating,
): Promise<Evaluation> {
  const predictor = await Predictor.open(kernels, spec, states);
  const breather = new Breather(signal);
  try {
    return await predictor.evaluate(data, (done) => {
      progress(done);
      return breather.breathe();
    });
  } finally {
    predictor.close();
  }
}
