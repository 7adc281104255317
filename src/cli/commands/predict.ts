/** `pff predict`. */
import type { Dataset, SampleValues } from '../../data/dataset.js';
import { readImageFile } from '../../data/sources/image-file.js';
import { PffError } from '../../errors.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { datasetOfRun, predictImages, type Prediction } from '../../run/saved-model.js';
import { defineCommand } from '../command.js';
import { dataDirFlag, jsonFlag, kernelsFlag, loadPlugin, noVerifyFlag, pluginFlag } from '../flags/common-flags.js';
import { DONE, FAILED } from '../exit-codes.js';
import { partialNote } from '../flags/partial.js';

/** An image to classify; `truth` is known for images of the dataset. */
interface Asked {
  readonly name: string;
  readonly pixels: SampleValues;
  readonly truth: number | undefined;
}

/** An image that could not be read. */
interface BadImage {
  readonly image: string;
  readonly error: string;
}

/** How many classes are shown with their shares. */
const STRONGEST = 3;

export const predictCommand = defineCommand({
  name: 'predict',
  usage: ['pff predict RUN IMAGE… [options]'],
  words: ['folder', 'file'],
  about: [
    'IMAGE is a PNG file of the size that the network was trained on, or test:INDEX or train:INDEX for an image of its dataset, counted from 0 as in the files. Shares add up to 100 % over all classes; for goodness they are no calibrated probabilities.',
  ],
  flags: {
    'data-dir': dataDirFlag,
    plugin: pluginFlag,
    kernels: kernelsFlag,
    'no-verify': noVerifyFlag,
    json: jsonFlag,
  },
  examples: [
    ['pff predict pff-runs/NAME test:0 test:1', 'the first two test images'],
    ['pff predict pff-runs/NAME digit.png', 'an image of your own: white on black for MNIST'],
  ],
  run: async ({ flags, words }, { out, err }) => {
    const [run, ...images] = words;
    if (run === undefined || images.length === 0)
      throw new PffError('usage', 'pff predict takes a run and at least one image', {
        hint: 'Write pff predict RUN IMAGE…, where IMAGE is a PNG file, test:INDEX or train:INDEX.',
      });
    await loadPlugin(flags);
    const verify = !flags['no-verify'];
    const dataset = await datasetOfRun(run, flags['data-dir'], { verify });
    const asked: Asked[] = [];
    const bad: BadImage[] = [];
    // One that cannot be read does not keep the others from being predicted.
    for (const image of images) {
      try {
        asked.push(await readImage(image, dataset));
      } catch (error) {
        if (!(error instanceof PffError)) throw error;
        if (images.length === 1) throw error;
        err.line(`pff: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`);
        bad.push({ image, error: error.message });
      }
    }
    const size = asked[0]?.pixels.length ?? 0;
    const floats = asked[0]?.pixels instanceof Float32Array;
    const pixels = floats ? new Float32Array(asked.length * size) : new Uint8Array(asked.length * size);
    asked.forEach((image, i) => pixels.set(image.pixels, i * size));
    const partial = partialNote(run, verify, flags.plugin);
    if (partial !== undefined) err.line(`pff: ${partial}`);
    const options = { kernels: flags.kernels, verify };
    const predictions =
      asked.length === 0 ? [] : await predictImages(run, pixels, dataset.shape, dataset.classes, options);
    if (flags.json)
      out.line(
        JSON.stringify([
          ...predictions.map((prediction, i) => ({ image: asked[i]?.name, ...prediction, truth: asked[i]?.truth })),
          ...bad,
        ]),
      );
    else for (const line of predictionTable(asked, predictions, dataset)) out.line(line);
    if (bad.length === 0) return DONE;
    err.line(`pff: ${bad.length} of ${images.length} images could not be predicted`);
    return FAILED;
  },
});

async function readImage(name: string, dataset: Dataset): Promise<Asked> {
  const match = /^(test|train):(.*)$/.exec(name);
  if (match === null) return { name, pixels: await readImageFile(name, dataset.shape), truth: undefined };
  const samples = match[1] === 'test' ? dataset.test : dataset.train;
  const index = /^\d+$/.test(match[2] ?? '') ? Number(match[2]) : Number.NaN;
  if (!(index < samples.count))
    throw new PffError('usage', `there is no image ${name}`, {
      hint: `${dataset.name} has ${match[1]}:0 to ${match[1]}:${samples.count - 1}.`,
    });
  const size = samples.images.length / samples.count;
  return { name, pixels: samples.images.subarray(index * size, (index + 1) * size), truth: samples.labels[index] };
}

function predictionTable(asked: readonly Asked[], predictions: readonly Prediction[], { classes }: Dataset): string[] {
  const truths = asked.some(({ truth }) => truth !== undefined);
  const left = { align: 'left' } as const;
  const columns = [
    { title: 'image', ...left },
    { title: 'label' },
    { title: 'class', ...left },
    ...(truths ? [{ title: 'true', ...left }] : []),
    { title: 'strongest', ...left },
  ];
  const rows = predictions.map(({ label, className, shares }, i) => {
    const { name = '', truth } = asked[i] ?? {};
    const verdict = truth === undefined ? '' : truth === label ? 'yes' : `no, ${classes[truth]}`;
    return [name, String(label), className, ...(truths ? [verdict] : []), strongest(shares, classes)];
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
