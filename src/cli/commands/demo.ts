/** `pff demo`. */
import path from 'node:path';
import { demoApp } from '../../page/demo/demo-app.js';
import { demoFiles } from '../../page/demo/demo-files.js';
import { cannotServe } from '../../page/cannot-serve.js';
import { closeServer, listen } from '../../page/listen.js';
import { makeFolderFor, writeWhole } from '../../run/folder.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { noWords, numberFlag, textFlag } from '../flags/flags.js';
import { checkPort } from '../flags/page-flags.js';
import { interruptible, untilAborted } from '../terminal/interrupt.js';

export const demoCommand = defineCommand({
  name: 'demo',
  usage: ['pff demo [options]'],
  about: [
    'A page that trains a network on MNIST in the browser, by WebAssembly, with live figures; it reads digits that are drawn on it. Nothing is computed by the server, and nothing is sent to it.',
    'Ctrl-C ends it. With --out the files are written to a folder instead, for any web server.',
  ],
  flags: {
    port: {
      ...numberFlag('N', 'port of the page; 0 for any free one', { whole: true, least: 0 }),
      shownDefault: '8380, or the next free one',
    },
    host: {
      ...textFlag('ADDRESS', 'let other machines open it, too: listen on this address'),
      shownDefault: '127.0.0.1',
    },
    out: textFlag('DIR', 'write the files of the page to this folder, and end'),
  },
  examples: [
    ['pff demo', 'for the browser of this machine'],
    ['pff demo --out site', 'files for any web server'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    noWords('demo', words);
    checkPort(flags.port);
    const files = await demoFiles();
    if (flags.out !== undefined) {
      makeFolderFor(flags.out, 'folder of the page');
      for (const [name, body] of files) writeWhole(path.join(flags.out, name), body);
      out.line(`${files.size} files are in ${flags.out}`);
      return DONE;
    }
    const host = flags.host ?? '127.0.0.1';
    const { server, port } = await listen(demoApp(files), { port: flags.port, host, first: 8380 }).catch(
      (error: unknown) => {
        throw cannotServe('page', { host, port: flags.port }, error);
      },
    );
    const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host;
    out.line(`page at http://${shown}:${port}/`);
    await interruptible(
      () => err.line('closing the page'),
      async (signal) => {
        try {
          await untilAborted(signal);
        } finally {
          await new Promise<void>((resolve) => closeServer(server, resolve));
        }
      },
    );
    return DONE;
  },
});
