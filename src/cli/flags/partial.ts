/** What is said of a model that an interrupted run left. */
import path from 'node:path';
import { commandLine } from '../../command-line.js';
import { partialModel } from '../../run/saved-model.js';

/** Undefined for the model of a whole run. */
export function partialNote(run: string, verify: boolean, plugins: readonly string[] = []): string | undefined {
  const folder = path.basename(run) === 'model.safetensors' ? path.dirname(run) : run;
  const resume = commandLine(['pff', 'train', '--resume', folder, ...plugins.flatMap((file) => ['--plugin', file])]);
  const partial = partialModel(run, { verify });
  return partial && `a model of an interrupted run: ${partial.chapters} of ${partial.of} chapters; ${resume} goes on`;
}
