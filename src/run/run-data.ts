/** The data of a run: the data set, or one for each shard, ready to train on. */
import type { Dataset } from '../data/dataset.js';
import { checkSamples } from '../data/plausible.js';
import { IN_MEMORY } from '../data/dataset-names.js';
import { inMemory, loadDataset } from '../data/sources/load.js';
import { loadShardData } from '../data/sources/own/known-data.js';
import { readingOf } from '../data/readers/reading.js';
import { PffError } from '../errors.js';
import { prepareData, type DatasetFacts, type PreparedData } from '../node/prepare.js';
import type { RunSpec } from '../spec/spec.js';
import type { RunNote } from './checkpoint.js';
import type { TrainOptions } from './options.js';

/** What a run trains on and is measured on. */
export interface RunData {
  readonly prepared: PreparedData;
  /** What is worth telling about the data set and what is used of it. */
  readonly notes: readonly string[];
}

/**
 * @param resumed what is known of the run that this one goes on with.
 * @param given a data set in memory instead of the one that the spec names.
 * @throws PffError `data`, `files`; `data` too if a resumed run would go on with other data than it began with.
 */
export async function loadRunData(
  spec: RunSpec,
  options: Pick<TrainOptions, 'dataDir' | 'shardDirs'>,
  resumed?: RunNote,
  given?: Dataset,
): Promise<RunData> {
  const { dataset: name } = spec;
  const dataDir = options.dataDir ?? resumed?.dataDir;
  const shardDirs = options.shardDirs ?? resumed?.shardDirs;
  if (!given && resumed && name === IN_MEMORY)
    throw inMemory('the run was begun on a dataset in memory', 'Go on in a program: train({ resume }, dataset).');
  const dataset =
    given ??
    (await loadDataset({ dataset: name, dataDir, needs: shardDirs ? 'test' : undefined, reading: readingOf(spec) }));
  const shards = shardDirs && (await Promise.all(shardDirs.map((dir, shard) => loadShard(spec, dataset, dir, shard))));
  checkSamples(dataset);
  const prepared = prepareData(dataset, spec, shards);
  if (resumed) checkSame(prepared.facts, resumed);
  const notes = [...(dataset.notes ?? []), ...prepared.notes];
  return { prepared, notes: notes.map((note) => `dataset ${dataset.name}: ${note}`) };
}

function checkSame({ name, digest }: DatasetFacts, { dataDigest }: RunNote): void {
  if (dataDigest === digest) return;
  throw new PffError('data', `dataset ${name} is not the one that the run began with: its digest is ${digest}`, {
    hint: `The run began with data of digest ${dataDigest}; give --data-dir (and --shard-dirs) if it lies elsewhere now.`,
  });
}

/** @throws PffError `data`, saying which shard's folder is meant. */
async function loadShard(spec: RunSpec, whole: Dataset, dir: string, shard: number): Promise<Dataset> {
  const { dataset } = spec;
  try {
    if (dataset !== 'own') return await loadDataset({ dataset, dataDir: dir, needs: 'train' });
    const inputs = whole.inputs ?? { kind: 'image', shape: whole.shape };
    return await loadShardData(dir, { inputs, classes: whole.classes }, spec);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    const hint = error.hint?.replaceAll('--data-dir', '--shard-dirs');
    throw new PffError(error.code, `shard ${shard + 1} (${dir}): ${error.message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}
