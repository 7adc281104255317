/** The model file of a run: of one that is done, and of one that is interrupted. */
import { copyFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { commandLine, openingFlags } from '../command-line.js';
import { PffError } from '../errors.js';
import type { Numerics } from '../kernels/numerics.js';
import type { LayerState } from '../layers/layer-state.js';
import { modelDigest } from '../model/digest.js';
import type { PreparedData } from '../node/prepare.js';
import type { RunSpec } from '../spec/spec.js';
import { MODEL_FILE, readRunFile, type RunFolder } from './folder.js';
import { decodeModel } from '../model/model-file.js';
import { encodeSealed } from '../model/model-integrity.js';
import type { Execution } from './options.js';
import { readResult } from './read-result.js';
import { VERSION } from './version.js';

/** What a model is made of besides its layers. */
export interface ModelOrigin {
  readonly spec: RunSpec;
  readonly numerics: Numerics;
  readonly prepared: PreparedData;
}

/** Writes the trained model. @returns its digest */
export function saveModel(folder: RunFolder | undefined, origin: ModelOrigin, states: readonly LayerState[]): string {
  const digest = modelDigest(states);
  folder?.write(MODEL_FILE, encodeSealed(origin.spec, states, modelMetadata(origin, digest)));
  return digest;
}

/** Where the model is kept that a run had finished with, which went on and was interrupted; undefined where it had not. */
function finishedModel(folder: string): string | undefined {
  const result = readResult(folder);
  return result && path.join(folder, `model-${result.epochs}-epochs.safetensors`);
}

/** Keeps the model that the run's result is of, if it is the one that is there. */
function keepFinished(folder: string): void {
  const [model, kept] = [path.join(folder, MODEL_FILE), finishedModel(folder)];
  if (kept === undefined || existsSync(kept) || !existsSync(model)) return;
  const { metadata } = decodeModel(readRunFile(model));
  if (metadata['modelDigest'] === readResult(folder)?.modelDigest) copyFileSync(model, kept);
}

/**
 * Writes the layers as they are after so many chapters, if every layer has one. What the run had finished with before, which its result is
 * of, is kept beside it.
 * @returns the file's path
 */
export function saveInterrupted(
  folder: RunFolder | undefined,
  origin: ModelOrigin,
  { chapters, states }: { readonly chapters: number; readonly states: readonly LayerState[] },
): string | undefined {
  if (!folder || chapters === 0) return undefined;
  const metadata = {
    ...modelMetadata(origin, modelDigest(states)),
    interruptedAfterChapters: String(chapters),
  };
  keepFinished(folder.path);
  return folder.write(MODEL_FILE, encodeSealed(origin.spec, states, metadata));
}

/** What to say of an interrupted run: what was saved, and how to go on. */
export function interruption(
  { splits }: RunSpec,
  chapters: number,
  saved: { readonly file: string | undefined; readonly folder: string | undefined; readonly execution: Execution },
): PffError {
  const done = `${chapters} of ${splits} chapters`;
  const finished = saved.file && saved.folder ? finishedModel(saved.folder) : undefined;
  const before =
    finished === undefined || !existsSync(finished) ? '' : ` What it had finished with before is in ${finished}.`;
  return new PffError('interrupted', `interrupted after ${done}`, {
    hint: saved.file
      ? `The layers as they were, ${done} trained, are in ${saved.file}; ${resuming(saved.folder ?? '', saved.execution)} goes on from there.${before}`
      : chapters > 0
        ? 'No model was saved: the run has no folder.'
        : 'No model was saved: not every layer had finished its first chapter.',
  });
}

/** What to say of a run that is trained and was interrupted while it was evaluated. */
export function interruptedEvaluation(
  folder: string | undefined,
  execution: Execution,
  isOnCluster: boolean,
): PffError {
  const evaluating = (run: string): string =>
    isOnCluster ? commandLine(['pff', 'eval', run]) : resuming(run, execution);
  return new PffError('interrupted', 'interrupted: the network is trained, but not evaluated', {
    hint:
      folder === undefined
        ? 'No model was saved: the run has no folder.'
        : `The model is in ${folder}; ${evaluating(folder)} evaluates it.`,
  });
}

function resuming(folder: string, execution: Execution): string {
  return commandLine(['pff', 'train', '--resume', folder, ...openingFlags({ execution })]);
}

function modelMetadata({ numerics, prepared }: ModelOrigin, digest: string): Record<string, string> {
  const { classes, digest: dataDigest } = prepared.facts;
  const { inputs } = prepared;
  return {
    program: `pff ${VERSION}`,
    modelDigest: digest,
    numerics: numerics.id,
    dataDigest,
    classes: JSON.stringify(classes),
    inputs: JSON.stringify(inputs),
  };
}
