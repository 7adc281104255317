/** The program's version, as its package.json says it, and its build. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { PACKAGE_FOLDER } from '../package-folder.js';

const manifest = JSON.parse(readFileSync(path.join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { version: string };

export const VERSION = manifest.version;

/** What `npm run build` leaves, with the build's id (scripts/build-id.mjs). */
const BUILD_FILE = path.join(PACKAGE_FOLDER, 'dist/build.json');

/**
 * Version and build, such as `0.1.0+27012b17877e`: equal where all code that decides bits, records and wires is. Nodes of a cluster,
 * and whoever submits or shares a run there, must have the same one.
 */
export const PROGRAM = `${VERSION}+${build()}`;

function build(): string {
  try {
    return z.object({ id: z.string().regex(/^[0-9a-f]+$/) }).parse(JSON.parse(readFileSync(BUILD_FILE, 'utf8'))).id;
  } catch {
    // Sources that run without having been built, which only tests of them do.
    return 'unbuilt';
  }
}
