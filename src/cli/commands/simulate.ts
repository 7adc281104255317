/** `pff simulate`. */
import { PffError } from '../../errors.js';
import * as units from '../../report/units.js';
import { fitToData } from '../../run/fit-to-data.js';
import { checkShards, resolveExecution } from '../../run/options.js';
import { graphShape } from '../../schedule/shape.js';
import { taskCount } from '../../schedule/tasks.js';
import { resolveSpec, type RunSpec } from '../../spec/spec.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { askedKernels, loadPlugin } from '../flags/common-flags.js';
import { askedData } from '../flags/data-flags.js';
import { noWords } from '../flags/flags.js';
import { simulateFlags } from '../flags/simulate-flags.js';
import { findCosts } from '../flags/simulation-costs.js';
import { askedSpec } from '../flags/spec-sources.js';
import { showDff, showPff, type Asks } from '../terminal/show-simulation.js';

/** Takes some ten seconds and a gigabyte. */
const MOST_TASKS = 100_000;
const MOST_NODES = 10_000;

export const simulateCommand = defineCommand({
  name: 'simulate',
  usage: ['pff simulate [options]'],
  about: [
    'It plays the same task graph that real nodes follow, with the costs that tasks have on this machine, or given ones.',
  ],
  flags: simulateFlags,
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
    if (variant === 'dff' && given.nodes !== undefined)
      throw new PffError('usage', 'variant dff has one server for each layer, but --nodes was given', {
        hint: 'Leave --nodes out.',
      });
    if (nodes > MOST_NODES)
      throw new PffError('usage', `--nodes is ${nodes}, but at most ${MOST_NODES} are simulated`, {
        hint: 'More nodes than there are layers and chapters bring nothing.',
      });
    if (variant !== 'dff' && (given.speeds?.length ?? 0) > Math.max(nodes, given['what-if'] ?? 0))
      throw new PffError('usage', `--speeds has ${given.speeds?.length} speeds, but there are ${nodes} nodes`, {
        hint: 'Give one for each of the first nodes; the others have 1.',
      });
    await loadPlugin(given);
    const asked = askedSpec(given);
    if (variant === 'federated') asked.shards ??= nodes;
    const lagFollows = asked.negatives === 'adaptive' && asked.labelLag === undefined;
    if (lagFollows) asked.labelLag = nodes;
    const { dataDir } = askedData(given);
    const fitted = await fitToData(asked, { dataDir });
    const spec = resolveSpec(fitted.spec);
    checkSize(spec);
    if (variant === 'federated') checkShards(spec);
    const found = await findCosts(
      spec,
      {
        costs: given.costs,
        save: given['save-costs'],
        threads: given['threads-per-node'] ?? (given.here ? resolveExecution({ nodes }).threadsPerNode : 1),
        nodes: given.here ? nodes : 1,
        kernels: askedKernels(given),
        dataDir,
        samples: fitted.dataset?.train.count,
      },
      output.err,
    );
    const network = {
      ...(given.bandwidth === undefined ? {} : { bandwidth: given.bandwidth }),
      ...(given.latency === undefined ? {} : { latency: given.latency }),
    };
    const asks: Asks = { gantt: given.gantt, whatIf: given['what-if'], lagFollows, json: given.json ?? false };
    const sharedMemory = given['shared-memory'] ?? given.here ?? false;
    const common = { costs: found.costs, speeds: given.speeds ?? [], network, sharedMemory };
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
