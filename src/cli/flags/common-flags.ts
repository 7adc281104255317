/** Options that several commands have. */
import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf, PffError } from '../../errors.js';
import { isKernelsChoice, kernelsChoices, onGpu, type KernelsChoice } from '../../kernels/choices.js';
import { loadPlugins, pluginUrl } from '../../node/threads/plugins.js';
import { noteForeignCode } from '../foreign-code.js';
import { choiceFlag, flag, numberFlag, textFlag, type Flag } from './flags.js';

const named = choiceFlag(
  kernelsChoices,
  'arithmetic: auto takes the fastest that this machine has, but no GPU; all give the same bits',
);

/** `webgpu:1` is what `--gpu 1` makes of it. */
const kernelsFlag: Flag<KernelsChoice> = {
  ...named,
  shownDefault: 'auto',
  parse: (raw, name) => (raw !== undefined && isKernelsChoice(raw) ? raw : named.parse(raw, name)),
};

const gpuFlag = textFlag(
  'GPU',
  'compute on this GPU: its number, or a part of its name, as pff doctor lists them; means --kernels webgpu',
);

/** Of each command that computes. @param where what they have besides, such as the group of the help */
export function kernelsFlags(where: Pick<Flag<unknown>, 'group'> = {}) {
  return { kernels: { ...kernelsFlag, ...where }, gpu: { ...gpuFlag, ...where, shownDefault: 'the fastest' } };
}

interface GivenKernels {
  readonly kernels?: KernelsChoice;
  readonly gpu?: string;
}

/** What `--kernels` and `--gpu` ask for together. @throws PffError `usage` where they contradict each other */
export function askedKernels({ kernels, gpu }: GivenKernels): KernelsChoice | undefined {
  if (gpu === undefined) return kernels;
  if (kernels === undefined || kernels === 'webgpu') return onGpu(gpu);
  throw new PffError('usage', `--gpu ${gpu} is of webgpu kernels, but --kernels is ${kernels}`, {
    hint: 'Leave one of them out.',
  });
}

export const dataDirFlag = textFlag('DIR', "folder of the dataset's files, in place of its usual one");

/** How accuracy is measured while a run goes on. @param where as of `kernelsFlags` */
export function measuringFlags(where: Pick<Flag<unknown>, 'group'> = {}) {
  return {
    'validate-every': {
      ...numberFlag('N', 'measure accuracy on held-out samples after every N chapters; 0 for never', {
        whole: true,
        least: 0,
      }),
      ...where,
      shownDefault:
        'so seldom that it costs 0.6 % of the arithmetic, less than 1 % of the time; on a cluster at most 20 times',
    },
    'validate-samples': {
      ...numberFlag('N', 'on how many of the held-out samples', { whole: true, least: 1 }),
      ...where,
      shownDefault: 'at most 2000, by the same bound',
    },
    'max-drop': {
      ...numberFlag(
        'X',
        'say so when measured accuracy, or that of one layer alone, falls by more than X (0 to 1) below its best so far, and on whose data',
        {
          least: 0,
        },
      ),
      ...where,
    },
  };
}

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
  if (plugin === undefined) return;
  for (const file of plugin) notePlugin(file);
  await loadPlugins(plugin);
}

/** What it throws later, where nobody waits for it, is its own fault. */
export function notePlugin(file: string): void {
  const url = pluginUrl(file);
  noteForeignCode(url, file);
  // Stacks have files by their real names.
  const place = url.startsWith('file:') ? fileURLToPath(url) : undefined;
  if (place !== undefined && existsSync(place)) noteForeignCode(pathToFileURL(realpathSync(place)).href, file);
}
