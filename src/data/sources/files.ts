/** Where datasets lie on this computer and how their files are read: the cache folder, gzip, clear errors. Node.js only. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { codeOf, messageOf, PffError } from '../../errors.js';
import { unpackedLimit } from '../../formats/limits.js';
import { readRegularFile } from './regular-file.js';

/**
 * The folder that holds one folder per downloaded dataset: `cacheDir`, else $PFF_CACHE_DIR, else the platform's place.
 * @throws PffError `files` where nothing says it and the user has no home folder, as in some containers.
 */
export function cacheFolder(cacheDir?: string): string {
  return cacheDir || process.env['PFF_CACHE_DIR'] || platformCache();
}

/** As the package env-paths has it, which cannot be loaded at all where there is no home folder. */
function platformCache(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === 'darwin') return join(home(), 'Library', 'Caches', 'pff');
  if (process.platform === 'win32') return join(LOCALAPPDATA || join(home(), 'AppData', 'Local'), 'pff', 'Cache');
  return join(XDG_CACHE_HOME || join(home(), '.cache'), 'pff');
}

function home(): string {
  try {
    return homedir();
  } catch (error) {
    throw new PffError('files', `there is no place for datasets: this user has no home folder (${messageOf(error)})`, {
      hint: 'Set PFF_CACHE_DIR to a folder for them, or name the folder of the data by --data-dir.',
      cause: error,
    });
  }
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
    bytes = readRegularFile(path);
  } catch (error) {
    throw new PffError('data', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Check the path and the rights of the file.',
      cause: error,
    });
  }
  if (!path.endsWith('.gz')) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: unpackedLimit(bytes.length) });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE')
      throw new PffError(
        'data',
        `${path}: its ${bytes.length} bytes unpack to more than the ${unpackedLimit(bytes.length)} that are read`,
        { hint: 'Check that it is the file that you mean; if it is, unpack it by hand.', cause: error },
      );
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
