/** `pff attach`. */
import { attachRun } from '../../run/cluster/attach.js';
import { defineCommand } from '../command.js';
import {
  askedKernels,
  dataDirFlag,
  ganttFlag,
  jsonFlag,
  kernelsFlags,
  loadPlugin,
  pluginFlag,
} from '../flags/common-flags.js';
import { flag, textFlag } from '../flags/flags.js';
import { newRunFolder } from '../flags/run-name.js';
import { oneRun, requiredServer, serverFlags } from '../flags/server-flags.js';
import { showRun } from '../terminal/show-run.js';

export const attachCommand = defineCommand({
  name: 'attach',
  usage: ['pff attach RUN --server URL [options]'],
  flags: {
    ...serverFlags,
    out: { ...textFlag('DIR', 'run folder to make'), shownDefault: 'pff-runs/DATE-TIME-RUN' },
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    ...kernelsFlags(),
    gantt: ganttFlag,
    json: jsonFlag,
    quiet: flag('show no progress'),
  },
  examples: [['pff attach RUN', 'Ctrl-C detaches again; the run goes on']],
  run: async ({ flags, words }, output) => {
    const run = oneRun('attach', words);
    const server = requiredServer(flags);
    await loadPlugin(flags);
    const out = flags.out ?? newRunFolder('run', run);
    return showRun(flags, output, 'detaching; the run goes on', (signal) =>
      attachRun({
        server,
        run,
        out,
        dataDir: flags['data-dir'],
        kernels: askedKernels(flags),
        plugins: flags.plugin,
        signal,
      }),
    );
  },
});
