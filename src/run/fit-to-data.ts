/** What a spec takes over from the data where nobody says otherwise: how many values an image has, and defaults for small tables. */
import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/sources/load.js';
import { USUAL_READING, type Reading } from '../data/readers/reading.js';
import { AUTO, imageEntry } from '../layers/sizes.js';
import type { PartialSpec } from '../spec/spec.js';
import type { TrainOptions } from './options.js';

/** The asked spec with what the data say, and the data, if they had to be loaded for that. */
export interface FittedSpec {
  readonly spec: PartialSpec;
  readonly dataset: Dataset | undefined;
}

/** Steps of a batch that a network of the default size wants at least. */
const FEWEST_STEPS = 3000;
/** A table's layers, where none are given. */
const TABLE_LAYERS = [AUTO, 300, 300, 300];

/** @param given a dataset in memory. @throws PffError as `loadDataset` */
export async function fitToData(
  asked: PartialSpec,
  { dataDir, shardDirs }: Pick<TrainOptions, 'dataDir' | 'shardDirs'>,
  given?: Dataset,
): Promise<FittedSpec> {
  const own = asked.dataset === 'own';
  if (!own && asked.layers?.[0] !== AUTO) return { spec: asked, dataset: given };
  const dataset =
    given ??
    (await loadDataset({
      dataset: asked.dataset ?? 'mnist',
      dataDir,
      // Shards have training samples of their own.
      needs: shardDirs ? 'test' : undefined,
      reading: readingAsked(asked),
    }));
  const { shape, train } = dataset;
  const [first, ...above] = asked.layers ?? (own && shape.height === 1 ? TABLE_LAYERS : [AUTO, 1000, 1000, 1000]);
  const layers = [first === AUTO || first === undefined ? imageEntry(shape, above) : first, ...above];
  if (!own) return { spec: { ...asked, layers }, dataset };
  const batch = asked.batch ?? (train.count < 2000 ? 16 : 64);
  const epochs = asked.epochs ?? Math.max(10, Math.min(200, Math.ceil((FEWEST_STEPS * batch) / train.count)));
  // A chapter of a few batches costs more than it trains.
  const splits = asked.splits ?? Math.min(epochs, 20);
  return { spec: { labelMode: 'append', ...asked, layers, batch, epochs, splits }, dataset };
}

/** How an asked spec has data of one's own read. */
export function readingAsked(asked: PartialSpec): Reading {
  const given = Object.fromEntries(
    Object.keys(USUAL_READING).flatMap((field) => {
      const value = asked[field as keyof Reading];
      return value === undefined ? [] : [[field, value]];
    }),
  );
  return { ...USUAL_READING, ...given };
}
