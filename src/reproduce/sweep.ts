/** Many trainings over fields of a spec: each in a run folder of its own, so that a sweep that was stopped goes on where it was. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadPlugins } from '../node/threads/plugins.js';
import { checkOptions } from '../known-options.js';
import { PffError } from '../errors.js';
import type { RunResult } from '../run/events.js';
import { fitToData } from '../run/fit-to-data.js';
import { makeFolderFor, SPEC_FILE, writeWhole } from '../run/folder.js';
import { initialDigest } from '../run/initial.js';
import { defaultsOfExecution, resolveExecution, type Execution } from '../run/options.js';
import { lockFolder } from '../run/lock.js';
import { ownParts } from '../spec/own-parts.js';
import { resolveSpec, type PartialSpec } from '../spec/spec.js';
import { placeText } from '../data/sources/own/place.js';
import { readTextFile } from '../data/sources/regular-file.js';
import { meanOf, type MeanOf } from './statistics.js';
import { SweepData } from './sweep-data.js';
import { sweepSchema, trialsOf, unitName, type Sweep, type Trial } from './sweep-plan.js';
import { Trainings, type TrainingEvent, type TrainingsOptions, type Unit } from './trainings.js';

/** Share of the training samples that trials are compared on, where nobody says which. */
const VALIDATION_SHARE = 0.1;
/** But no more than so many where all training samples of a dataset are used. */
const MOST_VALIDATION = 5000;

/** The table of a sweep, in its folder. */
const SWEEP_FILE = 'sweep.json';

/** On a cluster so many runs are submitted at once unless asked: none of its nodes waits while a model is evaluated here. */
const SUBMITTED_AT_ONCE = 4;

/** How a sweep is carried out. */
export interface SweepOptions extends Omit<TrainingsOptions, 'parallel' | 'init'> {
  /** The folder of its runs; what is there already is not trained again. */
  readonly out: string;
  /** So many trainings at once, which share the threads of this machine; by default 1, on a cluster 4. */
  readonly parallel?: number | undefined;
  /** Trainings are submitted to the nodes of a cluster. */
  readonly cluster?: TrainingsOptions['cluster'];
}

/** One setting of a sweep, with all of its seeds. */
export interface SweepRow extends MeanOf {
  readonly trial: number;
  readonly fields: PartialSpec;
  readonly epochs: number;
  /** What settings are compared on: validation samples, where there are any. */
  readonly measuredOn: 'validation' | 'test';
  /** Accuracy of each seed on these samples, 0 … 1, in order. */
  readonly accuracies: readonly number[];
  /** Of each seed on the test samples; of a run that was evaluated on validation samples alone there is none. */
  readonly testAccuracies: readonly number[];
  readonly digests: readonly string[];
  /** Names of their run folders. */
  readonly runs: readonly string[];
}

/** What happens in a sweep. */
export type SweepEvent =
  | {
      readonly type: 'planned';
      readonly trials: number;
      readonly trainings: number;
      readonly parallel: number;
      readonly out: string;
    }
  | TrainingEvent
  /** The best setting comes first; by their mean accuracy. */
  | { readonly type: 'swept'; readonly rows: readonly SweepRow[] };

/** Reads what a sweep file says. @throws PffError `usage` */
export function parseSweep(value: unknown, source: string): Sweep {
  const parsed = sweepSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PffError('usage', `${source}: ${issue?.path.join('.') || 'the sweep'}: ${issue?.message ?? 'is none'}`, {
    hint: 'Write {"spec": {…}, "grid": {"learningRate": [0.01, 0.02]}, "seeds": 3}; pff help sweep says more.',
  });
}

/**
 * Carries out what a sweep file says (docs/EXPERIMENTS.md), or goes on with it: the same sweep with the same `out` trains what is missing.
 * @param file the content of the file: `{ spec, grid, seeds, … }`. @throws PffError as `train`; `usage` for what is no sweep
 */
export function sweep(file: object, options: SweepOptions): AsyncGenerator<SweepEvent, void, undefined> {
  return runSweep(parseSweep(file, 'the sweep'), options);
}

