/** Files that a user names to be written: never over what a run keeps in its folder; devices, pipes and links are written to, not replaced. */
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { codeOf, PffError } from '../errors.js';
import { CHECKPOINT_FOLDER, NOTE_FILE } from './checkpoint.js';
import { CLUSTER_FILE } from './cluster/cluster-note.js';
import { cannotWrite, EVENTS_FILE, MODEL_FILE, RESULT_FILE, SPEC_FILE, writeWhole } from './folder.js';
import { INITIAL_FILE } from './initial.js';
import { LOCK_FILE } from './lock.js';
import { CSV_FILE, TENSORBOARD_PREFIX } from './metrics-log.js';
import { TAGS_FILE } from './tags.js';
import { VALIDATION_FOLDER } from './validation-folder.js';

const FOLDERS: readonly string[] = [CHECKPOINT_FOLDER, VALIDATION_FOLDER];
const FILES: readonly string[] = [
  SPEC_FILE,
  EVENTS_FILE,
  MODEL_FILE,
  RESULT_FILE,
  INITIAL_FILE,
  TAGS_FILE,
  CSV_FILE,
  LOCK_FILE,
  CLUSTER_FILE,
];

/**
 * @param source the file that is read for it, if there is one.
 * @throws PffError `usage` if writing `file` would destroy that, or a file of a run
 */
export function checkUserFile(file: string, source?: string): void {
  const place = realPlace(file);
  if (source !== undefined && place === realPlace(source))
    throw new PffError('usage', `${file} is the file that is read: it would be overwritten`, {
      hint: 'Name another file.',
    });
  if (isOfRun(place))
    throw new PffError('usage', `${file} is a file of a run's own: writing there would destroy it`, {
      hint: 'Name another file.',
    });
}

/** Writes the file that a user named, whole or not at all. @throws PffError as `checkUserFile`; `files` where it cannot be written */
export function writeUserFile(file: string, content: string | Uint8Array): void {
  checkUserFile(file);
  const place = realPlace(file);
  const there = statSync(place, { throwIfNoEntry: false });
  if (!there || there.isFile() || there.isDirectory()) {
    try {
      writeWhole(place, content);
      return;
    } catch (error) {
      // A file may be written to where nothing may be put beside it or in its place, such as one that is mounted into a container.
      const isBound = error instanceof PffError && IN_PLACE_ONLY.has(String(codeOf(error.cause)));
      if (!there?.isFile() || !isBound) throw error;
    }
  }
  try {
    writeFileSync(place, content);
  } catch (error) {
    throw cannotWrite(file, error);
  }
}

const IN_PLACE_ONLY: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EBUSY', 'EXDEV']);

function isOfRun(place: string): boolean {
  const folder = path.dirname(place);
  const name = path.basename(place);
  if (isRun(folder)) return FILES.includes(name) || FOLDERS.includes(name) || name.startsWith(TENSORBOARD_PREFIX);
  return FOLDERS.includes(path.basename(folder)) && isRun(path.dirname(folder));
}

/** Others may have a spec.json or a folder checkpoint, too. */
function isRun(folder: string): boolean {
  const has = (name: string): boolean => existsSync(path.join(folder, name));
  return (has(SPEC_FILE) && has(EVENTS_FILE)) || has(path.join(CHECKPOINT_FOLDER, NOTE_FILE));
}

/** Through links, and in the letters that the file system has; of what is not there, its folder's. */
function realPlace(file: string): string {
  try {
    return realpathSync.native(file);
  } catch {
    // It is not there yet; or it is a pipe, as /dev/stdout may be, which has no place.
    if (existsSync(file)) return file;
    const link = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink();
    if (link) return realPlace(path.resolve(path.dirname(file), readlinkSync(file)));
  }
  const folder = path.dirname(path.resolve(file));
  return path.join(existsSync(folder) ? realpathSync.native(folder) : folder, path.basename(file));
}
