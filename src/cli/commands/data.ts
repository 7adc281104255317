/** `pff data`: what datasets there are, where they lie, getting them. */
import path from 'node:path';
import { type DownloadProgress, getDataset, listDatasets } from '../../data/downloads/get.js';
import { cacheFolder } from '../../data/sources/files.js';
import { DATASET_NAMES } from '../../data/sources/load.js';
import { PffError } from '../../errors.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { defineCommand } from '../command.js';
import { jsonFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { textFlag } from '../flags/flags.js';
import { interruptible } from '../terminal/interrupt.js';
import { LiveRegion } from '../terminal/live-region.js';
import type { Output, TextStream } from '../terminal/output.js';
import { didYouMean } from '../../suggest.js';

interface Options {
  readonly from: string | undefined;
  readonly cacheDir: string | undefined;
  readonly json: boolean;
}

const ACTIONS = ['list', 'get', 'path'] as const;

export const dataCommand = defineCommand({
  name: 'data',
  usage: ['pff data', 'pff data get NAME [options]', 'pff data path [NAME] [options]'],
  words: [ACTIONS, DATASET_NAMES],
  about: [
    "MNIST comes with the program. Downloads are checked by their publishers' MD5 sums; one that breaks off goes on where it was when the command is run again.",
  ],
  flags: {
    from: {
      ...textFlag('URL', 'get: a mirror, the address of the folder of the same files'),
      shownDefault: "the publisher's address",
    },
    'cache-dir': {
      ...textFlag('DIR', 'where datasets are kept'),
      shownDefault: "$PFF_CACHE_DIR, or the system's cache folder",
    },
    json: jsonFlag,
  },
  examples: [
    ['pff data', 'which datasets there are'],
    ['pff data get fashion-mnist', 'download Fashion-MNIST, 31 MB'],
    ['pff data path cifar10', 'the folder where it is or would be'],
  ],
  run: async ({ flags, words }, output) => {
    const options: Options = { from: flags.from, cacheDir: flags['cache-dir'], json: flags.json ?? false };
    const [asked = 'list', name, ...more] = words;
    const action = ACTIONS.find((each) => each === asked);
    if (action === undefined)
      throw new PffError('usage', `pff data cannot ${asked}`, {
        hint: didYouMean(asked, ACTIONS, 'Write pff data, pff data get NAME or pff data path [NAME].'),
      });
    if (more.length > 0 || (action === 'list' && name !== undefined))
      throw new PffError('usage', `pff data ${action} does not take ${JSON.stringify(more[0] ?? name)}`);
    if (action === 'get') await get(name, options, output);
    else if (action === 'path') await showPath(name, options, output.out);
    else await list(options, output.out);
    return DONE;
  },
});

async function list({ cacheDir, json }: Options, out: TextStream): Promise<void> {
  const datasets = await listDatasets({ cacheDir });
  if (json) {
    out.line(JSON.stringify(datasets));
    return;
  }
  const rows = datasets.map(({ name, present, bytes, title }) => [
    name,
    present ? 'here' : `pff data get ${name}`,
    units.bytes(bytes),
    title,
  ]);
  const left = { align: 'left' } as const;
  const columns = [
    { title: 'dataset', ...left },
    { title: 'where', ...left },
    { title: 'size' },
    { title: 'what', ...left },
  ];
  for (const line of tableLines(columns, rows)) out.line(line);
  out.line();
  out.line('Your own images: --dataset idx --data-dir DIR with four IDX files, named like those of MNIST.');
}

async function get(name: string | undefined, options: Options, { out, err }: Output): Promise<void> {
  if (name === undefined)
    throw new PffError('usage', 'pff data get needs the name of a dataset', { hint: 'pff data lists them.' });
  const show = downloadDisplay(err);
  const got = await interruptible(
    () => err.line('stopping'),
    (signal) => getDataset(name, { from: options.from, cacheDir: options.cacheDir, signal, onProgress: show.progress }),
  ).finally(show.end);
  out.line(options.json ? JSON.stringify(got) : got.message);
}

async function showPath(name: string | undefined, { cacheDir, json }: Options, out: TextStream): Promise<void> {
  let folder = path.resolve(cacheFolder(cacheDir));
  if (name !== undefined) {
    const datasets = await listDatasets({ cacheDir });
    const found = datasets.find((dataset) => dataset.name === name);
    if (found === undefined) {
      const names = datasets.map((dataset) => dataset.name);
      throw new PffError('usage', `no dataset ${JSON.stringify(name)} is kept`, {
        hint: didYouMean(name, names, `Datasets are ${names.join(', ')}.`),
      });
    }
    folder = found.folder;
  }
  out.line(json ? JSON.stringify({ folder }) : folder);
}

/** A live line on a terminal; elsewhere a line for each tenth of a file. */
function downloadDisplay(err: TextStream): { progress: (progress: DownloadProgress) => void; end: () => void } {
  const region = err.isTerminal ? new LiveRegion(err) : undefined;
  let last = '';
  const progress = ({ file, receivedBytes, totalBytes }: DownloadProgress): void => {
    const of = totalBytes === undefined ? '' : ` of ${units.bytes(totalBytes)}`;
    const text = `${file}  ${units.bytes(receivedBytes)}${of}`;
    if (region) region.draw(() => [text]);
    else {
      const tenth = `${file} ${totalBytes === undefined ? Math.floor(receivedBytes / 1e7) : Math.floor((10 * receivedBytes) / totalBytes)}`;
      if (tenth !== last) err.line(text);
      last = tenth;
    }
  };
  return { progress, end: () => region?.clear() };
}
