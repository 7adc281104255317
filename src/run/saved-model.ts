/** A trained model from a run folder or a model file, ready to evaluate or to predict with. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { imageSize, type Dataset } from '../data/dataset.js';
import type { Inputs } from '../data/columns.js';
import { loadDataset } from '../data/sources/load.js';
import { loadKnownData } from '../data/sources/own/known-data.js';
import { readingOf } from '../data/readers/reading.js';
import { PffError } from '../errors.js';
import { checkOptions } from '../known-options.js';
import { imageValues } from '../layers/sizes.js';
import type { Kernels } from '../kernels/kernels.js';
import { openKernels, type KernelsChoice } from '../kernels/open.js';
import { analyse, SAMPLES_OF_FINISHED } from '../model/analysis/analyse.js';
import type { NetworkAnalysis } from '../model/analysis/analysis.js';
import { decodeModel, type SavedModel } from '../model/model-file.js';
import { Predictor, type Evaluation } from '../model/predictor.js';
import { Breather } from '../node/clock.js';
import type { Classifier } from '../objectives/objective.js';
import { objectiveOf } from '../objectives/table.js';
import { layerCount } from '../spec/predicates.js';
import type { RunSpec } from '../spec/spec.js';
import { hasNote, readNote } from './checkpoint.js';
import { usableCores } from './cores.js';
import { MODEL_FILE, readRunFile } from './folder.js';
import { checkedStates, checkMetadata, type VerifyOption } from './model-integrity.js';
import { prepareMeasured } from '../node/prepare.js';
import { checkIsModel } from './model-kind.js';
import { checkParts, predictingParts } from './run-plugins.js';

export interface EvaluateOptions extends VerifyOption {
  /** Evaluate on another dataset than the model was trained on (of the same image size). */
  readonly dataset?: string | undefined;
  readonly dataDir?: string | undefined;
  /**
   * A file or folder of one's own to evaluate on: its test part where it has one, else all of it. Columns are taken by their names and
   * scaled as in training, classes by their names; samples of other classes are left out, as `notes` say.
   */
  readonly data?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, samples: number) => void) | undefined;
  /** Another classifier than the one of its spec, out of those that its objective trains for. */
  readonly classifier?: Classifier | undefined;
  /** 0 or absent: all test samples. */
  readonly testSamples?: number | undefined;
  readonly kernels?: KernelsChoice | undefined;
  /** By default all cores that this process may use. */
  readonly threads?: number | undefined;
}

/** The accuracy of a trained model, and what it was measured on. */
export interface EvaluationResult extends Evaluation {
  /** The model's, with the classifier that was asked for. */
  readonly spec: RunSpec;
  /** The model is what an interrupted run had saved: chapters that all layers had finished. */
  readonly interruptedAfterChapters: number | undefined;
  readonly dataset: string;
  readonly classes: readonly string[];
  /** What of the data was left out, in words for people. */
  readonly notes: readonly string[];
  readonly kernels: string;
  readonly kernelsReason: string | undefined;
}

/** One image's prediction. */
export interface Prediction {
  readonly label: number;
  readonly className: string;
  /** Per class: goodness summed over layers, or log-probability. */
  readonly scores: readonly number[];
  /** Softmax of the scores: a share per class, not a calibrated probability for goodness. */
  readonly shares: readonly number[];
}

/** Evaluates the model of `run` (a run folder or a model file) on the test set. @throws PffError */
export async function evaluateRun(run: string, options: EvaluateOptions = {}): Promise<EvaluationResult> {
  checkOptions('evaluateRun', options, {
    dataset: true,
    dataDir: true,
    data: true,
    signal: true,
    onProgress: true,
    classifier: true,
    testSamples: true,
    kernels: true,
    threads: true,
    verify: true,
  });
  const model = readModel(run, options);
  checkParts(run, predictingParts(model.spec, options.classifier));
  const spec = predictingBy(options.classifier, model.spec);
  const dataset = await evaluatedData(run, model, options);
  checkClasses(model, dataset.classes.length, dataset.name);
  const size = imageSize(dataset.shape);
  if (imageValues(spec.layers) !== size)
    throw new PffError(
      'data',
      `the model takes images of ${imageValues(spec.layers)} values, but those of ${dataset.name} have ${size}`,
      {
        hint: `It was trained on ${spec.dataset}.`,
      },
    );
  const evaluated: RunSpec = {
    ...spec,
    validationSamples: 0,
    testSamples: options.testSamples ?? 0,
  };
  const prepared = prepareMeasured(dataset, evaluated);
  const threads = options.threads ?? usableCores();
  return withKernels(spec, { ...options, threads }, async (kernels, kernelsReason) => {
    const states = checkedStates(model, prepared.test.layout, run, options);
    // By goodness, a softmax classifier is not needed.
    const used = spec.classifier === model.spec.classifier ? states : states.slice(0, layerCount(spec));
    const predictor = await Predictor.open(kernels, spec, used);
    try {
      const breather = new Breather(options.signal ?? new AbortController().signal);
      const evaluation = await predictor.evaluate(prepared.test, (done) => {
        options.onProgress?.(done, prepared.test.samples.count);
        return breather.breathe();
      });
      return {
        ...evaluation,
        spec,
        interruptedAfterChapters: model.interruptedAfterChapters,
        dataset: dataset.name,
        classes: dataset.classes,
        notes: options.data === undefined ? [] : (dataset.notes ?? []),
        kernels: kernels.name,
        kernelsReason,
      };
    } finally {
      predictor.close();
    }
  });
}

