/** CIFAR-10 (Krizhevsky 2009): 50,000 + 10,000 colour photographs of 32 x 32 pixels, from the official binary files. */
import { PffError } from '../../errors.js';
import { CIFAR_CLASSES, CIFAR_SHAPE, cifarRecords, parseCifar } from '../cifar.js';
import { type Dataset, imageSize, type Samples, sharedBytes } from '../dataset.js';
import { findFile, readBytes } from './files.js';
import { assembleDataset } from '../assemble.js';

const TRAIN_FILES = [
  'data_batch_1.bin',
  'data_batch_2.bin',
  'data_batch_3.bin',
  'data_batch_4.bin',
  'data_batch_5.bin',
];
const TEST_FILE = 'test_batch.bin';

/** All the files needed. */
export const CIFAR_FILES: readonly string[] = [...TRAIN_FILES, TEST_FILE];
/** The folder that the official archive unpacks to. */
export const CIFAR_FOLDER = 'cifar-10-batches-bin';

/** CIFAR-10 from the first of `folders` that has it. */
export async function loadCifar10(folders: readonly string[]): Promise<Dataset> {
  const found = await Promise.all(CIFAR_FILES.map((file) => findFile(folders, [file])));
  const missing = CIFAR_FILES.filter((_, i) => found[i] === undefined);
  if (missing.length > 0)
    throw new PffError('data', `dataset cifar10: ${missing.join(', ')} not found in ${folders.join(' or ')}`, {
      hint: `Run pff data get cifar10, or name by --data-dir a folder with ${CIFAR_FILES.join(', ')}.`,
    });
  const paths = found.filter((path) => path !== undefined);
  const train = await readBatches(paths.slice(0, -1));
  const test = await readBatches(paths.slice(-1));
  return assembleDataset('cifar10', CIFAR_SHAPE, CIFAR_CLASSES, train, test);
}

/** One split from its files, which are of one length: so a file cut off between two records is found, too. */
async function readBatches(paths: readonly string[]): Promise<Samples> {
  let perFile = 0;
  let images = sharedBytes(0);
  let labels = sharedBytes(0);
  for (const [i, path] of paths.entries()) {
    const bytes = await readBytes(path);
    const records = cifarRecords(bytes, path);
    if (i === 0) {
      perFile = records;
      images = sharedBytes(paths.length * records * imageSize(CIFAR_SHAPE));
      labels = sharedBytes(paths.length * records);
    } else if (records !== perFile)
      throw new PffError(
        'data',
        `${path} has ${records} records, but ${paths[0]} has ${perFile}: one of them is cut off or was changed`,
        {
          hint: 'Get the files again: pff data get cifar10.',
        },
      );
    parseCifar(bytes, path, images, labels, i * perFile);
  }
  return { count: labels.length, images, labels };
}
