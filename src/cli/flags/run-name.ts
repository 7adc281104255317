/** Names of new run folders: `pff-runs/20260102-150405-mnist-goodness`. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** A folder that does not exist yet, under `pff-runs` of the working directory. */
export function newRunFolder(dataset: string, objective: string, now = new Date()): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  // A dataset's name may come from a config file; it must not lead out of the folder.
  const name = `${day}-${time}-${dataset}-${objective}`.replace(/[^\w-]+/g, '_');
  for (let again = 1; ; again++) {
    const folder = path.join('pff-runs', again === 1 ? name : `${name}-${again}`);
    if (!existsSync(folder)) return folder;
  }
}
