/**
 * What a saved run has of plugins. Its folder may be somebody else's, so a plugin that it names is never loaded by itself,
 * only one that is given (`--plugin FILE`); where that is missing, the run's note says which one it was.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDataset } from '../data/sources/load.js';
import { commandLine } from '../command-line.js';
import { PffError } from '../errors.js';
import { isKnownName, type RunSpec } from '../spec/spec.js';
import { isStore } from '../store/own-store.js';
import { readNote } from './checkpoint.js';
import { MODEL_FILE } from './folder.js';

/** Names that something is about to be done with. */
export type PartNames = Partial<Pick<RunSpec, 'objective' | 'goodness' | 'negatives' | 'schedule' | 'dataset'>> & {
  readonly store?: string | undefined;
};

/**
 * @param run the run folder, or the model file in it.
 * @throws PffError `usage` for a name that is none of pff's own and that no plugin which was loaded has.
 */
export function checkParts(run: string, names: PartNames): void {
  for (const [kind, name] of Object.entries(names)) {
    if (name === undefined || isKnown(kind as keyof PartNames, name)) continue;
    throw new PffError('usage', `${run} has the ${kind} ${name}, which is of a plugin that is not loaded`, {
      hint: `Give ${missingPlugins(run)}. A run's plugins are never loaded by themselves: give only files that you trust.`,
    });
  }
}

function isKnown(kind: keyof PartNames, name: string): boolean {
  if (kind === 'dataset') return isDataset(name);
  return kind === 'store' ? isStore(name) : isKnownName(kind, name);
}

function missingPlugins(run: string): string {
  const files = pluginsOfRun(path.basename(run) === MODEL_FILE ? path.dirname(run) : run).map((url) =>
    url.startsWith('file:') ? fileURLToPath(url) : url,
  );
  return files.length === 0
    ? 'the plugin that the run was begun with by --plugin FILE'
    : `${commandLine(files.flatMap((file) => ['--plugin', file]))}, with which the run was begun`;
}

/** URLs; none where no note says so. */
function pluginsOfRun(run: string): readonly string[] {
  try {
    return readNote(run).execution.plugins ?? [];
  } catch (error) {
    if (error instanceof PffError) return [];
    throw error;
  }
}