/** A sweep; `asked`: its spec is taken as it is, without samples set aside to compare settings on. */
export type AskedSweep = Partial<Sweep> & Pick<Sweep, 'seeds' | 'spec'> & { readonly asked?: 'as it is' };

/** Carries out a sweep, or goes on with it. @throws PffError as `train`; `files` if another process is at it */
export async function* runSweep(what: AskedSweep, options: SweepOptions): AsyncGenerator<SweepEvent, void, undefined> {
  checkOptions('sweep', options, {
    out: true,
    nodes: true,
    variant: true,
    threadsPerNode: true,
    kernels: true,
    dataDir: true,
    plugins: true,
    signal: true,
    parallel: true,
    cluster: true,
    repeat: true,
    maxDrop: true,
    validateEvery: true,
    validateSamples: true,
    analyseEvery: true,
  });
  const { out, cluster, parallel = cluster ? SUBMITTED_AT_ONCE : 1 } = options;
  if (!Number.isInteger(parallel) || parallel < 1)
    throw new PffError('usage', `parallel must be a whole number of at least 1, but is ${parallel}`);
  await loadPlugins(options.plugins ?? []);
  const trials = trialsOf(what);
  checkHalving(what, trials);
  checkOut(out, what);
  makeFolderFor(out, 'sweep folder');
  const lock = lockFolder(path.resolve(out), `sweep folder ${out}`);
  try {
    const own = what.data === undefined ? {} : ({ dataset: 'own' } as const);
    const dataDir = what.data === undefined ? options.dataDir : placeText({ data: what.data });
    const given: PartialSpec = { ...own, ...(what.spec as PartialSpec) };
    const data = new SweepData(what.data !== undefined, dataDir);
    const trainings = new Trainings({ ...options, parallel, dataDir, init: what.init });
    const { halving, seeds, init } = what;
    const execution = resolveExecution({ variant: options.variant, nodes: options.nodes });
    const rungs = halving ? halving.rungs : 1;
    yield { type: 'planned', trials: trials.length, trainings: count(trials.length, seeds, halving), parallel, out };
    let left = trials;
    const rows = new Map<number, Reached>();
    for (let rung = 0; rung < rungs; rung++) {
      const epochs = halving && halving.epochs * halving.factor ** rung;
      const units = await Promise.all(
        left.map((trial) => unitsOf(trial, { seeds, epochs, given, asked: what.asked, data, init, execution })),
      );
      const results = yield* trainings.all(units.flat());
      for (const [i, trial] of left.entries())
        rows.set(trial.number, {
          rung,
          row: rowOf(trial, units[i] as Unit[], results.slice(i * seeds, (i + 1) * seeds)),
        });
      const best = ranked([...rows.values()].filter(({ row }) => left.some(({ number }) => number === row.trial)));
      if (halving && rung < rungs - 1) {
        const kept = new Set(
          best.slice(0, Math.max(1, Math.ceil(best.length / halving.factor))).map(({ trial }) => trial),
        );
        left = left.filter(({ number }) => kept.has(number));
      }
    }
    const all = ranked([...rows.values()]);
    writeWhole(path.join(out, SWEEP_FILE), `${JSON.stringify({ sweep: what, rows: all }, undefined, 2)}\n`);
    yield { type: 'swept', rows: all };
  } finally {
    lock.release();
  }
}

/** @throws PffError `usage` for the folder of a run, or of another training with several seeds */
function checkOut(out: string, what: AskedSweep): void {
  const refuse = (found: string): never => {
    throw new PffError('usage', `${out} ${found}, but a sweep needs a folder of its own`, {
      hint: 'Choose another --out; nothing there has been touched.',
    });
  };
  if (existsSync(path.join(out, SPEC_FILE))) refuse('is the folder of a run');
  // A sweep's file may be changed, and what it trained before counts; more seeds, too.
  const file = path.join(out, SWEEP_FILE);
  if (what.asked && existsSync(file) && !isSame(file, what)) refuse('has the runs of another sweep');
}

/** Whether a sweep.json is of the same sweep, but for the number of seeds. */
function isSame(file: string, what: AskedSweep): boolean {
  const text = (one: object): string => JSON.stringify({ ...one, seeds: 0 });
  try {
    return text((JSON.parse(readTextFile(file)) as { sweep: object }).sweep) === text(what);
  } catch {
    return false;
  }
}

