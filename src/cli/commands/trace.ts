/** `pff trace`: the timeline of a run for Perfetto. */
import path from 'node:path';
import { PffError } from '../../errors.js';
import { traceOfRun } from '../../report/trace.js';
import { writeWhole } from '../../run/folder.js';
import { writeUserFile } from '../../run/user-file.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { textFlag } from '../flags/flags.js';

export const traceCommand = defineCommand({
  name: 'trace',
  usage: ['pff trace RUN [options]'],
  words: ['folder'],
  about: [
    'RUN is the folder that pff train made. The file is a Chrome trace: open it at ui.perfetto.dev or chrome://tracing. It shows what each node did when, and what it waited for.',
  ],
  flags: { out: { ...textFlag('FILE', 'the file to write'), shownDefault: 'RUN/trace.json' } },
  examples: [['pff trace pff-runs/NAME', 'writes pff-runs/NAME/trace.json']],
  run: ({ flags, words }, { out }) => {
    const [run] = words;
    if (run === undefined || words.length > 1)
      throw new PffError('usage', 'pff trace takes one run', { hint: 'Write pff trace RUN.' });
    const trace = traceOfRun(run);
    const file = flags.out ?? path.join(run, 'trace.json');
    const text = JSON.stringify(trace);
    // In a run folder it may be a link to somewhere else: replaced, not written into.
    if (flags.out === undefined) writeWhole(file, text);
    else writeUserFile(file, text);
    out.line(`${file}: ${trace.traceEvents.length} events; open it at ui.perfetto.dev`);
    return Promise.resolve(DONE);
  },
});
