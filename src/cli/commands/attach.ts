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
  measuringFlags,
  pluginFlag,
} from '../flags/common-flags.js';
import { askedOnePlace, sameDataFlags } from '../flags/data-flags.js';
import { flag, textFlag } from '../flags/flags.js';
import { newRunFolder } from '../flags/run-name.js';
import { oneRun, requiredServer, requiredServerFlags } from '../flags/server-flags.js';
import { showRun } from '../terminal/show-run.js';

export const attachCommand = defineCommand({
  name: 'attach',
  usage: ['pff attach RUN --server URL [options]'],
  flags: {
    ...requiredServerFlags,
    out: { ...textFlag('DIR', 'run folder to make'), shownDefault: 'pff-runs/DATE-TIME-RUN' },
    ...sameDataFlags,
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    ...kernelsFlags(),
    ...measuringFlags(),
    gantt: ganttFlag,
    json: jsonFlag,
    quiet: flag('show no progress'),
  },
  examples: [
    ['pff attach RUN --server nats://HOST:4222', 'Ctrl-C detaches again; the run goes on'],
    ['pff attach RUN --server nats://HOST:4222 --data measurements.csv', 'a run on data of your own'],
  ],
  run: async ({ flags, words }, output) => {
    const run = oneRun('attach', words);
    const server = requiredServer(flags);
    await loadPlugin(flags);
    const data = askedOnePlace(flags);
    const out = flags.out ?? newRunFolder('run', run);
    return showRun(flags, output, 'detaching; the run goes on', (signal) =>
      attachRun({
        server,
        run,
        out,
        data,
        dataDir: flags['data-dir'],
        kernels: askedKernels(flags),
        validateEvery: flags['validate-every'],
        validateSamples: flags['validate-samples'],
        maxDrop: flags['max-drop'],
        plugins: flags.plugin,
        signal,
      }),
    );
  },
});
