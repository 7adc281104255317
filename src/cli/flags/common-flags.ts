/** Options that several commands have. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { messageOf, PffError } from '../../errors.js';
import { kernelsChoices } from '../../kernels/open.js';
import { loadPlugins } from '../../node/threads/plugins.js';
import { choiceFlag, flag, textFlag, type Flag } from './flags.js';

export const kernelsFlag = {
  ...choiceFlag(kernelsChoices, 'arithmetic: auto takes the fastest that this machine has; all give the same bits'),
  shownDefault: 'auto',
};

export const dataDirFlag = textFlag('DIR', "folder of the dataset's files, in place of its usual one");

/** A run folder never names code that is then run: whoever opens a run with own parts gives the file. */
export const pluginFlag: Flag<readonly string[]> = {
  text: 'module that registers objectives, goodness functions, negatives, schedules, stores or datasets of your own; may be repeated',
  value: 'FILE',
  repeats: true,
  parse: (raw) => [raw ?? ''],
};

export const jsonFlag = flag('print one JSON object on stdout, and everything else on stderr');

/** For looking at a damaged file. */
export const noVerifyFlag = flag(
  'read a damaged model as it is, without comparing it with the digests that it carries',
);

/** `--gantt` draws on the terminal, `--gantt FILE.svg` into a file, whose folder must be there before anything begins. */
export const ganttFlag: Flag<string> = {
  text: 'draw the timeline of the nodes; into FILE.svg if it is named, else as text',
  value: 'FILE.svg',
  takes: (next) => next.endsWith('.svg'),
  parse: (raw) => {
    if (raw) checkWritable(raw, 'gantt');
    return raw ?? '';
  },
};

/** @throws PffError `files` where a file cannot be written because of the folder that it would lie in, or because it is one. */
function checkWritable(file: string, name: string): void {
  const folder = path.dirname(file);
  try {
    accessSync(folder, constants.W_OK);
    if (existsSync(file) && statSync(file).isDirectory()) throw new Error(`${file} is a folder`);
  } catch (error) {
    throw new PffError('files', `--${name} cannot write ${file}: ${messageOf(error)}`, {
      hint: `Make the folder ${folder} first, or name another file.`,
      cause: error,
    });
  }
}

/** Loads what `--plugin` names. */
export async function loadPlugin({ plugin }: { readonly plugin?: readonly string[] }): Promise<void> {
  if (plugin !== undefined) await loadPlugins(plugin);
}
