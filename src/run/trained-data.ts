/** Whether data that are read again are those that a model was trained on. */
import { isDeepStrictEqual } from 'node:util';
import { parseInputs } from '../data/columns.js';
import { imageSize, type Dataset } from '../data/dataset.js';
import { PffError } from '../errors.js';
import type { SavedModel } from '../model/model-file.js';
import { readDataPlaces } from './checkpoint.js';

/**
 * Compares a model's own dataset, loaded again, with what the model says of it.
 * @param needs `the same`: other samples would be taken for those held out of its training
 * @returns what is worth telling, where the samples are others
 * @throws PffError `data` where the network would be given other inputs or classes than it was trained for, or samples must be the same
 */
export function checkTrainedOn(
  run: string,
  { spec, classes, inputs, metadata }: SavedModel,
  dataset: Dataset,
  needs?: 'the same',
): string | undefined {
  const refuse = (what: string): never => {
    throw new PffError('data', `dataset ${dataset.name} is not the one that ${run} was trained on: ${what}`, {
      hint: 'Give the data of its training by --data-dir; pff eval RUN --data FILE takes other data as the model does.',
    });
  };
  const { dataDigest } = metadata;
  if (spec.dataset === 'own') {
    if (classes !== undefined && !isDeepStrictEqual([...dataset.classes], [...classes]))
      refuse(`its classes are ${listed(dataset.classes)}, and were ${listed(classes)}`);
    if (inputs !== undefined && !isDeepStrictEqual(comparable(dataset.inputs), comparable(inputs)))
      refuse('its columns or their scales are others');
  }
  if (dataDigest === undefined || dataDigest === dataset.digest || !isWhole(run, spec.shards, dataset))
    return undefined;
  if (needs === 'the same') refuse(`its digest is ${dataset.digest}, and was ${dataDigest}`);
  return `dataset ${dataset.name} is not the one that ${run} was trained on: its digest is ${dataset.digest.slice(0, 12)}, and was ${dataDigest.slice(0, 12)}`;
}

/** As a model's file has them; of images what makes their values. */
function comparable(inputs: Dataset['inputs']): unknown {
  const saved = inputs && parseInputs(JSON.parse(JSON.stringify(inputs)));
  if (saved?.kind !== 'image') return saved;
  // Earlier versions took rows of pixels for images of one row, and kept less of how images were read.
  const { shape, range } = saved;
  return { channels: shape.channels, size: imageSize(shape), range };
}

/** Whether a digest can be compared: not where a part is missing, or where the run's is that of all its shards' folders. */
function isWhole(run: string, shards: number, { train, test }: Dataset): boolean {
  const places = shards > 1 ? readDataPlaces(run) : undefined;
  const isOfFolders = shards > 1 && (places === undefined || places.shardDirs !== undefined);
  return train.count > 0 && test.count > 0 && !isOfFolders;
}

function listed(classes: readonly string[]): string {
  return classes.slice(0, 10).join(', ') + (classes.length > 10 ? ' and others' : '');
}