/** The spec with another classifier. @throws PffError `usage` where the model's layers were not trained for it */
function predictingBy(classifier: Classifier | undefined, spec: RunSpec): RunSpec {
  if (classifier === undefined || classifier === spec.classifier) return spec;
  // The softmax classifier is one more layer, which only a run that predicts by it trains.
  const known = objectiveOf(spec.objective).classifiers.filter((one) => one !== 'softmax' || one === spec.classifier);
  if (known.includes(classifier)) return { ...spec, classifier };
  throw new PffError('usage', `classifier ${classifier} was asked for, but the model was not trained for it`, {
    hint: `Its objective is ${spec.objective}; it predicts by ${known.join(' or ')}.`,
  });
}

/** The dataset that was asked for, or data of one's own as the model takes them. @throws PffError `usage` for both */
async function evaluatedData(run: string, model: SavedModel, options: EvaluateOptions): Promise<Dataset> {
  const { spec } = model;
  const { data, dataset, dataDir } = options;
  if (data === undefined) return loadDatasetOf(run, { ...spec, dataset: dataset ?? spec.dataset }, dataDir);
  if (dataset !== undefined)
    throw new PffError('usage', `data ${data} was given, but dataset ${dataset} as well`, {
      hint: 'Leave one of them out.',
    });
  const known = model.inputs && model.classes ? undefined : await loadDatasetOf(run, spec, dataDir);
  const inputs: Inputs = model.inputs ?? { kind: 'image', shape: (known as Dataset).shape };
  const classes = model.classes ?? (known as Dataset).classes;
  const { missing, labelColumn } = readingOf(spec);
  return loadKnownData(data, { inputs, classes }, { part: 'test', unknown: 'leave out', missing, labelColumn });
}

/**
 * Looks into the model of `run` (a run folder or a model file), on the samples that its run measured accuracy on.
 * @param dataset the one it was trained on. @throws PffError
 */
export async function analyseRun(
  run: string,
  dataset: Dataset,
  options: { readonly kernels?: KernelsChoice | undefined; readonly threads?: number | undefined } = {},
): Promise<NetworkAnalysis> {
  const model = readModel(run);
  const { spec } = model;
  checkParts(run, predictingParts(spec));
  checkClasses(model, dataset.classes.length, dataset.name);
  const prepared = prepareMeasured(dataset, spec);
  return withKernels(spec, options, (kernels) =>
    analyse({
      kernels,
      spec,
      states: checkedStates(model, prepared.test.layout, run, {}),
      data: prepared.test,
      samples: SAMPLES_OF_FINISHED,
      breathe: () => setImmediate(),
    }),
  );
}

/** Undefined for the model of a whole run; else how far the run was when it was interrupted and its model saved. */
export function partialModel(
  run: string,
  options: VerifyOption = {},
): { readonly chapters: number; readonly of: number } | undefined {
  const { spec, interruptedAfterChapters: chapters } = readModel(run, options);
  return chapters === undefined ? undefined : { chapters, of: spec.splits };
}

/** The dataset that a model was trained on, for its image shape, classes, and images by index. */
export async function datasetOfRun(run: string, dataDir?: string, options: VerifyOption = {}): Promise<Dataset> {
  const { spec } = readModel(run, options);
  return loadDatasetOf(run, spec, dataDir);
}

/** The dataset of a run: in `dataDir`, or where the run's own notes say that data of one's own lie. */
export function loadDatasetOf(run: string, spec: RunSpec, dataDir: string | undefined): Promise<Dataset> {
  const { dataset } = spec;
  checkParts(run, { dataset });
  const place = dataDir ?? (dataset === 'own' && hasNote(run) ? readNote(run).dataDir : undefined);
  return loadDataset({ dataset, dataDir: place, needs: 'test', reading: readingOf(spec) });
}

/** A goodness model has no output per class whose number would give a mistake away. */
export function checkClasses({ classes: trained }: Pick<SavedModel, 'classes'>, found: number, what: string): void {
  if (trained !== undefined && trained.length !== found)
    throw new PffError('data', `the model was trained on ${trained.length} classes, but ${what} has ${found}`, {
      hint: `Its classes are ${trained.slice(0, 40).join(', ')}${trained.length > 40 ? ' and others' : ''}.`,
    });
}

/** Reads the model of a run folder, or a model file, and checks its metadata. @throws PffError `files` */
export function readModel(run: string, { verify = true }: VerifyOption = {}): SavedModel {
  if (!existsSync(run))
    throw new PffError('files', `there is no run ${run}`, {
      hint: 'Give the run folder that pff train printed at its end.',
    });
  const file = statSync(run).isDirectory() ? path.join(run, MODEL_FILE) : run;
  const bytes = readRunFile(file);
  if (file === run) checkIsModel(file, bytes);
  try {
    const model = decodeModel(bytes);
    if (verify) checkMetadata(model.writtenSpec, metadataWithoutSpec(model), 'the model');
    return model;
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    throw new PffError(error.code, `${file}: ${error.message}`, error.hint === undefined ? {} : { hint: error.hint });
  }
}

/** The spec in the file's own words is compared apart. */
function metadataWithoutSpec({ metadata }: SavedModel): Readonly<Record<string, string>> {
  const { spec: _, format: __, ...rest } = metadata;
  return rest;
}

/** Kernels of the precision that the model was trained in. */
async function withKernels<T>(
  { precision }: RunSpec,
  options: { readonly kernels?: KernelsChoice | undefined; readonly threads?: number | undefined },
  work: (kernels: Kernels, reason: string | undefined) => Promise<T>,
): Promise<T> {
  const { kernels: choice = 'auto', threads = 1 } = options;
  const { kernels, reason } = await openKernels({ kernels: choice, threads, precision });
  try {
    return await work(kernels, reason);
  } finally {
    kernels.close();
  }
}
