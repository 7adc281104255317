/**
 * Reproduces the paper's tables: trains what is not yet there, measures and simulates speeds, and writes the tables again
 * after each step. Whatever stops it, the same call goes on where it was.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/sources/load.js';
import { PffError } from '../errors.js';
import { usableCores } from '../run/cores.js';
import type { RunEvent } from '../run/events.js';
import type { TrainOptions } from '../run/options.js';
import { VERSION } from '../run/version.js';
import { trainUnit } from './accuracy.js';
import { markdownOf } from './markdown.js';
import { onlySchedules, readRecipes, selectTables, type Asked, type Recipes, type Table } from './manifest.js';
import { planOf, type Plan, type Unit } from './plan.js';
import { reportOf, type Report } from './report.js';
import { ResultsFolder, type UnitRecord } from './results-folder.js';
import { makesSmaller, withAllSamples, type Scale } from './scale.js';
import { measureSpeed, type SpeedEvent } from './speed.js';

const MARKDOWN_FILE = 'results.md';
const JSON_FILE = 'results.json';

export interface ReproduceOptions extends Asked {
  /** The results folder. */
  readonly out: string;
  /** A folder with the datasets' files, or with a folder of each; MNIST comes with the program. */
  readonly dataDir?: string | undefined;
  readonly scale?: Scale | undefined;
  /** Seeds 1 … this many; default 1. */
  readonly seeds?: number | undefined;
  /** Nodes that trainings and measurements have here; default one a core, 2 to 4. */
  readonly nodes?: number | undefined;
  /** Rounds of measuring speed; default 3, or 1 where rows are made shorter or smaller; 0 measures and simulates nothing. */
  readonly timingRounds?: number | undefined;
  readonly kernels?: TrainOptions['kernels'];
  readonly signal?: AbortSignal | undefined;
  /** Recipes of one's own, in place of the program's. */
  readonly recipes?: string | undefined;
}

export type ReproduceEvent =
  | { readonly type: 'planned'; readonly trainings: number; readonly done: number; readonly speeds: number }
  | { readonly type: 'training'; readonly name: string; readonly index: number; readonly of: number }
  | { readonly type: 'run'; readonly event: RunEvent }
  | { readonly type: 'trained-row'; readonly name: string; readonly accuracy: number; readonly modelDigest: string }
  | SpeedEvent
  | { readonly type: 'failed'; readonly what: string; readonly reason: string; readonly hint: string | undefined }
  | {
      readonly type: 'reproduced';
      readonly report: Report;
      readonly files: readonly string[];
      readonly failed: number;
    };

/**
 * One row's failure (its data is missing, say) does not stop the others.
 * @throws PffError `usage` for what is asked wrongly; `files`; `interrupted` when `options.signal` aborts.
 */
export async function* reproduce(options: ReproduceOptions): AsyncGenerator<ReproduceEvent, void, undefined> {
  const recipes = readRecipes(options.recipes);
  const tables = selectTables(recipes.manifest, options);
  const nodes = options.nodes ?? Math.min(4, Math.max(2, usableCores()));
  const planned = onlySchedules(tables, options.schedules);
  const plan = planOf(recipes, planned, options.scale ?? {}, options.seeds ?? 1, nodes);
  const folder = new ResultsFolder(options.out);
  try {
    yield* carryOut(plan, recipes, tables, folder, nodes, options);
  } finally {
    folder.close();
  }
}

