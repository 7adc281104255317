/** A trained model from a run folder or a model file, ready to evaluate or to predict with. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Dataset } from '../data/dataset.js';
import type { NeededPart } from '../data/sources/idx-folder.js';
import { IN_MEMORY } from '../data/dataset-names.js';
import { inMemory, loadDataset } from '../data/sources/load.js';
import { parsePlace } from '../data/sources/own/place.js';
import { readingOf } from '../data/readers/reading.js';
import { PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { openKernels, type KernelsChoice } from '../kernels/open.js';
import { analyse, SAMPLES_OF_FINISHED } from '../model/analysis/analyse.js';
import type { NetworkAnalysis } from '../model/analysis/analysis.js';
import { decodeModel, type SavedModel } from '../model/model-file.js';
import { predictingParts, type RunSpec } from '../spec/spec.js';
import { readDataPlaces } from './checkpoint.js';
import { MODEL_FILE, readRunFile } from './folder.js';
import { checkedStates, checkModelMetadata, type VerifyOption } from '../model/model-integrity.js';
import { prepareMeasured } from '../node/prepare.js';
import { checkIsModel } from './model-kind.js';
import { readResult } from './read-result.js';
import { checkParts } from './run-plugins.js';
import { checkTrainedOn } from './trained-data.js';

/** One image's prediction. */
export interface Prediction {
  readonly label: number;
  readonly className: string;
  /** Per class: goodness summed over layers, or log-probability. */
  readonly scores: readonly number[];
  /** Softmax of the scores: a share per class, not a calibrated probability for goodness. */
  readonly shares: readonly number[];
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

/** The dataset that a model was trained on, for its image shape, classes, and images by index. @throws PffError as `checkTrainedOn` */
export async function datasetOfRun(run: string, dataDir?: string, options: VerifyOption = {}): Promise<Dataset> {
  const { dataset } = await trainedDataset(run, dataDir, options);
  return dataset;
}

/** As `datasetOfRun`; `note` says so where its samples have changed since. */
export async function trainedDataset(
  run: string,
  dataDir: string | undefined,
  options: VerifyOption,
): Promise<{ readonly dataset: Dataset; readonly note: string | undefined }> {
  const model = readModel(run, options);
  const dataset = await loadDatasetOf(run, model.spec, dataDir);
  return { dataset, note: checkTrainedOn(run, model, dataset) };
}

/**
 * The dataset of a run: in `dataDir`, or where the run's own notes say that data of one's own lie.
 * @param needs the part that must be there
 */
export async function loadDatasetOf(
  run: string,
  spec: RunSpec,
  dataDir: string | undefined,
  needs: NeededPart = 'test',
): Promise<Dataset> {
  const { dataset } = spec;
  checkParts(run, { dataset });
  if (dataset === IN_MEMORY) {
    const called = readResult(run)?.dataset;
    throw inMemory(
      `${run} was trained on a dataset in memory${called === undefined ? '' : ` (${called})`}`,
      'pff eval RUN --data FILE, or evaluateRun with data, takes a file as the model does.',
    );
  }
  const place = dataDir ?? (dataset === 'own' ? readDataPlaces(run)?.dataDir : undefined);
  try {
    return await loadDataset({ dataset, dataDir: place, needs, reading: readingOf(spec) });
  } catch (error) {
    if (
      dataset !== 'own' ||
      !(error instanceof PffError) ||
      (place !== undefined && existsSync(parsePlace(place).data))
    )
      throw error;
    // Not --data: of a file that is named so, all rows would be measured, those that were trained on, too.
    throw new PffError(error.code, `the data of ${run} are not where they were: ${error.message}`, {
      hint: 'Name their new place by --data-dir; they are then split as for the training.',
      cause: error,
    });
  }
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
    if (verify) checkModelMetadata(model, 'the model');
    return model;
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    throw new PffError(error.code, `${file}: ${error.message}`, error.hint === undefined ? {} : { hint: error.hint });
  }
}

/** Kernels of the precision that the model was trained in. */
export async function withKernels<T>(
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
