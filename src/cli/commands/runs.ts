/** `pff runs`. */
import { describeLayers } from '../../layers/sizes.js';
import { listRuns } from '../../run/cluster/manage.js';
import { defineCommand } from '../command.js';
import { jsonFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { noWords } from '../flags/flags.js';
import { requiredServer, requiredServerFlags } from '../flags/server-flags.js';

export const runsCommand = defineCommand({
  name: 'runs',
  usage: ['pff runs --server URL'],
  flags: { ...requiredServerFlags, json: jsonFlag },
  examples: [['pff runs --server nats://big-machine:4222', 'all runs that the server knows']],
  run: async ({ flags, words }, { out }) => {
    noWords('runs', words);
    const runs = await listRuns(requiredServer(flags));
    if (flags.json) out.line(JSON.stringify(runs));
    else if (runs.length === 0) out.line('no runs');
    else
      for (const { run, state, dataset, objective, layers, variant, nodes } of runs)
        out.line(`${run}  ${state}  ${dataset}  ${objective}  ${describeLayers(layers)}  ${variant} on ${nodes}`);
    return DONE;
  },
});
