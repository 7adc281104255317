/** `pff data`: what datasets there are, where they lie, getting them. */
import path from 'node:path';
import { type DownloadProgress, getDataset, listDatasets } from '../../data/downloads/get.js';
import type { Dataset } from '../../data/dataset.js';
import { cacheFolder } from '../../data/sources/files.js';
import { DATASET_NAMES } from '../../data/dataset-names.js';
import { PffError } from '../../errors.js';
import { checkData, dataCheckLines } from '../../report/data-check.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { fitToData } from '../../run/fit-to-data.js';
import { resolveSpec } from '../../spec/spec.js';
import { defineCommand } from '../command.js';
import { jsonFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { askedData, dataFlags } from '../flags/data-flags.js';
import { specFlags, specFromFlags } from '../flags/spec-flags.js';
import { textFlag, type Flag } from '../flags/flags.js';
import { interruptible } from '../terminal/interrupt.js';
import { LiveRegion } from '../terminal/live-region.js';
import type { Output, TextStream } from '../terminal/output.js';
import { didYouMean } from '../../suggest.js';

interface Options {
  readonly from: string | undefined;
  readonly cacheDir: string | undefined;
  readonly json: boolean;
}

const ACTIONS = ['list', 'get', 'path', 'check'] as const;

/** Fields of a spec that say how data of one's own are read. */
const READING = ['label-column', 'ignore-columns', 'missing', 'split-seed', 'image-size'] as const;

export const dataCommand = defineCommand({
  name: 'data',
  usage: ['pff data', 'pff data get NAME [options]', 'pff data path [NAME] [options]', 'pff data check PATH [options]'],
  words: [ACTIONS, DATASET_NAMES],
  about: [
    "MNIST comes with the program. Downloads are checked by their publishers' MD5 sums; if one is interrupted, the same command continues it.",
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
    test: dataFlags.test,
    validation: dataFlags.validation,
    ...Object.fromEntries(READING.map((name) => [name, specFlags[name] as Flag<unknown>])),
    json: jsonFlag,
  },
  examples: [
    ['pff data', 'which datasets there are'],
    ['pff data get fashion-mnist', 'download Fashion-MNIST, 31 MB'],
    ['pff data path cifar10', 'the folder where it is or would be'],
    ['pff data check measurements.csv', 'what is seen in data of your own, and what pff would do with them'],
  ],
  run: async ({ flags, words }, output) => {
    const options: Options = { from: flags.from, cacheDir: flags['cache-dir'], json: flags.json ?? false };
    const [asked = 'list', name, ...more] = words;
    const action = ACTIONS.find((each) => each === asked);
    if (action === undefined)
      throw new PffError('usage', `pff data cannot ${asked}`, {
        hint: didYouMean(
          asked,
          ACTIONS,
          'Write pff data, pff data get NAME, pff data path [NAME] or pff data check PATH.',
        ),
      });
    if (more.length > 0 || (action === 'list' && name !== undefined))
      throw new PffError('usage', `pff data ${action} does not take ${JSON.stringify(more[0] ?? name)}`);
    if (action === 'get') await get(name, options, output);
    else if (action === 'path') await showPath(name, options, output.out);
    else if (action === 'check') await check(name, flags, output.out);
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
  out.line(
    'Data of your own (tables, images, arrays): pff train --data PATH; pff data check PATH says what is seen in them.',
  );
}

async function check(data: string | undefined, given: GivenCheck, out: TextStream): Promise<void> {
  if (data === undefined)
    throw new PffError('usage', 'pff data check needs a file or folder', {
      hint: 'Write pff data check measurements.csv.',
    });
  const { dataDir, spec } = askedData({ data, ...given });
  const asked = { ...specFromFlags(given), ...spec };
  const fitted = await fitToData(asked, { dataDir });
  const { layers, epochs, batch, splits } = resolveSpec(fitted.spec);
  const found = checkData(fitted.dataset as Dataset, { layers, epochs, batch, splits });
  if (given.json) out.line(JSON.stringify(found));
  else for (const line of dataCheckLines(found, out.paint.bold)) out.line(line);
}

type GivenCheck = Readonly<Record<string, unknown>> & { readonly test?: string; readonly validation?: string };

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
