/** Where an exported model may be written: not over what it is read from, nor over what a run keeps in its folder. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { PffError } from '../errors.js';
import { CHECKPOINT_FOLDER, NOTE_FILE } from './checkpoint.js';
import { CLUSTER_FILE } from './cluster/cluster-note.js';
import { EVENTS_FILE, MODEL_FILE, RESULT_FILE, SPEC_FILE } from './folder.js';
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
 * @param source the model file that is read.
 * @throws PffError `usage` if writing `out` would destroy it, or a file of a run
 */
export function checkExportPlace(source: string, out: string): void {
  const place = realPlace(out);
  if (place === realPlace(source))
    throw new PffError('usage', `${out} is the model that is exported: it would be overwritten`, {
      hint: 'Choose another --out.',
    });
  if (isOfRun(place))
    throw new PffError('usage', `${out} is a file of a run's own: exporting there would destroy it`, {
      hint: 'Choose another --out.',
    });
}

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
  if (existsSync(file)) return realpathSync.native(file);
  const folder = path.dirname(path.resolve(file));
  return path.join(existsSync(folder) ? realpathSync.native(folder) : folder, path.basename(file));
}
