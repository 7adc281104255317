/**
 * A row's schedules against its own Sequential: measured here, one round after the other, with the digests compared, and
 * simulated on the paper's number of nodes with costs calibrated on this machine.
 */
import os from 'node:os';
import type { Dataset } from '../data/dataset.js';
import { calibrate } from '../run/calibrate.js';
import { usableCores } from '../run/cores.js';
import type { TrainOptions } from '../run/options.js';
import { train } from '../run/train.js';
import { VERSION } from '../run/version.js';
import { bound } from '../simulate/bound.js';
import type { Costs } from '../simulate/costs.js';
import { graphShape } from '../schedule/shape.js';
import { simulate } from '../simulate/simulate.js';
import type { Span } from '../schedule/timeline.js';
import { isPipeline, shortHash, type SpeedUnit } from './plan.js';
import type { ResultsFolder, SimulatedLine, SpeedRecord, Timing } from './results-folder.js';

/** What was just done, for people. */
export interface SpeedEvent {
  readonly type: 'speed';
  readonly row: string;
  readonly text: string;
}

type How = Pick<TrainOptions, 'signal' | 'kernels'>;

/** Measures up to `rounds` rounds in all, saving each. @throws PffError as `train` */
export async function* measureSpeed(
  unit: SpeedUnit,
  folder: ResultsFolder,
  rounds: number,
  dataset: Dataset,
  how: How,
): AsyncGenerator<SpeedEvent, void, undefined> {
  // Rounds on another copy of the data, another machine or other kernels, or of another version, have a record of their own.
  const machine = shortHash([how.kernels ?? 'auto', usableCores(), os.cpus()[0]?.model]);
  const name = `${unit.name}.${dataset.digest.slice(0, 8)}.${machine}.${VERSION}`;
  let record = folder.speed(name) ?? { ...emptyRecord(unit), name };
  const keep = (change: Partial<SpeedRecord>): void => {
    record = { ...record, ...change, date: new Date().toISOString() };
    folder.saveSpeed(record);
  };
  while (record.rounds.length < rounds) {
    const timings: Timing[] = [];
    for (const schedule of ['sequential', ...unit.schedules] as const) {
      const { timing, kernels } = await measure(unit, schedule, dataset, how);
      timings.push(timing);
      record = { ...record, kernels };
      const text = `round ${record.rounds.length + 1} of ${rounds}: ${schedule} on ${timing.nodes}, ${timing.seconds.toFixed(2)} s`;
      yield { type: 'speed', row: unit.row, text };
    }
    keep({ rounds: [...record.rounds, timings] });
  }
  if (record.costs !== undefined) return;
  const [first] = unit.simulated;
  if (first === undefined) return;
  const { costs } = await calibrate(first.spec, { ...how, threads: 1 }, dataset);
  const simulated = unit.simulated.flatMap(({ line, spec }): SimulatedLine[] =>
    isPipeline(line.schedule) ? [simulatedLine(spec, line.schedule, line.nodes, costs)] : [],
  );
  keep({ costs, simulated });
  for (const { schedule, nodes, speedUp } of simulated)
    yield { type: 'speed', row: unit.row, text: `simulated: ${schedule} on ${nodes}, ${speedUp.toFixed(2)}x` };
}

function emptyRecord({ row, measured, nodes }: SpeedUnit): Omit<SpeedRecord, 'name'> {
  return {
    row,
    measured,
    nodes,
    date: '',
    version: VERSION,
    cores: usableCores(),
    kernels: '',
    rounds: [],
    simulated: [],
    costs: undefined,
  };
}

async function measure(
  { measured: spec, nodes: many }: SpeedUnit,
  schedule: Timing['schedule'],
  dataset: Dataset,
  how: How,
): Promise<{ readonly timing: Timing; readonly kernels: string }> {
  const nodes = schedule === 'sequential' ? 1 : many;
  const spans: Span[] = [];
  for await (const event of train({ ...how, spec, variant: schedule, nodes, threadsPerNode: 1 }, dataset)) {
    if (event.type === 'task-finished') spans.push(...event.spans);
    if (event.type !== 'finished') continue;
    const { utilisation, bytesMoved, modelDigest, kernels } = event.result;
    const bytesPerChapter = bytesMoved / spec.splits;
    return { timing: { schedule, nodes, seconds: length(spans), utilisation, bytesPerChapter, modelDigest }, kernels };
  }
  throw new Error('the run ended without a result');
}

/** Workers start once in a run, however long it is; what their start takes is left out. */
function length(spans: readonly Span[]): number {
  return Math.max(...spans.map(({ end }) => end)) - Math.min(...spans.map(({ start }) => start));
}

function simulatedLine(
  spec: SpeedUnit['measured'],
  schedule: SimulatedLine['schedule'],
  nodes: number,
  costs: Costs,
): SimulatedLine {
  const shape = graphShape(spec);
  const { summary } = simulate({ shape, variant: schedule, nodes, costs });
  // With the same label lag, as it is measured: with a lag of 1, labels are predicted before more of the chapters.
  const alone = simulate({ shape, variant: 'sequential', nodes: 1, costs }).summary.makespan;
  return {
    schedule,
    nodes,
    labelLag: shape.labelLag,
    splits: shape.splits,
    speedUp: alone / summary.makespan,
    bound: alone / bound(shape, schedule, nodes, costs),
    utilisation: summary.utilisation,
    bytesPerChapter: summary.bytesIn / shape.splits,
    aloneSeconds: alone,
  };
}
