/** What makes the native kernels on this machine: an installed package has neither the sources of the program nor their build. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { commandLine } from '../../command-line.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';

export function buildCommand(): string {
  return existsSync(path.join(PACKAGE_FOLDER, 'src'))
    ? 'npm run build'
    : commandLine(['node', path.join(PACKAGE_FOLDER, 'scripts/build-native.mjs')]);
}
