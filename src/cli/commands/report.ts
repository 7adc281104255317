/** `pff report`. */
import { PffError } from '../../errors.js';
import { writeReport } from '../../page/report.js';
import * as units from '../../report/units.js';
import { defineCommand } from '../command.js';
import { dataDirFlag, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { flag, textFlag } from '../flags/flags.js';

export const reportCommand = defineCommand({
  name: 'report',
  usage: ['pff report RUN… [options]'],
  words: ['folder'],
  about: [
    'RUN is the folder that pff train made. The file shows what pff watch shows, has everything in it, and opens from disk without a network. Several runs are compared: their curves over each other, and how their specs differ.',
  ],
  flags: {
    out: { ...textFlag('FILE', 'the file to write'), shownDefault: 'report.html' },
    'no-analysis': flag(
      'do not look into networks whose log has no analysis: no histograms, units and images of those',
    ),
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
  },
  examples: [
    ['pff report pff-runs/NAME --out run.html', 'one run'],
    ['pff report pff-runs/A pff-runs/B pff-runs/C', 'three runs compared, in report.html'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    if (words.length === 0 || words.length > 8)
      throw new PffError('usage', `pff report takes one to eight runs, but was given ${words.length}`, {
        hint: 'Write pff report RUN…, where RUN is a folder that pff train made.',
      });
    await loadPlugin(flags);
    const file = flags.out ?? 'report.html';
    const bytes = await writeReport(words, file, {
      analyse: !flags['no-analysis'],
      dataDir: flags['data-dir'],
      onRemark: (text) => err.line(`pff: ${text}`),
    });
    out.line(`${file}: ${units.bytes(bytes)}; open it in a browser`);
    return DONE;
  },
});
