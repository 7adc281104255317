/** Names of new run folders: `pff-runs/20260102-150405-mnist-goodness`. */
import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../../errors.js';
import { makeFolder } from '../../run/folder.js';

/**
 * A folder under `runs` that is there from now on, and empty: of trainings that begin in the same second
 * each has its own. One that stays empty is removed at the end.
 */
export function newRunFolder(dataset: string, objective: string, now = new Date(), runs = 'pff-runs'): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  // A dataset's name may come from a config file; it must not lead out of the folder.
  const name = `${day}-${time}-${dataset}-${objective}`.replace(/[^\w-]+/g, '_');
  for (let again = 1; ; again++) {
    const folder = path.join(runs, again === 1 ? name : `${name}-${again}`);
    if (reserved(folder)) return folder;
  }
}

/** False where it is somebody's. What keeps it from being made is told by who uses it. */
function reserved(folder: string): boolean {
  const parent = path.dirname(folder);
  try {
    makeFolder(parent);
    mkdirSync(folder);
  } catch (error) {
    return codeOf(error) !== 'EEXIST';
  }
  process.once('exit', () => {
    // Of several programs in the same folder the last one leaves nothing behind, whichever made it.
    for (const each of [folder, parent])
      try {
        rmdirSync(each);
      } catch {
        // It is not empty: there is a run in it.
      }
  });
  return true;
}
