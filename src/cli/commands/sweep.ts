/** `pff sweep`. */
import { readTextFile } from '../../data/sources/regular-file.js';
import { messageOf, PffError } from '../../errors.js';
import { parseSweep, runSweep } from '../../reproduce/sweep.js';
import type { Sweep } from '../../reproduce/sweep-plan.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { askedKernels, dataDirFlag, jsonFlag, kernelsFlags, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { flag, numberFlag, textFlag } from '../flags/flags.js';
import { oneWord } from '../flags/one-word.js';
import {
  askedServer,
  refuseWithoutServer,
  serverFlags,
  submissionFlags,
  submissionOptions,
} from '../flags/server-flags.js';
import { showSweep } from '../terminal/show-sweep.js';

export const sweepCommand = defineCommand({
  name: 'sweep',
  usage: ['pff sweep FILE [options]'],
  words: ['file'],
  about: [
    'FILE is JSON: {"spec": {fields that all trainings have}, "data": "PATH of data of your own", "grid": {"learningRate": [0.01, 0.02], "dropout": [0, 0.1]}, "seeds": 3}. In place of "grid", "random": {"trials": 20, "seed": 1, "fields": {"learningRate": {"from": 0.001, "to": 0.1, "scale": "log"}, "batch": {"values": [32, 64]}}}. With "halving": {"epochs": 2, "factor": 3, "rungs": 3} all settings are trained for 2 epochs, the best third of them for 6, and of those the best third for 18; epochs and splits are then its own, and may not be said.',
    'With --parallel several trainings go on at once. With --server they are submitted to the nodes of a cluster (pff node), which need the data and plugins of the sweep; the table is the same. A run that is finished and is in its folder here is removed from the server.',
    'Settings are compared by accuracy on validation samples. Unless the spec says otherwise, these are a tenth of data of your own or of trainSamples, and of a whole dataset a tenth of its training samples, at most 5000; of such a dataset the test samples are not looked at. Each training has a run folder of its own. After any stop, the same command continues the sweep, and gives the same table.',
  ],
  flags: {
    out: { ...textFlag('DIR', 'folder of the runs'), shownDefault: 'pff-sweeps/ and the name of FILE' },
    parallel: {
      ...numberFlag('N', 'so many trainings at once; here they share the threads of this machine', {
        whole: true,
        least: 1,
      }),
      shownDefault: '1; 4 on a cluster',
    },
    nodes: {
      ...numberFlag('N', 'nodes of each training: worker threads here', { whole: true, least: 1 }),
      shownDefault: '1',
    },
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    ...kernelsFlags(),
    json: jsonFlag,
    quiet: flag('show no progress'),
    ...serverFlags,
    ...submissionFlags,
  },
  examples: [
    ['pff sweep rates.json', 'each setting of the file, and a table of them, the best one first'],
    ['pff sweep rates.json --parallel 4', 'four trainings at once'],
    ['pff sweep rates.json --server nats://HOST:4222', 'on the nodes of a cluster'],
  ],
  run: async ({ flags, words }, output) => {
    const file = oneWord('sweep', words);
    refuseWithoutServer(flags);
    await loadPlugin(flags);
    const sweep = readSweep(file);
    // Only where it is asked for: $PFF_SERVER alone does not send a sweep away.
    const server = flags.server === undefined ? undefined : askedServer(flags);
    const out = flags.out ?? `pff-sweeps/${file.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '')}`;
    await showSweep(
      (signal) =>
        runSweep(sweep, {
          out,
          nodes: flags.nodes,
          parallel: flags.parallel,
          cluster: server && { server, ...submissionOptions(flags) },
          kernels: askedKernels(flags),
          plugins: flags.plugin,
          dataDir: flags['data-dir'],
          signal,
        }),
      { json: flags.json ?? false, quiet: flags.quiet ?? false, again: 'the same command' },
      output,
    );
    return DONE;
  },
});

function readSweep(file: string): Sweep {
  let value: unknown;
  try {
    value = JSON.parse(readTextFile(file));
  } catch (error) {
    throw new PffError('usage', `${file} cannot be read as a sweep: ${messageOf(error)}`, {
      hint: 'Give a JSON file; pff help sweep shows one.',
      cause: error,
    });
  }
  return parseSweep(value, file);
}
