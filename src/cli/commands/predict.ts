/** `pff predict`. */
import { PffError } from '../../errors.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { loadModel } from '../../run/model.js';
import { type Asked, askedOf, type BadInput } from '../../run/predict-inputs.js';
import type { Prediction } from '../../run/saved-model.js';
import { defineCommand } from '../command.js';
import { DONE, FAILED } from '../exit-codes.js';
import {
  askedKernels,
  dataDirFlag,
  jsonFlag,
  kernelsFlags,
  loadPlugin,
  noVerifyFlag,
  pluginFlag,
} from '../flags/common-flags.js';
import { partialNote } from '../flags/partial.js';

/** How many classes are shown with their shares. */
const STRONGEST = 3;
/** Predicted at a time. */
const BLOCK = 1024;

export const predictCommand = defineCommand({
  name: 'predict',
  usage: ['pff predict RUN INPUT… [options]'],
  words: ['folder', 'file'],
  about: [
    'INPUT is an image (PNG, JPEG, WebP), a folder of them, a table of rows (CSV, TSV, JSON lines, Parquet), - for one of these on standard input, or test:INDEX or train:INDEX for a sample of the dataset, counted from 0 as in the files. Columns of a table are taken by their names; rows without names must have the columns of the network in its order; a column with the classes is compared with what is predicted.',
    'Images are scaled to the size that the network was trained on, and light and dark turned over where they are the other way round than in training; what was done is said. Shares add up to 100 % over all classes; for goodness they are no calibrated probabilities.',
  ],
  flags: {
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    ...kernelsFlags(),
    'no-verify': noVerifyFlag,
    json: jsonFlag,
  },
  examples: [
    ['pff predict pff-runs/NAME test:0 test:1', 'the first two test images'],
    ['pff predict pff-runs/NAME digit.png photos', 'images of your own'],
    ['pff predict pff-runs/NAME rows.csv', 'rows of a table'],
    [
      '(head -n 1 rows.csv; tail -n 5 rows.csv) | pff predict pff-runs/NAME -',
      'rows of another program, under the names of their columns',
    ],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const [run, ...inputs] = words;
    if (run === undefined || inputs.length === 0)
      throw new PffError('usage', 'pff predict takes a run and at least one image or table', {
        hint: 'Write pff predict RUN INPUT…, where INPUT is an image, a folder, a table, test:INDEX, train:INDEX or -.',
      });
    await loadPlugin(flags);
    const verify = !flags['no-verify'];
    const dataDir = flags['data-dir'];
    const model = await loadModel(run, { kernels: askedKernels(flags), verify, dataDir });
    try {
      const { asked, bad, notes } = await askedOf(inputs, { model, run, dataDir, verify });
      // One that cannot be read does not keep the others from being predicted.
      const [only] = bad;
      if (asked.length === 0 && only && bad.length === 1) throw named(only);
      for (const each of bad) err.line(`pff: ${describe(each)}`);
      for (const note of notes) err.line(`pff: ${note}`);
      const partial = partialNote(run, verify, flags.plugin);
      if (partial !== undefined) err.line(`pff: ${partial}`);
      const predictions: Prediction[] = [];
      for (let from = 0; from < asked.length; from += BLOCK)
        predictions.push(...(await model.predict(joined(asked.slice(from, from + BLOCK)))));
      if (flags.json)
        out.line(JSON.stringify([...predictions.map((each, i) => described(each, asked[i])), ...bad.map(failed)]));
      else {
        for (const line of predictionTable(asked, predictions, model.classes)) out.line(line);
        for (const line of remarkLines(asked)) err.line(line);
        const known = asked.filter(({ truth }) => truth !== undefined);
        const right = predictions.filter(({ className }, i) => className === asked[i]?.truth).length;
        if (known.length > 1)
          out.line(`${right} of ${known.length} as their labels say: ${units.percent(right / known.length, 1)}`);
      }
      if (bad.length === 0) return DONE;
      err.line(`pff: ${bad.length} of ${asked.length + bad.length} inputs could not be predicted`);
      return FAILED;
    } finally {
      await model.close();
    }
  },
});

function describe(input: BadInput): string {
  const { message, hint } = named(input);
  return `${message}${hint ? ` (${hint})` : ''}`;
}

/** The error with the place that it is about. */
function named({ name, row, error }: BadInput): PffError {
  const { code, message, hint } = error;
  const place = row === undefined ? name : `${name}: row ${row}`;
  if (row === undefined && message.includes(name)) return error;
  return new PffError(code, `${place}${row === undefined ? ':' : ','} ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

function joined(asked: readonly Asked[]): Uint8Array | Float32Array {
  const size = asked[0]?.values.length ?? 0;
  const floats = asked[0]?.values instanceof Float32Array;
  const values = floats ? new Float32Array(asked.length * size) : new Uint8Array(asked.length * size);
  asked.forEach((each, i) => values.set(each.values, i * size));
  return values;
}

function described(prediction: Prediction, asked: Asked | undefined): object {
  const { name, row, truth, truthLabel, remarks = [] } = asked ?? {};
  return {
    ...(row === undefined ? { image: name } : { file: name, row }),
    ...prediction,
    truth: truthLabel ?? truth,
    ...(remarks.length > 0 ? { remarks } : {}),
  };
}

function failed({ name, row, error }: BadInput): object {
  return { ...(row === undefined ? { image: name } : { file: name, row }), error: error.message };
}

function remarkLines(asked: readonly Asked[]): string[] {
  return asked.flatMap(({ name, remarks = [] }) => (remarks.length > 0 ? [`${name}: ${remarks.join('; ')}`] : []));
}

function predictionTable(
  asked: readonly Asked[],
  predictions: readonly Prediction[],
  classes: readonly string[],
): string[] {
  const truths = asked.some(({ truth }) => truth !== undefined);
  const left = { align: 'left' } as const;
  const columns = [
    { title: asked.every(({ row }) => row === undefined) ? 'image' : 'row', ...left },
    { title: 'label' },
    { title: 'class', ...left },
    ...(truths ? [{ title: 'true', ...left }] : []),
    { title: 'strongest', ...left },
  ];
  const rows = predictions.map(({ label, className, shares }, i) => {
    const { name = '', row, truth } = asked[i] ?? {};
    const verdict = truth === undefined ? '' : truth === className ? 'yes' : `no, ${truth}`;
    const called = row === undefined ? name : `${name}:${row}`;
    return [called, String(label), className, ...(truths ? [verdict] : []), strongest(shares, classes)];
  });
  return tableLines(columns, rows);
}

function strongest(shares: readonly number[], classes: readonly string[]): string {
  return shares
    .map((share, label) => ({ share, name: classes[label] ?? String(label) }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, STRONGEST)
    .map(({ share, name }) => `${name} ${units.percent(share, 1)}`)
    .join(', ');
}
