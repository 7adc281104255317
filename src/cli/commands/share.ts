/** `pff share`. */
import { shareRun } from '../../page/share/share.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { dataDirFlag } from '../flags/common-flags.js';
import { flag, numberFlag, textFlag } from '../flags/flags.js';
import { askedShare, shareFlags, showCode } from '../flags/share-flags.js';
import { oneRun, requiredServer, requiredServerFlags } from '../flags/server-flags.js';
import { interruptible, untilAborted } from '../terminal/interrupt.js';

const group = 'Browsers as nodes';

export const shareCommand = defineCommand({
  name: 'share',
  usage: ['pff share RUN --server URL [options]'],
  about: [
    'Prints a link, also as a QR code. Whoever opens it in a browser sees what the run is, agrees with one click, and that browser is a node of the run until it is closed: same spec, same bits. Browsers reach the cluster only through this program, and can do nothing there but what nodes of this run do.',
    'In a federated run each browser trains on files that its user picks, which never leave it. It ends when the run ends; Ctrl-C ends it before, and the other nodes go on.',
  ],
  flags: {
    ...requiredServerFlags,
    port: {
      ...numberFlag('N', 'port of the page; 0 for any free one', { whole: true, least: 0 }),
      group,
      shownDefault: '8379, or the next free one',
    },
    host: {
      ...textFlag('ADDRESS', 'let other machines open the link: listen on this address (0.0.0.0: on all)'),
      group,
      shownDefault: '127.0.0.1',
    },
    ...shareFlags,
    data: textFlag('PATH', 'for runs on data of their own: the file or folder that the run was submitted with'),
    'data-dir': dataDirFlag,
    quiet: flag('print the link only'),
  },
  examples: [
    ['pff share first --server nats://127.0.0.1:4222', 'for browsers of this machine'],
    ['pff share first --server nats://127.0.0.1:4222 --host 0.0.0.0', 'for the local network'],
    ['pff share first --server nats://127.0.0.1:4222 --browsers 1 --expires 10', 'for one browser, soon'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const run = oneRun('share', words);
    const server = requiredServer(flags);
    const say = (line: string): void => {
      if (!flags.quiet) err.line(`${new Date().toISOString()} ${line}`);
    };
    const shared = await shareRun({
      server,
      run,
      ...askedShare(flags),
      say,
    });
    out.line(`run ${run} at ${shared.url}`);
    showCode(shared.url, out);
    await interruptible(
      () => err.line('ending; browsers are told'),
      async (signal) => {
        try {
          const end = await Promise.race([shared.ended, untilAborted(signal)]);
          if (end) out.line(`run ${run} is ${end}`);
        } finally {
          await shared.close();
        }
      },
    );
    return DONE;
  },
});
