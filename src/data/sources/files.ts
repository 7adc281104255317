/** Where datasets lie on this computer and how their files are read: the cache folder, gzip, clear errors. Node.js only. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import envPaths from 'env-paths';
import { codeOf, messageOf, PffError } from '../../errors.js';

/** The folder that holds one folder per downloaded dataset: `cacheDir`, else $PFF_CACHE_DIR, else the platform's place. */
export function cacheFolder(cacheDir?: string): string {
  return cacheDir || process.env['PFF_CACHE_DIR'] || envPaths('pff', { suffix: '' }).cache;
}

/** The first file that exists of `names` in `folders`, folder by folder. */
export async function findFile(folders: readonly string[], names: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const path = join(folder, name);
      if (await isFile(path)) return path;
    }
  }
  return undefined;
}

/** @throws PffError `data` if the path can be looked at only with rights that are missing. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw new PffError('data', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Check the rights of the file and its folder.',
      cause: error,
    });
  }
}

/** Nothing is there: the path, or a folder on the way to it. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * The bytes of a file; unpacked where the name ends in .gz.
 * @throws PffError `data` if it cannot be read or unpacked.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new PffError('data', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Check the path and the rights of the file.',
      cause: error,
    });
  }
  if (!path.endsWith('.gz')) return bytes;
  try {
    return await promisify(gunzip)(bytes);
  } catch (error) {
    throw new PffError('data', `${path}: truncated or damaged gzip file (${messageOf(error)})`, {
      hint: 'Get the file again.',
      cause: error,
    });
  }
}

/** Hex MD5: only to compare with the sums that datasets are published with. */
export function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
