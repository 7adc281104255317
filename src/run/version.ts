/** The program's version, as its package.json says it, and with its build. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BUILD } from '../node/threads/build.js';
import { PACKAGE_FOLDER } from '../package-folder.js';

const manifest = JSON.parse(readFileSync(path.join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { version: string };

export const VERSION = manifest.version;

/**
 * Version and build, such as `0.1.0+27012b17877e`: equal where all code that decides bits, records and wires is. Nodes of a cluster,
 * and whoever submits or shares a run there, must have the same one.
 */
export const PROGRAM = `${VERSION}+${BUILD}`;
