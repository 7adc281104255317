/** The build of the program: by what two of its parts are told apart that must compute the same (scripts/build-id.mjs). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { PffError } from '../../errors.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';

/** Hex digits; `unbuilt` for sources that run without having been built. */
export const BUILD = buildNow();

/** The build whose files lie in dist/ now. */
function buildNow(): string {
  try {
    const text = readFileSync(path.join(PACKAGE_FOLDER, 'dist/build.json'), 'utf8');
    return z.object({ id: z.string().regex(/^[0-9a-f]+$/) }).parse(JSON.parse(text)).id;
  } catch {
    return 'unbuilt';
  }
}

/** Before files of the build are loaded that are not loaded yet. @throws PffError `files` where they are another build's by now */
export function checkBuild(): void {
  const now = buildNow();
  if (now !== BUILD)
    throw new PffError('files', `pff was built anew (${BUILD}, now ${now}) while this process ran`, {
      hint: 'Start it again: its threads would compute with the new build, and it with the old one.',
    });
}
