/** `pff serve-model`. */
import { serveModel } from '../../page/model/serve-model.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import {
  askedKernels,
  dataDirFlag,
  kernelsFlags,
  loadPlugin,
  noVerifyFlag,
  pluginFlag,
} from '../flags/common-flags.js';
import { numberFlag, textFlag } from '../flags/flags.js';
import { oneWord } from '../flags/one-word.js';
import { interruptible, untilAborted } from '../terminal/interrupt.js';

export const serveModelCommand = defineCommand({
  name: 'serve-model',
  usage: ['pff serve-model RUN [options]'],
  words: ['folder'],
  about: [
    'Answers predictions over HTTP. POST /predict takes an image (PNG, JPEG, WebP), a table (CSV, JSON lines, Parquet) or JSON: {"rows": [{"column": value, …}, …]} or {"rows": [[value, …], …]}. Requests that come at once pass through the network together. GET /model says what it takes, /health whether it is there, /metrics how much it did (for Prometheus); / is a page to draw an image, drop one, or fill in a row.',
    'Without --host only this machine is answered. Ctrl-C ends it.',
  ],
  flags: {
    port: { ...numberFlag('N', 'port; 0 for any free one', { whole: true, least: 0 }), shownDefault: '8378' },
    host: {
      ...textFlag('ADDRESS', 'let other machines use it, too: listen on this address; they need the token'),
      shownDefault: '127.0.0.1',
    },
    token: {
      ...textFlag('TEXT', 'token of the service, as Authorization: Bearer TEXT; or $PFF_MODEL_TOKEN'),
      shownDefault: 'with --host: made up and printed',
    },
    threads: { ...numberFlag('N', 'threads of the kernels', { whole: true, least: 1 }), shownDefault: '1' },
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    ...kernelsFlags(),
    'no-verify': noVerifyFlag,
  },
  examples: [
    ['pff serve-model pff-runs/NAME', 'for this machine: a page, and /predict'],
    ['curl --data-binary @digit.png http://127.0.0.1:8378/predict', 'an image'],
    ['curl --data-binary @rows.csv http://127.0.0.1:8378/predict', 'rows of a table'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const run = oneWord('serve-model', words);
    await loadPlugin(flags);
    const served = await serveModel(run, {
      port: flags.port,
      host: flags.host,
      token: flags.token ?? (process.env['PFF_MODEL_TOKEN'] || undefined),
      threads: flags.threads,
      kernels: askedKernels(flags),
      dataDir: flags['data-dir'],
      verify: !flags['no-verify'],
    });
    out.line(`model at ${served.url}`);
    await interruptible(
      () => err.line('ending the service'),
      async (signal) => {
        try {
          await untilAborted(signal);
        } finally {
          await served.close();
        }
      },
    );
    return DONE;
  },
});
