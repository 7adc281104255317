/** `pff fetch`. */
import { fetchModel } from '../../run/cluster/fetch-model.js';
import { defineCommand } from '../command.js';
import { jsonFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { textFlag } from '../flags/flags.js';
import { oneRun, requiredServer, requiredServerFlags } from '../flags/server-flags.js';

export const fetchCommand = defineCommand({
  name: 'fetch',
  usage: ['pff fetch RUN --server URL [--out DIR]'],
  flags: {
    ...requiredServerFlags,
    out: { ...textFlag('DIR', 'folder to make for the model'), shownDefault: 'pff-runs/RUN' },
    json: jsonFlag,
  },
  examples: [['pff fetch RUN', 'then pff eval pff-runs/RUN']],
  run: async ({ flags, words }, { out, err }) => {
    const run = oneRun('fetch', words);
    const model = await fetchModel(requiredServer(flags), run, flags.out ?? `pff-runs/${run}`, {
      say: (line) => err.line(`pff: ${line}`),
    });
    if (flags.json) out.line(JSON.stringify(model));
    else {
      out.line(`${model.folder}: ${model.finished ? 'finished' : `${model.chapters} chapters`}`);
      out.line(`model digest ${model.modelDigest}`);
    }
    return DONE;
  },
});