function count(trials: number, seeds: number, halving: Sweep['halving']): number {
  let [sum, left] = [0, trials];
  for (let rung = 0; rung < (halving?.rungs ?? 1); rung++) {
    sum += left * seeds;
    left = Math.max(1, Math.ceil(left / (halving?.factor ?? 1)));
  }
  return sum;
}

/** @throws PffError `usage` for fields that halving sets itself */
function checkHalving({ halving, spec }: AskedSweep, trials: readonly Trial[]): void {
  if (!halving) return;
  for (const field of ['epochs', 'splits'] as const)
    if (Object.hasOwn(spec, field) || trials.some(({ fields }) => Object.hasOwn(fields, field)))
      throw new PffError('usage', `the sweep has ${field}, but halving sets epochs and splits of each round itself`, {
        hint: `Leave ${field} out, or halving; "halving": {"epochs": 4} says how long the first round is.`,
      });
}

/** A setting, and the last round of halving that it was in. */
interface Reached {
  readonly rung: number;
  readonly row: SweepRow;
}

/** Those that came furthest first, then by accuracy; of equal ones the earlier trial. */
function ranked(reached: readonly Reached[]): SweepRow[] {
  return reached
    .toSorted((a, b) => b.rung - a.rung || b.row.mean - a.row.mean || a.row.trial - b.row.trial)
    .map(({ row }) => row);
}

/** Of what the trainings of a setting are made. */
interface Making {
  readonly seeds: number;
  readonly epochs: number | undefined;
  readonly given: PartialSpec;
  readonly asked: AskedSweep['asked'];
  readonly data: SweepData;
  readonly init: string | undefined;
  readonly execution: Execution;
}

/**
 * The trainings of a setting, one a seed. Unless its spec is taken as it is, settings are compared on samples that none is trained on,
 * and that the test says nothing of.
 */
async function unitsOf(trial: Trial, making: Making): Promise<Unit[]> {
  const { seeds, epochs, given, data, init, execution } = making;
  const fields = { ...given, ...trial.fields, ...(epochs === undefined ? {} : { epochs, splits: undefined }) };
  const own = fields.dataset === 'own';
  const ofOwn = making.asked || !own ? fields : { validationShare: VALIDATION_SHARE, ...fields };
  const dataset = await data.of(ofOwn);
  const asked = making.asked || own ? ofOwn : { validationSamples: heldOut(fields, dataset.train.count), ...fields };
  const units: Unit[] = [];
  for (let i = 0; i < seeds; i++) {
    const seed = (asked.seed ?? 1) + i;
    const fitted = resolveSpec(defaultsOfExecution((await fitToData({ ...asked, seed }, {}, dataset)).spec, execution));
    const spec = init === undefined ? fitted : { ...fitted, init: initialDigest(init, fitted, dataset) };
    units.push({ name: unitName(trial, seed, spec, { data: dataset.digest, parts: ownParts(spec) }), spec, dataset });
  }
  return units;
}

function heldOut({ trainSamples }: PartialSpec, all: number): number {
  return trainSamples
    ? Math.floor(trainSamples * VALIDATION_SHARE)
    : Math.min(MOST_VALIDATION, Math.floor(all * VALIDATION_SHARE));
}

function rowOf(trial: Trial, units: readonly Unit[], results: readonly RunResult[]): SweepRow {
  const accuracies = results.map((result) => result.validationAccuracy ?? result.testAccuracy);
  return {
    trial: trial.number,
    fields: trial.fields,
    epochs: results[0]?.epochs ?? 0,
    ...meanOf(accuracies),
    measuredOn: results.every(isOnTest) ? 'test' : 'validation',
    accuracies,
    testAccuracies: results.flatMap(({ evaluatedOn, testAccuracy }) => (evaluatedOn === 'test' ? [testAccuracy] : [])),
    digests: results.map(({ modelDigest }) => modelDigest),
    runs: units.map(({ name }) => name),
  };
}

function isOnTest({ evaluatedOn, validationAccuracy }: RunResult): boolean {
  return evaluatedOn === 'test' && validationAccuracy === undefined;
}
