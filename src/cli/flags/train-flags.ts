/** The flags of `pff train`. */
import { metricsFormats } from '../../run/metrics-log.js';
import { VARIANTS } from '../../schedule/assign.js';
import { dataDirFlag, ganttFlag, jsonFlag, kernelsFlags, measuringFlags, pluginFlag } from './common-flags.js';
import { dataFlags } from './data-flags.js';
import { choiceFlag, flag, listFlag, numberFlag, textFlag, textsFlag } from './flags.js';
import { pageFlags } from './page-flags.js';
import { shareFlags } from './share-flags.js';
import { clusterGroup, serverFlags, submissionFlags } from './server-flags.js';
import { specFlags, specSourceFlags } from './spec-sources.js';

const pipeline = { group: 'How it is carried out (changes the time, not the bits)' };

export const trainFlags = {
  ...dataFlags,
  ...specSourceFlags,
  ...specFlags,
  variant: {
    ...choiceFlag(VARIANTS, 'who does which task'),
    ...pipeline,
    shownDefault: 'sequential; all-layers with several nodes',
  },
  nodes: {
    ...numberFlag('N', 'worker threads that are nodes', { whole: true, least: 1 }),
    ...pipeline,
    shownDefault: '1',
  },
  'threads-per-node': {
    ...numberFlag('N', "threads of each node's kernels", { whole: true, least: 1 }),
    ...pipeline,
    shownDefault: 'cores / nodes',
  },
  ...kernelsFlags(pipeline),
  gpus: {
    ...textsFlag(
      'GPU,…',
      'a GPU for each of the first nodes, as --gpu has it, or all; the other nodes compute on the CPU',
    ),
    ...pipeline,
  },
  repeat: {
    ...numberFlag('RATE', 'do so many of the tasks (0 to 1) twice and compare the bits: finds bad memory and CPUs', {
      least: 0,
    }),
    ...pipeline,
    shownDefault: '0',
  },
  ...serverFlags,
  run: {
    ...textFlag('NAME', 'name of the run on the cluster'),
    ...clusterGroup,
    shownDefault: 'made from the run folder',
  },
  ...submissionFlags,
  share: {
    ...flag('let browsers take part by a link (with --server); pff share RUN does so later'),
    group: 'Browsers as nodes',
  },
  ...shareFlags,
  'data-dir': { ...dataDirFlag, group: 'Files and output' },
  'shard-dirs': {
    ...textsFlag(
      'DIR,DIR,…',
      'federated: a folder for each shard, whose training data only its node reads; tested on what --data-dir has',
    ),
    group: 'Files and output',
  },
  out: {
    ...textFlag('DIR', 'run folder to make; it must not exist or be empty'),
    group: 'Files and output',
    shownDefault: 'pff-runs/DATE-TIME-DATASET-OBJECTIVE',
  },
  tag: {
    ...textsFlag('TAG,…', 'words by which to find the run again (pff list --tag); they change no bits'),
    group: 'Files and output',
  },
  note: { ...textFlag('TEXT', 'a note for people; pff tag changes it'), group: 'Files and output' },
  plugin: { ...pluginFlag, group: 'Setting' },
  store: {
    ...textFlag('NAME', 'where layers are kept during the run: memory, or a store of a plugin'),
    ...pipeline,
    shownDefault: 'memory',
  },
  resume: {
    ...textFlag(
      'RUN',
      'go on with the run in this folder, as it was; --epochs may be raised (after a cooldown that is a new phase), --nodes may change',
    ),
    group: 'Files and output',
  },
  init: {
    ...textFlag(
      'RUN',
      'begin with the weights of a model, a run folder or a safetensors file, where all shapes fit; --freeze keeps layers of it as they are',
    ),
    group: 'Training',
  },
  log: {
    ...listFlag(metricsFormats, 'FORMAT,…', 'write metrics into the run folder in these forms too'),
    group: 'Files and output',
  },
  open: { ...flag('show the run in the browser during training; pff watch RUN does so afterwards'), group: 'Page' },
  ...pageFlags,
  'analyse-every': {
    ...numberFlag(
      'N',
      'look into the network after every N chapters, for the page and reports; on a cluster only at the end',
      {
        whole: true,
        least: 1,
      },
    ),
    group: 'Page',
    shownDefault: 'with --open: as often as costs 0.3 %',
  },
  seeds: {
    ...numberFlag('N', 'train with so many seeds, from --seed on, and show the mean with its interval', {
      whole: true,
      least: 1,
    }),
    group: 'Files and output',
    shownDefault: '1',
  },
  ...measuringFlags({ group: 'Files and output' }),
  gantt: { ...ganttFlag, group: 'Files and output' },
  json: { ...jsonFlag, group: 'Files and output' },
  quiet: { ...flag('show no progress'), group: 'Files and output' },
};
