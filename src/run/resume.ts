/** What a resumed run is: the spec and execution of the run that stopped, and which changes to them leave its past as it was. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readRegularFile, TEXT_BYTES } from '../data/sources/regular-file.js';
import { messageOf, PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { parseTaskKey } from '../schedule/tasks.js';
import { savedKeys } from '../store/saved/directory.js';
import { fieldText, resolveSpec, type PartialSpec, type RunSpec, type SpecField } from '../spec/spec.js';
import { CHECKPOINT_FOLDER, checkSameParts, readNote, type RunNote } from './checkpoint.js';
import { SPEC_FILE } from './folder.js';
import { checkParts } from './run-plugins.js';
import { resolveExecution, type Execution, type TrainOptions } from './options.js';
import { PROGRAM } from './version.js';

export interface ResumedRun {
  readonly spec: RunSpec;
  readonly execution: Execution;
  readonly note: RunNote;
}

/** Fields that may be given again: how long the run is, and what it is measured on. */
const MAY_CHANGE: ReadonlySet<SpecField> = new Set(['epochs', 'splits', 'phases', 'testSamples']);

/**
 * Reads the run in `options.resume`; spec and execution of `options` go over it.
 * @param given the dataset is in memory: its name needs to mean nothing.
 * @throws PffError `files` where nothing can be resumed; `usage` where a change would change what has been trained, or where
 * a plugin is missing.
 */
export function openResume(options: TrainOptions & { readonly resume: string }, given: boolean): ResumedRun {
  const run = options.resume;
  if (!existsSync(run))
    throw new PffError('files', `there is no run ${run} to resume`, {
      hint: 'Give the run folder that pff train printed at its start.',
    });
  if (options.out !== undefined && path.resolve(options.out) !== path.resolve(run))
    throw new PffError('usage', 'a resumed run goes on in its own folder, but another one was given to write to', {
      hint: 'Leave --out away.',
    });
  if (options.init !== undefined)
    throw new PffError('usage', 'a resumed run goes on with its own layers, but a model to begin with was given', {
      hint: 'Leave --init away; or begin a new run with --init of this one.',
    });
  const note = readNote(run);
  const before = resolveSpec(note.spec, 'any');
  const lastTrained = lastChapter(run);
  const { objective, goodness, negatives, schedule, dataset } = before;
  checkParts(run, { objective, goodness, negatives, schedule, ...(given ? {} : { dataset }) });
  checkSameParts(run, note, before);
  const edited = editedSpec(path.join(run, SPEC_FILE), before, lastTrained);
  const spec = changedSpec(before, { ...edited, ...withoutUndefined(options.spec ?? {}) }, lastTrained);
  const { variant, nodes, threadsPerNode, kernels, gpus, store } = { ...note.execution, ...withoutUndefined(options) };
  if (typeof store === 'string') checkParts(run, { store });
  // Cores may be others now: threads are asked again unless the nodes are as they were.
  const threads = options.threadsPerNode ?? (nodes === note.execution.nodes ? threadsPerNode : undefined);
  const execution = resolveExecution({
    shardDirs: options.shardDirs ?? note.shardDirs,
    variant: fitting(variant, nodes, options),
    nodes,
    kernels,
    gpus: options.kernels === undefined && options.nodes === undefined ? gpus : options.gpus,
    threadsPerNode: threads,
    plugins: options.plugins,
    store,
    repeat: options.repeat,
    maxDrop: options.maxDrop,
    validateEvery: options.validateEvery,
    analyseEvery: options.analyseEvery,
  });
  if ((execution.variant === 'dff') !== (note.execution.variant === 'dff'))
    throw new PffError(
      'usage',
      `the run is of variant ${note.execution.variant} and cannot go on as ${execution.variant}`,
      {
        hint: 'DFF trains by other steps than the pipeline; leave --variant out.',
      },
    );
  return { spec, execution, note };
}

/** @throws PffError `usage` if a resumed run would go on with other bits than it began with */
export function checkNumerics(resumed: RunNote, { name, numerics: { id } }: Kernels): void {
  if (resumed.numerics === id) return;
  throw new PffError(
    'usage',
    `the run has numerics ${resumed.numerics}, but kernels ${name} compute ${id}: that would change its bits`,
    { hint: 'Choose --kernels with its numerics, or begin a new run.' },
  );
}

/** What is to be said of a run that goes on with this spec. */
export function notesOnResuming(resumed: RunNote, { phases, epochs }: RunSpec): string[] {
  const { program } = resumed;
  const before = resumed.spec['phases'];
  const start = phases.at(-1);
  const isNewPhase = start !== undefined && !(Array.isArray(before) && before.length === phases.length);
  return [
    ...(isNewPhase ? [`epochs ${start + 1} to ${epochs} are a new phase, in which learning rates begin anew`] : []),
    ...(program !== undefined && program !== PROGRAM
      ? [`pff ${program} trained it so far, and this is pff ${PROGRAM}: what is trained now may have other bits`]
      : []),
  ];
}

/** More nodes than one need a variant with nodes; who asks for nodes only gets the usual one. */
function fitting(
  variant: Execution['variant'],
  nodes: number,
  { variant: asked }: TrainOptions,
): Execution['variant'] | undefined {
  return asked === undefined && ((variant === 'sequential' && nodes > 1) || (nodes === 1 && variant !== 'dff'))
    ? undefined
    : variant;
}

