/** runs/full-length.json: which rows of the tables have been trained at full length here, and what came out (docs/RESULTS.md). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { precisions } from '../kernels/numerics.js';
import { RECIPES_FOLDER } from './manifest.js';

const runSchema = z.strictObject({
  /** Id in the manifest. */
  row: z.string(),
  /** The one that it was carried out in; it changes no bit. */
  schedule: z.string(),
  precision: z.enum(precisions),
  seed: z.int().positive(),
  /** Test accuracy in percent. */
  accuracy: z.number().min(0).max(100),
  date: z.iso.date(),
  /** The first 12 digits of the model digest. */
  digest: z.string().regex(/^[0-9a-f]{12}$/),
});

const fileSchema = z.strictObject({ format: z.literal('pff-full-length/1'), runs: z.array(runSchema) });

export type FullLengthRun = z.infer<typeof runSchema>;

/** The runs on record; none where a folder of recipes has no such file. */
export function fullLengthRuns(folder: string = RECIPES_FOLDER): readonly FullLengthRun[] {
  let text: string;
  try {
    text = readFileSync(path.join(folder, 'full-length.json'), 'utf8');
  } catch {
    return [];
  }
  return fileSchema.parse(JSON.parse(text)).runs;
}

/** What the record has of a row: mean accuracy and number of seeds, or nothing. */
export function fullLengthText(row: string, runs: readonly FullLengthRun[]): string {
  const found = runs.filter((run) => run.row === row);
  if (found.length === 0) return 'not yet';
  const mean = found.reduce((sum, { accuracy }) => sum + accuracy, 0) / found.length;
  const latest = found
    .map(({ date }) => date)
    .toSorted()
    .at(-1);
  return `${mean.toFixed(2)}, ${found.length} ${found.length === 1 ? 'seed' : 'seeds'}, ${latest}`;
}
