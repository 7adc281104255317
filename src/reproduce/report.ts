/** The tables of `pff reproduce` as plain data: the paper's figures beside the results that a folder holds. Pure. */
import { describeLayers, type LayerSize } from '../layers/sizes.js';
import type { RunSpec } from '../spec/spec.js';
import {
  isTrained,
  specOfLine,
  type Line,
  type QuotedRow,
  type Recipes,
  type Table,
  type TrainedRow,
} from './manifest.js';
import { isPipeline, type PipelineSchedule } from './plan.js';
import type { SimulatedLine, SpeedRecord, UnitRecord } from './results-folder.js';
import { isOfRow, scaleFlags, scaleKey, shortfall } from './scale.js';
import { meanOf, median, type MeanOf } from './statistics.js';

export interface Report {
  readonly format: 'pff-reproduce-results/1';
  readonly written: string;
  readonly version: string;
  readonly machine: Machine;
  readonly tables: readonly TableReport[];
}

export interface Machine {
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
}

export interface TableReport {
  readonly name: string;
  readonly title: string;
  readonly lines: readonly (LineReport | QuotedRow)[];
}

export interface LineReport {
  readonly row: string;
  readonly label: string;
  readonly schedule: Line['schedule'];
  /** Nodes that the paper has. */
  readonly nodes: number;
  readonly labelLag: number | undefined;
  readonly paper: Line['paper'];
  /** The paper's time on one node by its time here; undefined where it has not both. */
  readonly paperSpeedUp: number | undefined;
  /** The longest first. */
  readonly results: readonly ScaledResult[];
  /** What would run the line as the paper has it. */
  readonly command: string;
  readonly speed: LineSpeed | undefined;
}

/** Results of one line at one scale, on one copy of the data. */
export interface ScaledResult {
  /** What is less than the row asks for; empty for full length and size. */
  readonly shortfall: readonly string[];
  /** Options that gave it, after the line's command. */
  readonly options: string;
  /** Percent. */
  readonly accuracy: MeanOf;
  readonly seeds: readonly SeedResult[];
  readonly spec: RunSpec;
  readonly dataDigest: string;
  /** Set where the data is not the original. */
  readonly dataNote: string | undefined;
}

export interface SeedResult {
  readonly seed: number;
  readonly accuracy: number;
  readonly modelDigest: string;
  readonly finished: string;
  readonly version: string;
  readonly cores: number;
  readonly kernels: string;
  /** How it was carried out; it changes no bit. */
  readonly schedule: string;
  readonly nodes: number;
}

export interface LineSpeed {
  readonly record: Pick<SpeedRecord, 'date' | 'cores' | 'kernels' | 'nodes'> & { readonly rounds: number };
  readonly chapters: number;
  readonly samples: number;
  readonly layers: readonly LayerSize[];
  readonly precision: RunSpec['precision'];
  /** False where the layers are not the row's own. */
  readonly fullWidth: boolean;
  /** Medians over rounds; undefined before the first. */
  readonly measured:
    | {
        readonly sequentialSeconds: number;
        readonly seconds: number;
        readonly speedUp: number;
        readonly utilisation: number;
        readonly bytesPerChapter: number;
        /** Whether all schedules of each round gave one digest. */
        readonly sameBits: boolean;
        readonly modelDigest: string;
      }
    | undefined;
  readonly simulated: SimulatedLine | undefined;
}

/** All rows of the tables that are asked for, and of those that the folder has anything of. */
export function reportOf(
  recipes: Recipes,
  asked: readonly Table[],
  units: readonly UnitRecord[],
  speeds: readonly SpeedRecord[],
  about: Pick<Report, 'written' | 'version' | 'machine'>,
): Report {
  const names = new Set(asked.map(({ name }) => name));
  const tables = recipes.manifest.tables.map(({ name, title, rows }) => ({
    name,
    title,
    lines: rows.flatMap((row): (LineReport | QuotedRow)[] =>
      isTrained(row) ? row.lines.map((line) => lineReport(recipes, name, row, line, units, speeds)) : [row],
    ),
  }));
  // Baselines stand in several tables; a result of theirs alone does not bring in the others.
  const shown = new Set(asked.flatMap(({ rows }) => rows.map(({ id }) => id)));
  const hasAny = ({ lines }: TableReport): boolean =>
    lines.some((line) => 'results' in line && !shown.has(line.row) && (line.results.length > 0 || line.speed));
  return {
    format: 'pff-reproduce-results/1',
    ...about,
    tables: tables.filter((table) => names.has(table.name) || hasAny(table)),
  };
}