/**
 * `before` with the fields of `asked`. More epochs keep the past as it was if chapters stay as long as they are. They prolong the run,
 * unless a chapter that was trained (up to `lastTrained`, -1 for none) was trained with a rate that follows the old end, such as one in a
 * cooldown: then they are a new phase, which begins where the run was to end.
 * @throws PffError `usage`, with the reason.
 */
export function changedSpec(before: RunSpec, asked: PartialSpec, lastTrained: number): RunSpec {
  const given = withoutUndefined(asked);
  for (const field of Object.keys(given) as SpecField[])
    if (!MAY_CHANGE.has(field) && JSON.stringify(given[field]) !== JSON.stringify(before[field]))
      throw new PffError(
        'usage',
        `the run that is to be resumed has ${field} ${fieldText(field, before)}, not ${fieldText(field, given)}: that would change what it has trained already`,
        { hint: `Leave it out; or begin a new run with --config ${SPEC_FILE} of this one.` },
      );
  const epochs = given.epochs ?? before.epochs;
  const splits = given.splits ?? (before.splits * epochs) / before.epochs;
  const refuse = (message: string, hint: string): never => {
    throw new PffError('usage', message, { hint });
  };
  if (epochs < before.epochs)
    refuse(
      `the run has ${before.epochs} epochs; resumed it can have more, but not ${epochs}`,
      'Raise --epochs, or leave it out.',
    );
  if (!Number.isInteger(splits) || splits * before.epochs !== before.splits * epochs)
    refuse(
      `chapters must stay as long as they are (${before.epochs} epochs in ${before.splits} chapters), but ${epochs} epochs in ${given.splits ?? 'any number of'} chapters would move them`,
      Number.isInteger((before.splits * epochs) / before.epochs)
        ? `Give --splits ${(before.splits * epochs) / before.epochs}, or leave it out.`
        : `Give a multiple of ${epochsPerStep(before)} epochs.`,
    );
  const next = [...before.phases, before.epochs];
  const isBefore = given.phases === undefined || String(given.phases) === String(before.phases);
  if (!isBefore && (epochs === before.epochs || String(given.phases) !== String(next)))
    refuse(
      `the run has phases ${fieldText('phases', before)}; resumed for more epochs it can have ${next.join(',')}, but not ${fieldText('phases', given)}`,
      'Leave --phases out.',
    );
  const phases = epochs > before.epochs && (!isBefore || !prolongs(before, lastTrained)) ? next : before.phases;
  return resolveSpec({ ...before, ...given, epochs, splits, phases });
}

/** So many epochs at least make a whole number of chapters. */
function epochsPerStep({ epochs, splits }: RunSpec): number {
  let [a, b] = [epochs, splits];
  while (b > 0) [a, b] = [b, a % b];
  return epochs / a;
}

/** Whether a longer run would have trained the chapters so far with the same rates. */
function prolongs({ epochs, splits, phases, ...spec }: RunSpec, lastTrained: number): boolean {
  const start = phases.at(-1) ?? 0;
  const behind = ((lastTrained + 1) * epochs) / splits - start;
  if (behind <= 0) return true;
  if (spec.warmup > 0) return false;
  if (spec.schedule === 'constant') return true;
  const cooled = spec.cooldownAfter < 1 && behind / (epochs - start) > spec.cooldownAfter;
  return spec.schedule === 'cooldown' && !cooled;
}

/**
 * Fields of spec.json that are not as the run was last carried out: as if they had been asked for now.
 * @throws PffError `usage` as `changedSpec`, `files` where the file cannot be read.
 */
function editedSpec(file: string, before: RunSpec, lastTrained: number): PartialSpec {
  const now = readSpec(file);
  const changed = Object.fromEntries(
    (Object.keys(now) as SpecField[])
      .filter((field) => JSON.stringify(now[field]) !== JSON.stringify(before[field]))
      .map((field) => [field, now[field]]),
  ) as PartialSpec;
  try {
    changedSpec(before, changed, lastTrained);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    const fields = Object.keys(changed) as SpecField[];
    const earlier = fields.map((field) => `${field} ${JSON.stringify(before[field])}`).join(', ');
    throw new PffError('usage', `${file} was changed since the run trained by it: ${error.message}`, {
      hint: `Put back ${earlier}; or begin a new run with --config ${file}.`,
      cause: error,
    });
  }
  return changed;
}

/** The newest chapter of which a file is there, whole or not; -1 if there is none. */
function lastChapter(run: string): number {
  return Math.max(-1, ...savedKeys(path.join(run, CHECKPOINT_FOLDER)).map((key) => parseTaskKey(key).chapter));
}

function readSpec(file: string): RunSpec {
  try {
    return resolveSpec(JSON.parse(readRegularFile(file, { maxBytes: TEXT_BYTES }).toString()) as PartialSpec, 'any');
  } catch (error) {
    throw new PffError('files', `${file} cannot be read: ${messageOf(error)}`, {
      hint: 'It must be the spec.json that pff train wrote there.',
      cause: error,
    });
  }
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
