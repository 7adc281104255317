/** What a program without types may ask of the library: each wrong request is a PffError that says what is wrong. */
import { expect, it } from 'vitest';
import {
  datasetFromArrays,
  evaluateRun,
  exportModel,
  importModel,
  loadData,
  loadDataset,
  loadIdx,
  loadImageFolder,
  loadNpz,
  PffError,
  predictImages,
  readImageFile,
  resolveSpec,
  sweep,
  train,
  trainToEnd,
} from '../../src/index.js';
import { train as trainInBrowser } from '../../src/in-browser/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const dataset = toyDataset(40, 20);
const spec = toySpec({ epochs: 1, layers: [36, 8, 8] });
const shape = { width: 6, height: 6, channels: 1 };
type Loose = (...given: readonly unknown[]) => unknown;
/** As a program without types may call it. */
const loose = (call: unknown): Loose => call as Loose;
const on = (given: unknown, more: object = {}): Promise<unknown> =>
  loose(trainToEnd)({ spec, ...more }, given) as Promise<unknown>;
const withPart = (part: object): object => ({ ...dataset, train: { ...dataset.train, ...part } });

it.each<[string, () => unknown, RegExp]>([
  ['a dataset that is not awaited', () => on(Promise.resolve(dataset)), /^data: .*a promise of one.*\| Write await/],
  ['null for a dataset', () => on(null), /^data: the second argument of train is no dataset: it is null/],
  ['a list for a dataset', () => on([]), /^data: .*is no dataset: it has no name/],
  ['a dataset without test samples', () => on({ ...dataset, test: undefined }), /^data: .*it has no test/],
  ['a dataset without a digest', () => on({ ...dataset, digest: undefined }), /^data: .*it has no digest/],
  ['a dataset without a shape', () => on({ ...dataset, shape: undefined }), /^data: .*it has no shape/],
  ['a dataset whose shape is half', () => on({ ...dataset, shape: { width: 36 } }), /^data: .*the shape must have/],
  ['a dataset with one text of classes', () => on({ ...dataset, classes: 'abcd' }), /^data: .*classes must be a list/],
  ['images as a list', () => on(withPart({ images: [...dataset.train.images] })), /^data: .*images of train must be/],
  ['labels as a list', () => on(withPart({ labels: [...dataset.train.labels] })), /^data: .*labels of train must be/],
  ['validation that is none', () => on({ ...dataset, validation: 5 }), /^data: .*validation has no count/],
  ['a number for a folder', () => on(dataset, { out: 5 }), /^usage: out of train must be a text, but is 5/],
  ['a text for a signal', () => on(dataset, { signal: 'x' }), /^usage: signal of train must be an AbortSignal/],
  ['a number for a spec', () => on(dataset, { spec: 5 }), /^usage: a spec must be an object of fields, but is 5/],
  ['null for a spec', () => on(dataset, { spec: null }), /^usage: a spec must be an object of fields, but is null/],
  ['no path of data', () => loose(trainToEnd)({ data: {} }), /^usage: the path data of data must be a text/],
  ['a number for data', () => loose(trainToEnd)({ data: 5 }), /^usage: data must be a path, or paths/],
  ['options that are not awaited', () => loose(trainToEnd)(Promise.resolve({})), /^usage: .*a promise of one/],
  [
    'a text for options',
    () => loose(train)('spec.json'),
    /^usage: train takes an object of options, but was given a string/,
  ],
  ['no options of arrays', () => loose(datasetFromArrays)(), /^usage: datasetFromArrays takes an object of options/],
  ['no options of an export', () => loose(exportModel)('run'), /^usage: exportModel takes an object of options/],
  ['no options of an import', () => loose(importModel)('file'), /^usage: importModel takes an object of options/],
  ['no options of a dataset', () => loose(loadDataset)(), /^usage: loadDataset takes an object of options/],
  ['a name for options of a dataset', () => loose(loadDataset)('mnist'), /^usage: loadDataset takes an object/],
  ['no place of data', () => loose(loadData)(), /^usage: data must be a path, or paths/],
  ['no folder of IDX files', () => loose(loadIdx)(), /^usage: the folder of loadIdx must be a text/],
  ['no folder of images', () => loose(loadImageFolder)(), /^usage: the folder of loadImageFolder must be a text/],
  ['no file of arrays', () => loose(loadNpz)(), /^usage: the file of loadNpz must be a text/],
  ['no file of an image', () => loose(readImageFile)(undefined, shape), /^usage: the path of readImageFile must be/],
  ['no shape of an image', () => loose(readImageFile)('digit.png'), /^data: digit.png: the shape must have/],
  ['no shape of images', () => loose(predictImages)('run', new Uint8Array(36)), /^data: .*the shape must have/],
  ['no classes of images', () => loose(predictImages)('run', new Uint8Array(36), shape), /^data: .*classes must be/],
  ['no spec', () => loose(resolveSpec)(), /^usage: a spec must be an object of fields, but is undefined/],
  ['null as a spec', () => loose(resolveSpec)(null), /^usage: a spec must be an object of fields, but is null/],
  [
    'a signal of an evaluation',
    () => loose(evaluateRun)('run', { signal: 1 }),
    /^usage: signal of evaluateRun must be/,
  ],
  ['no options of a sweep', () => loose(sweep)({}), /^usage: sweep takes an object of options/],
  ...(
    [
      ['earlyStop', { earlyStop: 2, validationSamples: 8 }],
      ['init', { init: 'ab'.repeat(32) }],
      ['objective', { objective: 'backprop', negatives: 'none', classifier: 'last-head' }],
    ] as const
  ).map(([field, more]): [string, () => unknown, RegExp] => [
    `${field} in a browser`,
    () => loose(trainInBrowser)({ spec: { ...spec, ...more } }, dataset),
    new RegExp(`^usage: ${field} .*training in a browser does not do \\| .*Node.js`),
  ]),
  ['no dataset in a browser', () => loose(trainInBrowser)({ spec }), /^data: .*is no dataset: it is undefined/],
])('%s is named', async (_, work, message) => {
  const error: unknown = await (async () => begun(await work()))().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PffError);
  const { code, message: said, hint } = error as PffError;
  expect(`${code}: ${said} | ${hint}`).toMatch(message);
});

/** Functions that give events begin when the first is asked for. */
async function begun(given: unknown): Promise<unknown> {
  const isIterable = typeof given === 'object' && given !== null && Symbol.asyncIterator in given;
  return isIterable ? (given as AsyncIterable<unknown>)[Symbol.asyncIterator]().next() : given;
}
