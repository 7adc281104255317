/** `pff stop`. */
import { stopRun } from '../../run/cluster/manage.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { flag } from '../flags/flags.js';
import { keyFlag, oneRun, requiredServer, requiredServerFlags } from '../flags/server-flags.js';

export const stopCommand = defineCommand({
  name: 'stop',
  usage: ['pff stop RUN --server URL [--remove]'],
  flags: { ...requiredServerFlags, remove: flag('drop everything of the run from the server'), key: keyFlag },
  examples: [
    ['pff stop RUN', 'its layers stay on the server; pff fetch RUN gets them'],
    ['pff stop RUN --remove', 'nothing of it stays'],
  ],
  run: async ({ flags, words }, { out }) => {
    const run = oneRun('stop', words);
    const state = await stopRun(requiredServer(flags), run, flags.remove ?? false, flags.key);
    const stopped =
      state === 'open' ? `stopped ${run}` : `${run} ${state === 'failed' ? 'has' : 'is'} ${state} already`;
    out.line(flags.remove ? `removed ${run}` : stopped);
    return DONE;
  },
});
