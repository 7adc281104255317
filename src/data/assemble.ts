/** Puts a dataset together from its parts, in memory that threads share, with its digest. */
import { sha256 } from '#platform/hash';
import { bytesOf, type Dataset, type ImageShape, type Samples, sharedBytes } from './dataset.js';
import { checkSamples, oddities } from './plausible.js';

/** A dataset with its digest. The parts' arrays are taken as they are. */
export function assembleDataset(
  name: string,
  shape: ImageShape,
  classes: readonly string[],
  train: Samples,
  test: Samples,
  notes: readonly string[] = [],
  more: Pick<Dataset, 'validation' | 'inputs'> = {},
): Dataset {
  const { validation } = more;
  const data = { name, shape, classes, train, test, ...more };
  checkSamples(data);
  const hash = sha256();
  for (const part of [train, test, ...(validation ? [validation] : [])]) {
    hash.update(bytesOf(part.images));
    hash.update(bytesOf(part.labels));
  }
  return { ...data, digest: hash.hex(), notes: [...notes, ...oddities(data)] };
}

/** A copy over a SharedArrayBuffer. */
export function toShared(bytes: Uint8Array): Uint8Array {
  const shared = sharedBytes(bytes.length);
  shared.set(bytes);
  return shared;
}
