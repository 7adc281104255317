/** Whether a run would be done sooner in another precision on this machine: measured, once, and then remembered. */
import { PffError } from '../errors.js';
import { isOnGpu } from '../kernels/choices.js';
import { loadAddon } from '../kernels/native/addon.js';
import { multiplyAdds } from '../layers/sizes.js';
import { defaultsOfExecution, resolveExecution, type TrainOptions } from '../run/options.js';
import { isBackprop, resolveSpec, type RunSpec } from '../spec/spec.js';
import { cachedRates, keepRates, ratesKey } from './rates-cache.js';
import { fasterThan } from './settings.js';
import { measureStepRates } from './step-rates.js';

export interface FasterPrecision {
  readonly precision: string;
  /** The run's own. */
  readonly than: string;
  /** How many times as fast a step is. */
  readonly times: number;
}

/** Other bits for less than this gain are not worth a word. */
const WORTH_SAYING = 1.25;
/** Multiply-adds of a run that is done within a few seconds in any precision. */
const SHORT_RUN = 5e11;
const MEASURE_MS = 80;
/** Of a dataset that is used whole and not yet loaded. */
const USUAL_SAMPLES = 60_000;

/** Undefined where nothing is faster, for short runs, on the reference kernels and on GPUs, or where `options` are wrong anyway. */
export async function fasterPrecision(options: TrainOptions): Promise<FasterPrecision | undefined> {
  try {
    const execution = resolveExecution(options);
    const { kernels, threadsPerNode: threads } = execution;
    const spec = resolveSpec(defaultsOfExecution(options.spec ?? {}, execution, options.shardDirs), 'any');
    if (
      kernels === 'reference' ||
      isOnGpu(kernels) ||
      isBackprop(spec.objective) ||
      trainingMultiplyAdds(spec) < SHORT_RUN
    )
      return undefined;
    const loaded = loadAddon();
    if ('reason' in loaded) return undefined;
    const key = ratesKey(loaded, kernels, threads);
    let rates = cachedRates(key, Date.now());
    if (rates === undefined) {
      rates = await measureStepRates({ kernels, threads, milliseconds: MEASURE_MS, load: () => loaded });
      keepRates(key, rates, Date.now());
    }
    const faster = fasterThan(rates, spec.precision, WORTH_SAYING);
    return faster && { ...faster, than: spec.precision };
  } catch (error) {
    // Training says what is wrong; a hint is no reason to fail.
    if (error instanceof PffError) return undefined;
    throw error;
  }
}

/** Of training, roughly: forward pass and gradient of positive and negative rows. */
function trainingMultiplyAdds({ layers, trainSamples, epochs }: RunSpec): number {
  const perRow = multiplyAdds(layers).reduce((sum, each) => sum + each, 0);
  return 4 * (trainSamples || USUAL_SAMPLES) * epochs * perRow;
}
