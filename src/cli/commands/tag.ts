/** `pff tag`: words and a note for runs. */
import { PffError } from '../../errors.js';
import { localRun } from '../../run/list-runs.js';
import { changeTags, checkTags, readTags } from '../../run/tags.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { jsonFlag } from '../flags/common-flags.js';
import { flag, textFlag, textsFlag } from '../flags/flags.js';

export const tagCommand = defineCommand({
  name: 'tag',
  usage: ['pff tag RUN… [options]'],
  words: ['folder'],
  about: [
    'Tags and notes are for people: they change no bits and no digest. Without --add, --remove and --note, those of the runs are shown. pff list --tag finds them, and pff watch shows them.',
  ],
  flags: {
    add: textsFlag('TAG,…', 'tags to add'),
    remove: textsFlag('TAG,…', 'tags to take away'),
    note: textFlag('TEXT', 'a note in place of the one that there is'),
    'no-note': flag('take the note away'),
    json: jsonFlag,
  },
  examples: [
    ['pff tag pff-runs/A pff-runs/B --add baseline,paper', 'two tags for two runs'],
    ['pff tag pff-runs/A --remove paper --note "lower rate, see B"', 'one less, and a note'],
    ['pff tag pff-runs/A', 'what it has'],
  ],
  run: ({ flags, words }, { out }) => {
    if (words.length === 0)
      throw new PffError('usage', 'pff tag takes one run or more', {
        hint: 'Write pff tag RUN… --add TAG; pff list shows which runs there are.',
      });
    const { add, remove } = flags;
    if (flags.note !== undefined && flags['no-note'])
      throw new PffError('usage', '--note and --no-note were given', { hint: 'Leave one of them out.' });
    const note = flags['no-note'] ? '' : flags.note;
    checkTags({ add, remove, note });
    // Each must be a run before any is changed.
    for (const word of words) localRun(word);
    const changes = add !== undefined || remove !== undefined || note !== undefined;
    const found = words.map((run) => ({
      run,
      ...(changes ? changeTags(run, { add, remove, note }) : readTags(run)),
    }));
    if (flags.json) out.line(JSON.stringify(found));
    else
      for (const { run, tags, note: text } of found) {
        out.line(`${run}: ${tags.join(', ') || 'no tags'}`);
        if (text !== '') out.line(`  ${text}`);
      }
    return Promise.resolve(DONE);
  },
});