async function* carryOut(
  plan: Plan,
  recipes: Recipes,
  tables: readonly Table[],
  folder: ResultsFolder,
  nodes: number,
  options: ReproduceOptions,
): AsyncGenerator<ReproduceEvent, void, undefined> {
  const { signal, kernels, timingRounds = makesSmaller(options.scale ?? {}) ? 1 : 3 } = options;
  const how = { signal, kernels };
  const data = new Datasets(options.dataDir);
  const write = (): { report: Report; files: string[] } => writeReport(recipes, tables, folder);
  const speeds = timingRounds > 0 ? plan.speeds : [];
  const { todo, failures } = await unfinished(plan.units, folder, data);
  let failed = 0;
  const failure = (what: string, error: unknown): ReproduceEvent => {
    if (!(error instanceof PffError) || error.code === 'interrupted') throw error;
    failed++;
    return { type: 'failed', what, reason: error.message, hint: error.hint };
  };
  const done = plan.units.length - todo.length - failures.length;
  yield { type: 'planned', trainings: plan.units.length, done, speeds: speeds.length };
  for (const [name, error] of failures) yield failure(name, error);
  write();

  for (const [index, unit] of todo.entries()) {
    yield { type: 'training', name: unit.name, index, of: todo.length };
    try {
      for await (const event of trainUnit(unit, folder, nodes, await data.get(unit.spec.dataset), how)) {
        yield { type: 'run', event };
        if (event.type !== 'finished') continue;
        const { testAccuracy: accuracy, modelDigest } = event.result;
        yield { type: 'trained-row', name: unit.name, accuracy, modelDigest };
      }
    } catch (error) {
      yield failure(unit.name, error);
    }
    write();
  }
  for (const unit of speeds) {
    try {
      yield* measureSpeed(unit, folder, timingRounds, await data.get(unit.measured.dataset), how);
    } catch (error) {
      yield failure(`speed of ${unit.row}`, error);
    }
    write();
  }
  yield { type: 'reproduced', ...write(), failed };
}

/** Trainings that are not done on the data that is here, and those whose data is not. */
async function unfinished(
  units: readonly Unit[],
  folder: ResultsFolder,
  data: Datasets,
): Promise<{ readonly todo: Unit[]; readonly failures: [string, unknown][] }> {
  const known = folder.runs();
  const todo: Unit[] = [];
  const failures: [string, unknown][] = [];
  for (const unit of units) {
    try {
      const dataset = await data.get(unit.spec.dataset);
      const spec = withAllSamples(unit.spec, dataset);
      // Results on another copy of the data stay beside it; those of the same spec for another row are taken.
      const same = known.find(
        (run) => run.dff === unit.dff && run.dataDigest === dataset.digest && isDeepStrictEqual(run.spec, spec),
      );
      const name = same?.name ?? `${unit.name}.${dataset.digest.slice(0, 8)}`;
      if (!same?.finished) todo.push({ ...unit, spec, name });
    } catch (error) {
      failures.push([unit.name, error]);
    }
  }
  return { todo, failures };
}

function writeReport(
  recipes: Recipes,
  tables: readonly Table[],
  folder: ResultsFolder,
): { report: Report; files: string[] } {
  const units: UnitRecord[] = folder.units();
  const about = {
    written: new Date().toISOString(),
    version: VERSION,
    machine: {
      cores: usableCores(),
      platform: `${process.platform} ${process.arch}`,
      node: process.versions.node,
    },
  };
  const report = reportOf(recipes, tables, units, folder.speeds(), about);
  return {
    report,
    files: [
      folder.write(MARKDOWN_FILE, markdownOf(report)),
      folder.write(JSON_FILE, `${JSON.stringify(report, undefined, 2)}\n`),
    ],
  };
}

/** Loads each dataset once. */
class Datasets {
  readonly #dataDir: string | undefined;
  readonly #loaded = new Map<string, Promise<Dataset>>();

  constructor(dataDir: string | undefined) {
    this.#dataDir = dataDir;
  }

  get(name: string): Promise<Dataset> {
    const dataDir = name === 'mnist' ? undefined : this.#dataDir;
    const loaded = this.#loaded.get(name) ?? loadDataset({ dataset: name, dataDir });
    this.#loaded.set(name, loaded);
    return loaded;
  }
}

/** What can be reproduced, for people: tables, their rows, and what each trains. @throws PffError `files` */
export function listRecipes(folder?: string): Recipes {
  return readRecipes(folder);
}
