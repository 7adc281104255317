/** `pff node`. */
import { serveNode } from '../../run/cluster/serve.js';
import { defineCommand } from '../command.js';
import { askedKernels, dataDirFlag, kernelsFlags, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { askedPlace, sameDataFlags } from '../flags/data-flags.js';
import { flag, noWords, numberFlag, textFlag, textsFlag } from '../flags/flags.js';
import { interruptible } from '../terminal/interrupt.js';
import { keyFlag, requiredServer, requiredServerFlags } from '../flags/server-flags.js';

export const nodeCommand = defineCommand({
  name: 'node',
  usage: ['pff node --server URL [options]'],
  about: [
    'A node works on the runs of a server, one after the other, until it is stopped. Nodes may join, leave or crash at any time: the run continues with the remaining nodes, and its bits stay the same. A node joins a run only if it has the same program version, arithmetic and data, and the plugin parts that the run uses.',
    'In a federated run each node trains on its own data, given by --data-dir or --data, which never leaves it. Tables are then scaled as the data that the run was submitted with.',
  ],
  flags: {
    ...requiredServerFlags,
    run: textFlag('NAME', 'work on this run only, and end with it'),
    once: flag('end after the first run that this node can do'),
    'max-memory': {
      ...numberFlag('BYTES', 'refuse runs that may need more memory here', { whole: true, least: 1 }),
      shownDefault: 'all there is',
    },
    'max-task-seconds': numberFlag(
      'N',
      'refuse runs one task of which takes longer here, and leave those that turn out so',
      {
        above: 0,
      },
    ),
    repeat: {
      ...numberFlag('RATE', 'do so many of its tasks (0 to 1) twice and compare: finds bad memory and CPUs', {
        least: 0,
      }),
      shownDefault: '0',
    },
    'max-update': numberFlag(
      'N',
      'refuse layer states that moved, since this node last had the layer, by more than N times its norm',
      { above: 0 },
    ),
    datasets: textsFlag('NAME,…', 'refuse runs on other datasets, before anything is loaded'),
    threads: { ...numberFlag('N', 'threads of the kernels', { whole: true, least: 1 }), shownDefault: 'all cores' },
    slot: numberFlag('N', 'federated: take this slot (from 1) and no other', { whole: true, least: 1 }),
    ...kernelsFlags(),
    ...sameDataFlags,
    data: textFlag(
      'PATH',
      'for runs on data of their own: the same file or folder, unchanged; in a federated run, what this node trains on',
    ),
    'data-dir': dataDirFlag,
    init: textFlag('RUN', 'the model that runs begin with (--init of pff train): a run folder or a safetensors file'),
    key: keyFlag,
    plugin: pluginFlag,
    quiet: flag('say nothing but errors'),
  },
  examples: [
    ['pff node --server nats://big-machine:4222', 'serve until Ctrl-C'],
    ['pff node --server tls://cluster.example.org:4222 --creds node.creds --threads 4', 'over TLS, with credentials'],
    ['pff node --server nats://hub:4222 --data iris.csv', 'for runs on that file'],
    ['pff node --server nats://hub:4222 --run hospitals --slot 2 --data-dir ./our-images', 'a federated run'],
  ],
  run: async ({ flags, words }, { err }) => {
    noWords('node', words);
    const server = requiredServer(flags);
    await loadPlugin(flags);
    const say = (line: string): void => {
      if (!flags.quiet) err.line(`${new Date().toISOString()} ${line}`);
    };
    await interruptible(
      () => say('leaving; Ctrl-C again ends at once'),
      async (signal) => {
        try {
          await serveNode({
            server,
            run: flags.run,
            once: flags.once,
            maxMemory: flags['max-memory'],
            maxTaskSeconds: flags['max-task-seconds'],
            repeat: flags.repeat,
            maxUpdate: flags['max-update'],
            datasets: flags.datasets,
            kernels: askedKernels(flags),
            threads: flags.threads,
            dataDir: flags['data-dir'],
            init: flags.init,
            key: flags.key,
            data: askedPlace(flags),
            slot: flags.slot === undefined ? undefined : flags.slot - 1,
            signal,
            say,
          });
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      },
    );
    return DONE;
  },
});
