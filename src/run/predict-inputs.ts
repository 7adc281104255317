/** What `pff predict` was asked to predict, as the network takes it: images, folders, tables, standard input, samples of the dataset. */
import { statSync, existsSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import path from 'node:path';
import type { Dataset, SampleValues } from '../data/dataset.js';
import { readBytes } from '../data/sources/files.js';
import { IMAGE_NAMES, imageKind } from '../data/readers/image-bytes.js';
import { foundIn, namesIn } from '../data/sources/own/kind.js';
import { rowsForInputs } from '../data/readers/rows-for-inputs.js';
import { userImage } from '../data/sources/own/user-image.js';
import { PffError } from '../errors.js';
import type { Model } from './model.js';
import { trainedDataset } from './saved-model.js';

/** One sample to predict. */
export interface Asked {
  /** The file, or `test:5`. */
  readonly name: string;
  /** Its row in a table. */
  readonly row?: number | undefined;
  readonly values: SampleValues;
  /** Its class, where it is known. */
  readonly truth?: string | undefined;
  /** Its label, for samples of the dataset. */
  readonly truthLabel?: number | undefined;
  /** What was done to an image. */
  readonly remarks?: readonly string[] | undefined;
}

/** What could not be read. */
export interface BadInput {
  readonly name: string;
  readonly row?: number | undefined;
  readonly error: PffError;
}

export interface Source {
  readonly model: Model;
  readonly run: string;
  readonly dataDir: string | undefined;
  /** Whether the digests of the model's file are compared. */
  readonly verify: boolean;
}

/** Reads all of `inputs`; what cannot be read is in `bad`, what is worth telling of the dataset in `notes`. */
export async function askedOf(
  inputs: readonly string[],
  source: Source,
): Promise<{ readonly asked: Asked[]; readonly bad: BadInput[]; readonly notes: string[] }> {
  const notes: string[] = [];
  const asked: Asked[] = [];
  const bad: BadInput[] = [];
  let dataset: Promise<Dataset> | undefined;
  const attempt = async (name: string, row: number | undefined, work: () => Promise<Asked> | Asked): Promise<void> => {
    try {
      asked.push(await work());
    } catch (error) {
      if (!(error instanceof PffError)) throw error;
      bad.push({ name, row, error });
    }
  };
  const { model, run, dataDir, verify } = source;
  const loadDataset = async (): Promise<Dataset> => {
    const trained = await trainedDataset(run, dataDir, { verify });
    if (trained.note !== undefined) notes.push(trained.note);
    return trained.dataset;
  };
  const file = async (name: string, bytes: Uint8Array): Promise<void> => {
    if (imageKind(bytes) !== undefined || (model.inputs.kind === 'image' && IMAGE_NAMES.test(name)))
      return attempt(name, undefined, () => image(name, bytes, model));
    const found = foundIn(bytes, name);
    if (found.kind === 'npz' || found.kind === 'npy')
      throw new PffError('data', `${name} holds arrays, but images or a table are predicted`, {
        hint: 'Give PNG, JPEG or WebP images, or a table; loadModel predicts arrays.',
      });
    const { kind } = found;
    for (const { place, cells, truth } of await rowsForInputs({ ...found, kind }, name, model.inputs))
      await attempt(name, place, () => ({ name, row: place, values: model.encodeRow(cells), truth }));
  };
  for (const name of inputs) {
    try {
      const match = existsSync(name) ? null : /^(test|train):(.*)$/.exec(name);
      if (match) {
        dataset ??= loadDataset();
        asked.push(sampleOf(name, match[1] as 'test' | 'train', match[2] ?? '', await dataset));
      } else if (name === '-') await file('standard input', await buffer(process.stdin));
      else if (existsSync(name) && statSync(name).isDirectory())
        for (const each of filesIn(name))
          await attempt(each, undefined, async () => image(each, await readBytes(each), model));
      else await file(name, await readBytes(name));
    } catch (error) {
      if (!(error instanceof PffError)) throw error;
      bad.push({ name, error });
    }
  }
  return { asked, bad, notes };
}

async function image(name: string, bytes: Uint8Array, { inputs }: Model): Promise<Asked> {
  if (inputs.kind === 'columns')
    throw new PffError('data', `${name} is an image, but the network takes rows of ${inputs.columns.length} columns`, {
      hint: `Give a table with the columns ${inputs.columns.map((column) => column.name).join(', ')}.`,
    });
  const { pixels, remarks } = await userImage(bytes, name, inputs);
  return { name, values: pixels, remarks };
}

/** The images in a folder and the folders below it. @throws PffError `data` if there are none. */
function filesIn(folder: string): string[] {
  const files = namesIn(folder, { recursive: true })
    .filter((file) => IMAGE_NAMES.test(file))
    .sort();
  if (files.length === 0)
    throw new PffError('data', `${folder} has no PNG, JPEG or WebP images`, { hint: 'Give a folder of images.' });
  return files.map((file) => path.join(folder, file));
}

function sampleOf(name: string, part: 'test' | 'train', index: string, dataset: Dataset): Asked {
  const samples = dataset[part];
  const at = /^\d+$/.test(index) ? Number(index) : Number.NaN;
  if (!(at < samples.count))
    throw new PffError('usage', `there is no image ${name}`, {
      hint: `${dataset.name} has ${part}:0 to ${part}:${samples.count - 1}.`,
    });
  const size = samples.images.length / samples.count;
  const label = samples.labels[at] as number;
  return {
    name,
    values: samples.images.subarray(at * size, (at + 1) * size),
    truth: dataset.classes[label],
    truthLabel: label,
  };
}
