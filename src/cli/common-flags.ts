/** Options that several commands have. */
import { kernelsChoices } from '../index.js';
import { choiceFlag, flag, textFlag, type Flag } from './flags.js';

export const kernelsFlag = {
  ...choiceFlag(kernelsChoices, 'arithmetic: auto takes the fastest that this machine has; all give the same bits'),
  shownDefault: 'auto',
};

export const dataDirFlag = textFlag('DIR', "folder of the dataset's files, in place of its usual one");

export const jsonFlag = flag('print one JSON object on stdout, and everything else on stderr');

/** `--gantt` draws on the terminal, `--gantt FILE.svg` into a file. */
export const ganttFlag: Flag<string> = {
  text: 'draw the timeline of the nodes; into FILE.svg if it is named, else as text',
  value: 'FILE.svg',
  takes: (next) => next.endsWith('.svg'),
  parse: (raw) => raw ?? '',
};
