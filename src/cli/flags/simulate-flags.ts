/** The flags of `pff simulate`. */
import { VARIANTS } from '../../schedule/assign.js';
import { dataDirFlag, ganttFlag, jsonFlag, kernelsFlags, pluginFlag } from './common-flags.js';
import { dataFlags } from './data-flags.js';
import { choiceFlag, flag, numberFlag, numbersFlag, textFlag } from './flags.js';
import { specFlags, specSourceFlags } from './spec-sources.js';

const group = 'Simulation';

export const simulateFlags = {
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
  'shared-memory': {
    ...flag(
      'the nodes are on one machine: those of single-layer hand on layer inputs, as pff train --nodes does; --here too',
    ),
    group,
  },
  'save-costs': { ...textFlag('FILE', 'write the costs to a file for --costs'), group },
  'threads-per-node': {
    ...numberFlag('N', "threads of a node's kernels while measuring", { whole: true, least: 1 }),
    group,
    shownDefault: '1; with --here the cores by the nodes, as pff train takes them',
  },
  ...kernelsFlags({ group }),
  'what-if': {
    ...numberFlag('N', 'a table over 1 to N nodes: what more of them would bring', { whole: true, least: 1 }),
    group,
  },
  gantt: { ...ganttFlag, group },
  'data-dir': { ...dataDirFlag, group },
  plugin: { ...pluginFlag, group },
  json: { ...jsonFlag, group },
  ...dataFlags,
  ...specSourceFlags,
  ...specFlags,
};
