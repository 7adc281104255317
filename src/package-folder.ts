/** The folder of this package: where dist/, runs/ and the native addon lie, whichever of its modules or chunks asks. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function find(): string {
  // This module is in src/, in a chunk under dist/, or in the build of a benchmark.
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && path.dirname(folder) !== folder)
    folder = path.dirname(folder);
  return folder;
}

export const PACKAGE_FOLDER = find();
