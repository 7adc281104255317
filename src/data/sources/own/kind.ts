/** What a file or folder of one's own is, told from its content: files that are packed, and folders. Node.js only. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { messageOf, PffError } from '../../../errors.js';
import { unpackedLimit } from '../../../formats/limits.js';
import { readBytes } from '../files.js';
import { IDX_FILES, spellings } from '../idx-folder.js';
import { fileKind, partFile, READABLE, startsWith, type FolderKind, type FoundFile } from '../../readers/file-kind.js';

/** @throws PffError `data` where the file cannot be read, or is none of the kinds. */
export async function openFile(file: string): Promise<FoundFile> {
  return foundIn(await readBytes(file), file);
}

/** As `openFile`, for bytes; `name` is what errors call them. */
export function foundIn(given: Uint8Array, name: string): FoundFile {
  const bytes = startsWith(given, [0x1f, 0x8b]) ? unpacked(given, name) : given;
  return { kind: fileKind(bytes, name), bytes };
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: unpackedLimit(bytes.length) });
  } catch (error) {
    throw new PffError('data', `${file}: truncated or damaged gzip file (${messageOf(error)})`, {
      hint: 'Get the file again.',
      cause: error,
    });
  }
}

/** @throws PffError `data` where the folder cannot be read, or has nothing that is read. */
export function folderKind(folder: string): FolderKind {
  const names = namesIn(folder).filter((name) => !name.startsWith('.'));
  if (IDX_FILES.some((file) => spellings(file).some((name) => names.includes(name)))) return 'idx';
  if (partFile(names, 'train') !== undefined) return 'tables';
  if (names.some((name) => name.endsWith('.npy'))) return 'arrays';
  // A link may lead nowhere.
  const isFolder = (name: string): boolean =>
    statSync(path.join(folder, name), { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (names.some(isFolder)) return 'images';
  throw new PffError('data', `${folder} has neither folders of images nor files that are read`, {
    hint: `Give ${READABLE}; or name one file of the folder.`,
  });
}

/** Names in a folder; with `recursive` the paths of all below it. @throws PffError `data` where it cannot be read */
export function namesIn(folder: string, { recursive = false } = {}): string[] {
  try {
    return readdirSync(folder, { recursive, encoding: 'utf8' });
  } catch (error) {
    throw new PffError('data', `cannot read the folder ${folder}: ${messageOf(error)}`, {
      hint: 'Check its rights.',
      cause: error,
    });
  }
}