function lineReport(
  recipes: Recipes,
  table: string,
  row: TrainedRow,
  line: Line,
  units: readonly UnitRecord[],
  speeds: readonly SpeedRecord[],
): LineReport {
  const full = specOfLine(recipes.specs.get(row.id) ?? {}, line);
  const command = `pff reproduce ${table} --rows ${row.id}`;
  const { schedule, nodes, labelLag, paper } = line;
  const alone = row.lines.find((each) => each.schedule === 'sequential')?.paper?.seconds;
  const took = isPipeline(schedule) ? paper?.seconds : undefined;
  return {
    row: row.id,
    label: row.label,
    schedule,
    nodes,
    labelLag: full.negatives === 'adaptive' ? (labelLag ?? 1) : undefined,
    paper,
    paperSpeedUp: alone === undefined || took === undefined ? undefined : alone / took,
    results: resultsOf(recipes, row, full, schedule === 'dff', units),
    command,
    speed: isPipeline(schedule) ? speedOf(row.id, schedule, full, speeds) : undefined,
  };
}

function resultsOf(
  recipes: Recipes,
  row: TrainedRow,
  full: RunSpec,
  dff: boolean,
  units: readonly UnitRecord[],
): ScaledResult[] {
  const mine = units.filter(({ spec, result }) => isOfRow(full, spec) && (result.variant === 'dff') === dff);
  const groups = new Map<string, UnitRecord[]>();
  for (const record of mine) {
    const key = `${scaleKey(record.spec)} ${record.result.dataDigest}`;
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  return [...groups.values()]
    .flatMap((group): ScaledResult[] => {
      const bySeed = new Map(group.map((record) => [record.spec.seed, record]));
      const sorted = [...bySeed.values()].toSorted((a, b) => a.spec.seed - b.spec.seed);
      const [first] = sorted;
      if (first === undefined) return [];
      const { spec, result } = first;
      const seeds = sorted.map((record) => seedResult(row, record));
      const most = Math.max(...seeds.map(({ seed }) => seed));
      const flags = [scaleFlags(full, spec), most > 1 ? `--seeds ${most}` : ''].filter(Boolean);
      return [
        {
          shortfall: shortfall(full, spec),
          options: flags.join(' '),
          accuracy: meanOf(seeds.map(({ accuracy }) => accuracy)),
          seeds,
          spec,
          dataDigest: result.dataDigest,
          dataNote: recipes.manifest.copies[result.dataDigest],
        },
      ];
    })
    .toSorted(
      (a, b) =>
        a.shortfall.length - b.shortfall.length || b.spec.epochs - a.spec.epochs || a.options.length - b.options.length,
    );
}

function seedResult(row: TrainedRow, { spec, result, note }: UnitRecord): SeedResult {
  const share = row.reads === 'last-layer' ? (result.layerAccuracy.at(-1) ?? Number.NaN) : result.testAccuracy;
  return {
    seed: spec.seed,
    accuracy: 100 * share,
    modelDigest: result.modelDigest,
    ...note,
    kernels: result.kernels,
    schedule: result.variant,
    nodes: result.nodes,
  };
}

/**
 * A measurement of the row as it is now, at whatever width and precision: of its own width rather than another, measured and
 * simulated rather than one of both, the newest.
 */
function speedOf(
  row: string,
  schedule: PipelineSchedule,
  full: RunSpec,
  speeds: readonly SpeedRecord[],
): LineSpeed | undefined {
  const isOf = (each: { readonly schedule: string }): boolean => each.schedule === schedule;
  const known = (each: SpeedRecord): number =>
    Number(each.rounds.some((round) => round.some(isOf))) + Number(each.simulated.some(isOf));
  const [record] = speeds
    .filter((each) => each.row === row && isOfRow({ ...full, labelLag: each.measured.labelLag }, each.measured))
    .filter((each) => known(each) > 0)
    .toSorted(
      (a, b) =>
        Number(isFullWidth(full, b)) - Number(isFullWidth(full, a)) ||
        known(b) - known(a) ||
        (a.date < b.date ? 1 : -1),
    );
  if (record === undefined) return undefined;
  const pairs = record.rounds.flatMap((round) => {
    const one = round.find((timing) => timing.schedule === 'sequential');
    const many = round.find(isOf);
    return one && many ? [{ one, many }] : [];
  });
  const rounds = record.rounds.map((round) => new Set(round.map(({ modelDigest }) => modelDigest)));
  const over = (pick: (pair: (typeof pairs)[number]) => number): number => median(pairs.map(pick));
  const { date, cores, kernels, nodes, measured: spec } = record;
  return {
    record: { date, cores, kernels, nodes, rounds: record.rounds.length },
    chapters: spec.splits,
    samples: spec.trainSamples,
    layers: spec.layers,
    precision: spec.precision,
    fullWidth: isFullWidth(full, record),
    measured:
      pairs.length === 0
        ? undefined
        : {
            sequentialSeconds: over(({ one }) => one.seconds),
            seconds: over(({ many }) => many.seconds),
            speedUp: over(({ one, many }) => one.seconds / many.seconds),
            utilisation: over(({ many }) => many.utilisation),
            bytesPerChapter: over(({ many }) => many.bytesPerChapter),
            sameBits: rounds.every(({ size }) => size === 1),
            modelDigest: [...new Set(rounds.flatMap((digests) => [...digests]))].join(' '),
          },
    simulated: record.simulated.find(isOf),
  };
}

function isFullWidth(full: RunSpec, { measured }: SpeedRecord): boolean {
  return describeLayers(full.layers) === describeLayers(measured.layers);
}
