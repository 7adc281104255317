/** `pff watch`. */
import type { Page } from '../../page/serve.js';
import { attachRun } from '../../run/cluster/attach.js';
import { defineCommand } from '../command.js';
import { placeText } from '../../data/sources/own/place.js';
import { dataDirFlag, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { askedOnePlace, sameDataFlags } from '../flags/data-flags.js';
import { DONE } from '../exit-codes.js';
import { flag, textFlag } from '../flags/flags.js';
import { interruptible, untilAborted } from '../terminal/interrupt.js';
import { oneWord } from '../flags/one-word.js';
import { openPage, pageFlags } from '../flags/page-flags.js';
import { newRunFolder } from '../flags/run-name.js';
import { askedServer, refuseWithoutServer, serverFlags } from '../flags/server-flags.js';

export const watchCommand = defineCommand({
  name: 'watch',
  usage: ['pff watch RUN [options]', 'pff watch FOLDER [options]', 'pff watch RUN --server URL [options]'],
  words: ['folder'],
  about: [
    'FOLDER is one with several runs in it, such as pff-runs: its page lists, filters and groups them, and draws any number of them in one chart.',
    'RUN is the folder that pff train made, of a run that is going on, stopped or finished; with --server it is the name of a run of a cluster. The page is for browsers on this machine, unless --host is given. Ctrl-C ends the page, never the run.',
  ],
  flags: {
    ...pageFlags,
    'no-open': flag('only print the address'),
    ...sameDataFlags,
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    ...serverFlags,
    out: { ...textFlag('DIR', 'with --server: run folder to make'), shownDefault: 'pff-runs/DATE-TIME-watch-RUN' },
  },
  examples: [
    ['pff watch pff-runs/NAME', 'in the browser of this machine'],
    ['pff watch pff-runs', 'all runs of the folder'],
    ['pff watch pff-runs/NAME --host 0.0.0.0', 'for other machines, too; prints an address with a token'],
    ['pff watch NAME --server nats://HOST:4222', 'a run of a cluster'],
    ['pff watch NAME --server nats://HOST:4222 --data measurements.csv', 'one on data of your own'],
  ],
  run: async ({ flags, words }, output) => {
    const run = oneWord('watch', words);
    // Only where it is asked for: $PFF_SERVER alone does not make a folder the name of a cluster's run.
    refuseWithoutServer(flags, ['out']);
    const server = flags.server === undefined ? undefined : askedServer(flags);
    const data = askedOnePlace(flags);
    const dataDir = data === undefined ? flags['data-dir'] : placeText(data);
    const browser = !flags['no-open'];
    await loadPlugin(flags);
    await interruptible(
      () => output.err.line('closing the page'),
      async (signal) => {
        let page: Page | undefined;
        const open = async (folder: string): Promise<void> => {
          page ??= await openPage(folder, flags, output.out, { browser, dataDir });
        };
        try {
          if (server === undefined) await open(run);
          else {
            const out = flags.out ?? newRunFolder('watch', run);
            for await (const event of attachRun({
              server,
              run,
              out,
              data,
              dataDir: flags['data-dir'],
              plugins: flags.plugin,
              analyseEvery: 'seldom',
              signal,
            }))
              if (event.type === 'started' && event.folder !== undefined) await open(event.folder);
          }
          output.err.line('Ctrl-C ends the page');
          await untilAborted(signal);
        } catch (error) {
          if (!signal.aborted) throw error;
        } finally {
          await page?.close();
        }
      },
    );
    return DONE;
  },
});
