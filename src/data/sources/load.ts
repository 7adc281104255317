/** The entry to all datasets: a name and perhaps a folder in, a loaded dataset out. Node.js only. */
import { join } from 'node:path';
import { messageOf, PffError } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import { didYouMean } from '../../suggest.js';
import { DATASET_NAMES, IN_MEMORY, isListed, type DatasetName } from '../dataset-names.js';
import type { Dataset } from '../dataset.js';
import { checkSamples } from '../plausible.js';
import { checkDataset } from '../well-formed.js';
import { cacheFolder } from './files.js';
import { CIFAR_FOLDER, loadCifar10 } from './cifar10.js';
import { loadFashionMnist } from './fashion-mnist.js';
import { loadIdx } from './idx.js';
import type { NeededPart } from './idx-folder.js';
import { loadMnist } from './mnist.js';
import { USUAL_READING, type Reading } from '../readers/reading.js';

export interface LoadOptions {
  /** One of `DATASET_NAMES`. */
  readonly dataset: string;
  /** The folder of the dataset's files, or one with a folder of the dataset's name in it. `idx` needs it. */
  readonly dataDir?: string | undefined;
  /** Where `pff data get` keeps datasets; by default $PFF_CACHE_DIR or the platform's cache folder. */
  readonly cacheDir?: string | undefined;
  /** The part that is used, where it is one: of a dataset in IDX files the other one may be missing, and then has no samples. */
  readonly needs?: NeededPart | undefined;
  /** How data of one's own (`own`) are read, as a spec says it. */
  readonly reading?: Partial<Reading> | undefined;
}

/** Loads a dataset of the user's own; `dataDir` as it was given, if it was. */
export type DatasetLoader = (options: { readonly dataDir?: string | undefined }) => Promise<Dataset>;

const ownDatasets = new Map<string, DatasetLoader>();

/** Makes `dataset: name` in a spec mean what `load` gives. @throws PffError `usage` if pff itself has that name. */
export function registerDataset(name: string, load: DatasetLoader): void {
  if (name === IN_MEMORY || isListed(name))
    throw new PffError('usage', `${name} cannot be the name of an own dataset`, { hint: 'pff itself has that name.' });
  if (typeof load !== 'function')
    throw new PffError('usage', `dataset ${name} must be a function that loads it, but is ${typeof load}`, {
      hint: 'Write ({ dataDir }) => loadData(…), or another function that gives a dataset.',
    });
  ownDatasets.set(name, load);
}

/**
 * Loads a dataset whole; cutting it is up to the caller (`takeSamples`).
 * @throws PffError `usage` for an unknown name; `data` if files are missing, damaged or do not fit each other.
 */
export async function loadDataset(options: LoadOptions): Promise<Dataset> {
  checkOptions('loadDataset', options, {
    dataset: true,
    dataDir: true,
    cacheDir: true,
    needs: true,
    reading: true,
  });
  const { dataset, dataDir, cacheDir, needs, reading } = options;
  const own = ownDatasets.get(dataset);
  if (own) return loadOwn(dataset, own, dataDir);
  if (dataset === IN_MEMORY) throw inMemory('the dataset is in memory, of the program that trains on it');
  const name = checkDatasetName(dataset);
  // Only where it is needed: a user without a home folder has no cache.
  const folders = (): string[] =>
    dataDir === undefined ? [join(cacheFolder(cacheDir), name)] : [dataDir, join(dataDir, name)];
  switch (name) {
    case 'mnist':
      return loadMnist(dataDir === undefined ? undefined : folders(), needs);
    case 'fashion-mnist':
      return loadFashionMnist(folders(), needs);
    case 'cifar10':
      return loadCifar10([...folders(), ...folders().map((folder) => join(folder, CIFAR_FOLDER))]);
    case 'idx':
      break;
    case 'own':
      if (dataDir === undefined)
        throw new PffError('usage', 'dataset own needs a file or folder: these are data of your own', {
          hint: 'Name it by --data.',
        });
      // Its readers are large, and neither worker threads nor most commands need them.
      return (await import('./own/own-data.js')).loadOwnData(dataDir, { ...USUAL_READING, ...reading });
  }
  if (dataDir === undefined)
    throw new PffError('usage', 'dataset idx needs a folder: these are files of your own', {
      hint: 'Name the folder of the four IDX files by --data-dir.',
    });
  return loadIdx(dataDir, needs);
}

/** @param found what is in memory, in words. */
export function inMemory(
  found: string,
  hint = 'Give the data: --data FILE, or in a program the dataset as the second argument of train().',
): PffError {
  return new PffError('data', `${found}: it cannot be loaded by a name`, { hint });
}

/** What a user's own loader throws, or gives that is no dataset, is its own fault. */
async function loadOwn(name: string, load: DatasetLoader, dataDir: string | undefined): Promise<Dataset> {
  let found: unknown;
  try {
    found = await load({ dataDir });
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw new PffError('data', `dataset ${name}, of a plugin, could not be loaded: ${messageOf(error)}`, {
      hint: 'Mend its function in the file that registers it; PFF_DEBUG=1 shows where it failed.',
      cause: error,
    });
  }
  checkDataset(`dataset ${name}, of a plugin,`, found);
  checkSamples(found);
  return found;
}

/** Names of datasets that were registered in this thread. */
export function ownDatasetNames(): string[] {
  return [...ownDatasets.keys()];
}

/** Whether `loadDataset` knows that name: one of ours, that of data in memory, or one that was registered. */
export function isDataset(name: string): boolean {
  return ownDatasets.has(name) || name === IN_MEMORY || isListed(name);
}

/** @throws PffError `usage` if there is no such dataset; it names the nearest one. */
export function checkDatasetName(name: string): DatasetName {
  const known = DATASET_NAMES.find((each) => each === name);
  if (known !== undefined) return known;
  const names = [...DATASET_NAMES, ...ownDatasets.keys()];
  throw new PffError('usage', `unknown dataset ${JSON.stringify(name)}`, {
    hint: didYouMean(name, names, `Known are ${names.join(', ')}; datasets of your own come with --plugin FILE.`),
  });
}
