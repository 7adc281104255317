/** Carries out one training of a table, or goes on with it. */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { PffError } from '../errors.js';
import { CHECKPOINT_FOLDER, hasNote, readNote } from '../run/checkpoint.js';
import { usableCores } from '../run/cores.js';
import type { RunEvent } from '../run/events.js';
import type { TrainOptions } from '../run/options.js';
import { train } from '../run/train.js';
import { VERSION } from '../run/version.js';
import { variantOf, type Unit } from './plan.js';
import type { ResultsFolder } from './results-folder.js';

/** Trains `unit` to its end; a run that was stopped goes on from its checkpoint. @throws PffError as `train` */
export async function* trainUnit(
  unit: Unit,
  folder: ResultsFolder,
  nodes: number,
  dataset: Dataset,
  options: Pick<TrainOptions, 'signal' | 'kernels'>,
): AsyncGenerator<RunEvent, void, undefined> {
  const out = folder.run(unit.name);
  const variant = variantOf(unit, nodes);
  const how: TrainOptions = { ...options, variant, nodes: variant === 'all-layers' ? nodes : 1 };
  const goesOn = existsSync(out) && canGoOn(out, dataset);
  if (!goesOn) rmSync(out, { recursive: true, force: true });
  yield* train(goesOn ? { ...how, resume: out } : { ...how, out, spec: unit.spec }, dataset);
  folder.finishUnit(unit.name, {
    finished: new Date().toISOString(),
    version: VERSION,
    cores: usableCores(),
  });
  // Result and model are there; what only going on would need takes several times their space.
  rmSync(path.join(out, CHECKPOINT_FOLDER), { recursive: true, force: true });
}

/**
 * False for a run that was stopped before its first checkpoint, or that was begun on other data.
 * @throws PffError `files` for a checkpoint that cannot be gone on with: hours of training are not removed without a word.
 */
function canGoOn(run: string, { digest }: Dataset): boolean {
  if (!hasNote(run)) return false;
  try {
    return readNote(run).dataDigest === digest;
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    throw new PffError(error.code, error.message, {
      hint: `Remove the folder ${run} to train it from the start.`,
      cause: error,
    });
  }
}
