/** A simulation on the terminal: what the schedule comes to, as text or as one JSON object. */
import { PffError } from '../../errors.js';
import { rowWidths } from '../../layers/sizes.js';
import { simulationTable } from '../../report/simulation-table.js';
import * as units from '../../report/units.js';
import type { PffVariant } from '../../schedule/assign.js';
import type { GraphShape } from '../../schedule/shape.js';
import type { Timeline, TimelineSummary } from '../../schedule/timeline.js';
import { bound } from '../../simulate/bound.js';
import { simulateDff } from '../../simulate/dff.js';
import { limitOf } from '../../simulate/limits.js';
import { simulate, type SimulationInput } from '../../simulate/simulate.js';
import { trafficPerChapter } from '../../simulate/traffic.js';
import { defaultNodeCounts, whatIf } from '../../simulate/what-if.js';
import type { RunSpec } from '../../spec/spec.js';
import type { CostsFound } from '../flags/simulation-costs.js';
import { drawGantt } from './gantt.js';
import type { Output } from './output.js';

/** What is to be shown. */
export interface Asks {
  readonly gantt: string | undefined;
  readonly whatIf: number | undefined;
  /** The label lag is as many chapters as there are nodes. */
  readonly lagFollows: boolean;
  readonly json: boolean;
}

export function showPff(
  spec: RunSpec,
  found: CostsFound,
  input: SimulationInput & { readonly variant: PffVariant },
  asks: Asks,
  output: Output,
): void {
  const { shape, variant, nodes, costs, speeds = [], sharedMemory = false } = input;
  const { timeline, summary, peakStoreBytes } = simulate(input);
  const least = bound(shape, variant, nodes, costs, { speeds, sharedMemory });
  const alone = simulate({ shape, variant: 'sequential', nodes: 1, costs }).summary.makespan;
  const speedUp = summary.makespan > 0 ? alone / summary.makespan : 1;
  const limit = limitOf(input);
  const counts = asks.whatIf === undefined ? undefined : nodeCounts(asks.whatIf);
  const shapeFor = (count: number): GraphShape => (asks.lagFollows ? { ...shape, labelLag: count } : shape);
  const table = counts && whatIf(input, counts, shapeFor);
  const { makespan, utilisation } = summary;
  const rows = rowsOf(spec, found);
  const layerUnits = rowWidths(spec.layers);
  const traffic = trafficPerChapter(
    shape,
    variant,
    nodes,
    costs,
    { units: layerUnits, rows },
    spec.epochs / spec.splits,
  );
  if (asks.json) {
    const figures = {
      makespan,
      bound: least,
      alone,
      speedUp,
      utilisation,
      bytesIn: summary.bytesIn,
      bytesOut: summary.bytesOut,
    };
    output.out.line(
      JSON.stringify({
        variant,
        nodes,
        ...figures,
        peakStoreBytes,
        trafficPerChapter: traffic,
        idle: summary.idle,
        limit,
        costs,
        costsFrom: found.source,
        spec,
        whatIf: table,
      }),
    );
  } else {
    const { out } = output;
    out.line(
      `${variant} on ${nodes} ${nodes === 1 ? 'node' : 'nodes'}: ${shape.layers} layers${shape.head ? ' and a softmax head' : ''}, ${shape.splits} chapters`,
    );
    out.line(`costs        ${found.source}`);
    out.line(
      `time         ${out.paint.bold(units.duration(makespan))}; the bound of the schedule is ${units.duration(least)}`,
    );
    out.line(
      `speed-up     ${out.paint.bold(`${speedUp.toFixed(2)}x`)} over one node of speed 1, which takes ${units.duration(alone)}`,
    );
    out.line(`utilisation  ${units.percent(utilisation, 1)}`);
    out.line(
      `moved        ${units.bytes(summary.bytesIn)} in, ${units.bytes(summary.bytesOut)} out; the store holds at most ${units.bytes(peakStoreBytes)}`,
    );
    if (traffic.pff.published > 0)
      out.line(
        `per chapter  ${units.bytes(traffic.pff.published)} out, ${units.bytes(traffic.pff.fetched)} in; DFF with the same layers and data: ` +
          `${units.bytes(traffic.dff.published)} out and in, ${traffic.ratio.toFixed(1)} times as much`,
      );
    out.line(`limit        ${limit.text}`);
    if (table) out.write(`\n${simulationTable(table)}`);
  }
  drawIfAsked(asks, timeline, `${variant} on ${nodes} nodes, simulated`, least, output);
}

export function showDff(
  spec: RunSpec,
  found: CostsFound,
  { costs, speeds, network }: Pick<SimulationInput, 'costs' | 'speeds' | 'network'>,
  asks: Asks,
  output: Output,
): void {
  if (asks.whatIf !== undefined)
    throw new PffError('usage', 'variant dff has one server for each layer: there is no table over nodes', {
      hint: 'Leave --what-if out.',
    });
  const rows = rowsOf(spec, found);
  // A full-batch step of DFF sees every row once, as an epoch of training here does.
  const seconds = costs.train.map((chapter) => (chapter * spec.splits) / spec.epochs);
  const shape = { units: rowWidths(spec.layers), steps: spec.epochs, rows };
  const { timeline, summary } = simulateDff({
    shape,
    seconds,
    ...(speeds ? { speeds } : {}),
    ...(network ? { network } : {}),
  });
  const servers = shape.units.length;
  if (asks.json)
    output.out.line(
      JSON.stringify({ variant: 'dff', nodes: servers, ...figuresOf(summary), costs, costsFrom: found.source, spec }),
    );
  else {
    const { out } = output;
    out.line(`dff: ${servers} servers, a layer each, ${shape.steps} full-batch steps of ${units.count(rows)} rows`);
    out.line(`costs        ${found.source}`);
    out.line(`time         ${out.paint.bold(units.duration(summary.makespan))}`);
    out.line(`utilisation  ${units.percent(summary.utilisation, 1)}`);
    out.line(`moved        ${units.bytes(summary.bytesOut)}: the layers' whole outputs`);
  }
  drawIfAsked(asks, timeline, `dff on ${servers} servers, simulated`, undefined, output);
}

/** Rows of the training data as DFF's servers see them: positive and negative ones, or neutral ones. */
function rowsOf(spec: RunSpec, found: CostsFound): number {
  return (spec.negatives === 'none' ? 1 : 2) * found.samples;
}

function figuresOf({
  makespan,
  utilisation,
  bytesIn,
  bytesOut,
  idle,
}: TimelineSummary): Omit<TimelineSummary, 'busy' | 'nodes'> {
  return { makespan, utilisation, bytesIn, bytesOut, idle };
}

function drawIfAsked(
  { gantt, json }: Asks,
  timeline: Timeline,
  title: string,
  least: number | undefined,
  { out, err }: Output,
): void {
  if (gantt === undefined) return;
  drawGantt(gantt, timeline, { title, ...(least === undefined ? {} : { bound: least }) }, json ? err : out);
}

function nodeCounts(most: number): readonly number[] {
  return [...defaultNodeCounts.filter((count) => count < most), most];
}
