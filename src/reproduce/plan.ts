/** What is to be done for the rows that are asked for: trainings (none twice) and measurements of speed. */
import { createHash } from 'node:crypto';
import { usesPredictedLabels, isBackprop, type RunSpec } from '../spec/spec.js';
import { isTrained, specOfLine, type Line, type Recipes, type Table, type TrainedRow } from './manifest.js';
import { scaled, type Scale } from './scale.js';

/** One training: a row at a seed. Lines that differ in schedule only share it, for schedules change no bit. */
export interface Unit {
  /** Name of its run folder, unless an earlier call, of whatever row or version, gave it another. */
  readonly name: string;
  /** The row that it was first asked for. */
  readonly row: string;
  readonly spec: RunSpec;
  readonly dff: boolean;
}

/** One row's schedules against Sequential, measured here and simulated. */
export interface SpeedUnit {
  /** Begins the name of its record. */
  readonly name: string;
  readonly row: string;
  /** What is measured: a few short chapters. */
  readonly measured: RunSpec;
  /** What is simulated, by line; full length, whatever the scale. */
  readonly simulated: readonly { readonly line: Line; readonly spec: RunSpec }[];
  readonly schedules: readonly PipelineSchedule[];
  readonly nodes: number;
}

export type PipelineSchedule = 'single-layer' | 'all-layers';

export interface Plan {
  readonly units: readonly Unit[];
  readonly speeds: readonly SpeedUnit[];
}

/** A measured run: so many chapters of one epoch, of so many images. Long enough that filling the pipeline is seen, too. */
const MEASURED_CHAPTERS = 8;
const MEASURED_SAMPLES = 3000;

export function planOf(recipes: Recipes, tables: readonly Table[], scale: Scale, seeds: number, nodes: number): Plan {
  const rows = tables.flatMap((table) => table.rows).filter(isTrained);
  const units = new Map<string, Unit>();
  const speeds = new Map<string, SpeedUnit>();
  // All rows at the first seed come first, so that each has a figure as soon as can be.
  for (let seed = 1; seed <= seeds; seed++)
    for (const row of rows)
      for (const line of row.lines) {
        const spec = { ...lineSpec(recipes, row, line, scale), seed };
        const dff = line.schedule === 'dff';
        const hash = shortHash([spec, dff]);
        if (!units.has(hash)) units.set(hash, { name: `${prefixOf(row.id, spec)}.${hash}`, row: row.id, spec, dff });
      }
  for (const row of rows) {
    const speed = speedOf(recipes, row, scale, nodes);
    if (speed && !speeds.has(speed.name)) speeds.set(speed.name, speed);
  }
  return { units: [...units.values()], speeds: [...speeds.values()] };
}

/** The spec of a line at a scale, with seed 1. */
export function lineSpec(recipes: Recipes, row: TrainedRow, line: Line, scale: Scale): RunSpec {
  return scaled(specOfLine(recipes.specs.get(row.id) ?? {}, line), scale);
}

function prefixOf(row: string, { labelLag, epochs, seed }: RunSpec): string {
  return `${row}${labelLag === 1 ? '' : `.lag${labelLag}`}.e${epochs}.seed${seed}`;
}

function speedOf(recipes: Recipes, row: TrainedRow, scale: Scale, nodes: number): SpeedUnit | undefined {
  const schedules = row.lines.map(({ schedule }) => schedule).filter(isPipeline);
  const [line] = row.lines;
  if (schedules.length === 0 || line === undefined) return undefined;
  const simulated = row.lines
    .filter((each) => isPipeline(each.schedule))
    .map((each) => ({
      line: each,
      spec: lineSpec(recipes, row, each, { layers: scale.layers, precision: scale.precision }),
    }));
  const base = lineSpec(recipes, row, line, scale);
  const measured: RunSpec = {
    ...base,
    epochs: MEASURED_CHAPTERS,
    splits: MEASURED_CHAPTERS,
    trainSamples: Math.min(MEASURED_SAMPLES, base.trainSamples || MEASURED_SAMPLES),
    testSamples: 1,
    // One lag for all, Sequential too: the same work, and so the same bits.
    labelLag: usesPredictedLabels(base.negatives) ? nodes : 1,
  };
  return {
    name: `${row.id}.${shortHash([measured, nodes, schedules, simulated])}`,
    row: row.id,
    measured,
    simulated,
    schedules,
    nodes,
  };
}

export function isPipeline(schedule: Line['schedule']): schedule is PipelineSchedule {
  return schedule === 'single-layer' || schedule === 'all-layers';
}

/** How a unit is carried out: in the pipeline where it can be. It changes no bit. */
export function variantOf({ spec, dff }: Unit, nodes: number): 'dff' | 'sequential' | 'all-layers' {
  if (dff) return 'dff';
  return isBackprop(spec.objective) || nodes === 1 ? 'sequential' : 'all-layers';
}

/** Objects with their fields in order, so that the same content has the same name. */
export function shortHash(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
