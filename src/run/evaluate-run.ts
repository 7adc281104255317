/** How well the trained model of a run folder or a model file predicts: on its test set, on samples held out from it, or on other data. */
import type { Inputs } from '../data/columns.js';
import { imageSize, type Dataset } from '../data/dataset.js';
import { readingOf } from '../data/readers/reading.js';
import { loadKnownData } from '../data/sources/own/known-data.js';
import { PffError } from '../errors.js';
import type { KernelsChoice } from '../kernels/open.js';
import { checkOptions } from '../known-options.js';
import { imageValues } from '../layers/sizes.js';
import { mirrored } from '../model/augment/augment.js';
import type { LabelledData } from '../model/labelled-data.js';
import type { SavedModel } from '../model/model-file.js';
import { Predictor, type Evaluation } from '../model/predictor.js';
import { Breather } from '../node/clock.js';
import { prepareMeasured, type DatasetFacts } from '../node/prepare.js';
import type { Classifier } from '../objectives/objective.js';
import { objectiveOf } from '../objectives/table.js';
import { layerCount } from '../spec/predicates.js';
import { predictingParts, type RunSpec } from '../spec/spec.js';
import { usableCores } from './cores.js';
import { checkedStates, type VerifyOption } from '../model/model-integrity.js';
import { checkParts } from './run-plugins.js';
import { checkClasses, loadDatasetOf, readModel, withKernels } from './saved-model.js';
import { checkTrainedOn } from './trained-data.js';

export interface EvaluateOptions extends VerifyOption {
  /** Evaluate on another dataset than the model was trained on (of the same image size). */
  readonly dataset?: string | undefined;
  readonly dataDir?: string | undefined;
  /**
   * A file or folder of one's own to evaluate on: its test part where it has one, else all of it. Columns are taken by their names and
   * scaled as in training, classes by their names; samples of other classes are left out, as `notes` say.
   */
  readonly data?: string | undefined;
  /** `test` unless given. `validation`: the samples of its dataset that were held out of its training. */
  readonly on?: DatasetFacts['evaluatedOn'] | undefined;
  /** Adds the scores of each image's mirror image to its own (test-time augmentation). */
  readonly mirror?: boolean | undefined;
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
  readonly evaluatedOn: DatasetFacts['evaluatedOn'];
  readonly classes: readonly string[];
  /** What of the data was left out, or has changed since training, in words for people. */
  readonly notes: readonly string[];
  readonly kernels: string;
  readonly kernelsReason: string | undefined;
}

/** Evaluates the model of `run` (a run folder or a model file) on the test set unless `options` say otherwise. @throws PffError */
export async function evaluateRun(run: string, options: EvaluateOptions = {}): Promise<EvaluationResult> {
  checkOptions('evaluateRun', options, {
    dataset: true,
    dataDir: true,
    data: true,
    on: true,
    mirror: true,
    signal: true,
    onProgress: true,
    classifier: true,
    testSamples: true,
    kernels: true,
    threads: true,
    verify: true,
  });
  const { on = 'test' } = options;
  if (on === 'validation') checkNoOtherSamples(options);
  const model = readModel(run, options);
  checkParts(run, predictingParts(model.spec, options.classifier));
  const spec = predictingBy(options.classifier, model.spec);
  const dataset = await evaluatedData(run, model, options);
  const isTrained = options.data === undefined && (options.dataset ?? spec.dataset) === spec.dataset;
  const changed = isTrained
    ? checkTrainedOn(run, model, dataset, on === 'validation' ? 'the same' : undefined)
    : undefined;
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
  const samples = on === 'test' ? testSamples(dataset, spec, options) : heldOut(run, dataset, spec);
  const threads = options.threads ?? usableCores();
  return withKernels(spec, { ...options, threads }, async (kernels, kernelsReason) => {
    const states = checkedStates(model, samples.layout, run, options);
    // By goodness, a softmax classifier is not needed.
    const used = spec.classifier === model.spec.classifier ? states : states.slice(0, layerCount(spec));
    const predictor = await Predictor.open(kernels, spec, used);
    try {
      const breather = new Breather(options.signal ?? new AbortController().signal);
      const onBlock = (done: number): Promise<void> | void => {
        options.onProgress?.(done, samples.samples.count);
        return breather.breathe();
      };
      const evaluation = await unlessAborted(
        predictor.evaluate(samples, onBlock, options.mirror ? mirrored : undefined),
        options.signal,
      );
      return {
        ...evaluation,
        spec,
        interruptedAfterChapters: model.interruptedAfterChapters,
        dataset: dataset.name,
        evaluatedOn: on,
        classes: dataset.classes,
        notes: [
          ...(options.data === undefined ? [] : (dataset.notes ?? [])),
          ...(changed === undefined ? [] : [changed]),
        ],
        kernels: kernels.name,
        kernelsReason,
      };
    } finally {
      predictor.close();
    }
  });
}

/** @throws PffError `interrupted` once `signal` is aborted, whatever its reason is */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!signal?.aborted || error instanceof PffError) throw error;
    throw new PffError('interrupted', 'interrupted: not all samples were evaluated', { cause: error });
  }
}

/** @throws PffError `usage` where samples other than those held out were asked for, too */
function checkNoOtherSamples(options: EvaluateOptions): void {
  const others = (['data', 'dataset', 'testSamples'] as const).find((name) => options[name] !== undefined);
  if (others !== undefined)
    throw new PffError('usage', `samples held out of training were asked for, but ${others} was given as well`, {
      hint: 'Leave one of them out.',
    });
}

function testSamples(dataset: Dataset, spec: RunSpec, options: EvaluateOptions): LabelledData {
  return prepareMeasured(dataset, { ...spec, validationSamples: 0, testSamples: options.testSamples ?? 0 }).test;
}

/** The samples that the run of the model did not train on. @throws PffError `usage` where there are none */
function heldOut(run: string, dataset: Dataset, spec: RunSpec): LabelledData {
  const { test, validation, facts } = prepareMeasured(dataset, spec);
  const held = facts.evaluatedOn === 'validation' ? test : validation;
  if (held) return held;
  throw new PffError('usage', `samples held out of training were asked for, but ${run} was trained on all of them`, {
    hint: 'Train with --validation-samples N (data of your own: --validation 0.1), or evaluate on the test set.',
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
  const { data, dataset, dataDir, on } = options;
  const needs = on === 'validation' ? 'train' : 'test';
  if (data === undefined) return loadDatasetOf(run, { ...spec, dataset: dataset ?? spec.dataset }, dataDir, needs);
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
