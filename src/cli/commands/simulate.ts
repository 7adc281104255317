/** `pff simulate`. */
import { PffError } from '../../errors.js';
import { rowWidths } from '../../layers/sizes.js';
import { simulationTable } from '../../report/simulation-table.js';
import * as units from '../../report/units.js';
import { type PffVariant, VARIANTS } from '../../schedule/assign.js';
import { graphShape, type GraphShape } from '../../schedule/shape.js';
import { taskCount } from '../../schedule/tasks.js';
import type { Timeline, TimelineSummary } from '../../schedule/timeline.js';
import { bound } from '../../simulate/bound.js';
import { simulateDff } from '../../simulate/dff.js';
import { limitOf } from '../../simulate/limits.js';
import { simulate, type SimulationInput } from '../../simulate/simulate.js';
import { trafficPerChapter } from '../../simulate/traffic.js';
import { defaultNodeCounts, whatIf } from '../../simulate/what-if.js';
import { resolveSpec, type RunSpec } from '../../spec/spec.js';
import { defineCommand } from '../command.js';
import { dataDirFlag, ganttFlag, jsonFlag, kernelsFlag, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { findCosts, type CostsFound } from '../flags/simulation-costs.js';
import { DONE } from '../exit-codes.js';
import { choiceFlag, flag, noWords, numberFlag, numbersFlag, textFlag } from '../flags/flags.js';
import { drawGantt } from '../terminal/gantt.js';
import type { Output } from '../terminal/output.js';
import { askedSpec, specFlags, specSourceFlags } from '../flags/spec-sources.js';

const group = 'Simulation';
/** How many rows DFF has where neither measuring nor --train-samples says. */
const MNIST_SAMPLES = 60_000;
/** Takes some ten seconds and a gigabyte. */
const MOST_TASKS = 100_000;

const flags = {
  variant: { ...choiceFlag(VARIANTS, 'who does which task'), group, shownDefault: 'all-layers' },
  nodes: {
    ...numberFlag('N', 'how many nodes', { whole: true, least: 1 }),
    group,
    shownDefault: '4; 1 for sequential',
  },
  speeds: { ...numbersFlag('X,X,…', 'speed of each node, 1 being this machine'), group, shownDefault: '1 for all' },
  bandwidth: {
    ...numberFlag('X', "bytes a second of each node's link in each direction, such as 1e9", { above: 0 }),
    group,
    shownDefault: 'transfers take no time',
  },
  latency: { ...numberFlag('X', 'seconds that each transfer takes on top', { least: 0 }), group, shownDefault: '0' },
  costs: {
    ...textFlag(
      'FILE',
      'JSON file with the seconds of tasks and the bytes of layers, or the word equal: every layer takes 1 s',
    ),
    group,
    shownDefault: 'measured here',
  },
  calibrate: {
    ...flag('measure the costs on this machine, by training on a few batches (what happens without --costs)'),
    group,
  },
  here: {
    ...flag('the nodes are threads of this machine: measure while as many compute at once'),
    group,
  },
  'save-costs': { ...textFlag('FILE', 'write the costs to a file for --costs'), group },
  'threads-per-node': {
    ...numberFlag('N', "threads of a node's kernels while measuring", { whole: true, least: 1 }),
    group,
    shownDefault: '1',
  },
  kernels: { ...kernelsFlag, group },
  'what-if': {
    ...numberFlag('N', 'a table over 1 to N nodes: what more of them would bring', { whole: true, least: 1 }),
    group,
  },
  gantt: { ...ganttFlag, group },
  'data-dir': { ...dataDirFlag, group },
  plugin: { ...pluginFlag, group },
  json: { ...jsonFlag, group },
  ...specSourceFlags,
  ...specFlags,
};

export const simulateCommand = defineCommand({
  name: 'simulate',
  usage: ['pff simulate [options]'],
  about: [
    'It plays the same task graph that real nodes follow, with the costs that tasks have on this machine, or given ones.',
  ],
  flags,
  examples: [
    [
      'pff simulate --nodes 4 --splits 100 --epochs 100 --layers 784,2000,2000,2000,2000',
      "the paper's network on four machines like this one",
    ],
    ['pff simulate --here --nodes 2', 'how long pff train --nodes 2 would take on this machine'],
    ['pff simulate --what-if 64', 'from where on more nodes do not help, and why'],
    ['pff simulate --costs equal --nodes 4 --splits 8 --gantt', "a picture like the paper's figures"],
    ['pff simulate --nodes 3 --speeds 1,1,0.5 --bandwidth 1e8 --latency 0.001', 'a slow node and a slow network'],
  ],
  run: async ({ flags: given, words }, output) => {
    noWords('simulate', words);
    const measuring = given.calibrate ? 'calibrate' : given.here ? 'here' : undefined;
    if (measuring !== undefined && given.costs !== undefined)
      throw new PffError('usage', `--${measuring} measures costs, but --costs gives them`, {
        hint: 'Leave one of them out.',
      });
    const variant = given.variant ?? 'all-layers';
    const nodes = given.nodes ?? (variant === 'sequential' ? 1 : 4);
    if (variant === 'sequential' && nodes > 1)
      throw new PffError('usage', `variant sequential runs on one node, but --nodes is ${nodes}`);
    await loadPlugin(given);
    const asked = askedSpec(given);
    if (variant === 'federated') asked.shards ??= nodes;
    const lagFollows = asked.negatives === 'adaptive' && asked.labelLag === undefined;
    if (lagFollows) asked.labelLag = nodes;
    const spec = resolveSpec(asked);
    checkSize(spec);
    const found = await findCosts(
      spec,
      {
        costs: given.costs,
        save: given['save-costs'],
        threads: given['threads-per-node'] ?? 1,
        nodes: given.here ? nodes : 1,
        kernels: given.kernels,
        dataDir: given['data-dir'],
      },
      output.err,
    );
    const network = {
      ...(given.bandwidth === undefined ? {} : { bandwidth: given.bandwidth }),
      ...(given.latency === undefined ? {} : { latency: given.latency }),
    };
    const asks: Asks = { gantt: given.gantt, whatIf: given['what-if'], lagFollows, json: given.json ?? false };
    const common = { costs: found.costs, speeds: given.speeds ?? [], network };
    if (variant === 'dff') showDff(spec, found, common, asks, output);
    else showPff(spec, found, { ...common, shape: graphShape(spec), variant, nodes }, asks, output);
    return DONE;
  },
});

/** Each task is played, and kept for the timeline. @throws PffError `usage` where that would take minutes and gigabytes. */
function checkSize(spec: RunSpec): void {
  const { splits, layers } = spec;
  const tasks = taskCount(graphShape(spec));
  if (tasks <= MOST_TASKS) return;
  throw new PffError(
    'usage',
    `${units.count(splits)} chapters of ${layers.length - 1} layers are ${units.count(tasks)} tasks, but only ${units.count(MOST_TASKS)} are simulated`,
    {
      hint: `Lower --splits to ${units.count(Math.floor(MOST_TASKS / Math.ceil(tasks / splits)))} or less: beyond that, time grows with the number of chapters.`,
    },
  );
}

interface Asks {
  readonly gantt: string | undefined;
  readonly whatIf: number | undefined;
  /** The label lag is as many chapters as there are nodes. */
  readonly lagFollows: boolean;
  readonly json: boolean;
}

function showPff(
  spec: RunSpec,
  found: CostsFound,
  input: SimulationInput & { readonly variant: PffVariant },
  asks: Asks,
  output: Output,
): void {
  const { shape, variant, nodes, costs, speeds = [] } = input;
  const { timeline, summary, peakStoreBytes } = simulate(input);
  const least = bound(shape, variant, nodes, costs, speeds);
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

function showDff(
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
  return (spec.negatives === 'none' ? 1 : 2) * (found.samples ?? (spec.trainSamples || MNIST_SAMPLES));
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
