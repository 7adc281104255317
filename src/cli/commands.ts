/** The commands of the program. Each is loaded only when it is asked for: to print the list takes none of them. */
import type { ListedCommand } from './command.js';

export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'train',
    summary: 'trains a network and measures its accuracy',
    load: async () => (await import('./commands/train.js')).trainCommand,
  },
  {
    name: 'eval',
    summary: 'measures the accuracy of a trained network',
    load: async () => (await import('./commands/eval.js')).evalCommand,
  },
  {
    name: 'predict',
    summary: 'classifies images with a trained network',
    load: async () => (await import('./commands/predict.js')).predictCommand,
  },
  {
    name: 'serve-model',
    summary: 'answers predictions of a trained network over HTTP',
    load: async () => (await import('./commands/serve-model.js')).serveModelCommand,
  },
  {
    name: 'sweep',
    summary: 'trains over a grid or random draws of settings, and compares them',
    load: async () => (await import('./commands/sweep.js')).sweepCommand,
  },
  {
    name: 'list',
    summary: 'lists the runs of this machine',
    load: async () => (await import('./commands/list.js')).listCommand,
  },
  {
    name: 'tag',
    summary: 'gives runs tags and notes, and shows them',
    load: async () => (await import('./commands/tag.js')).tagCommand,
  },
  {
    name: 'compare',
    summary: 'says in what runs differ, and what came out',
    load: async () => (await import('./commands/compare.js')).compareCommand,
  },
  {
    name: 'check-plugin',
    summary: 'says what is right and wrong with the parts of a plugin',
    load: async () => (await import('./commands/check-plugin.js')).checkPluginCommand,
  },
  {
    name: 'watch',
    summary: 'shows a run in the browser, live or finished',
    load: async () => (await import('./commands/watch.js')).watchCommand,
  },
  {
    name: 'demo',
    summary: 'serves a page that trains MNIST in the browser, and reads drawn digits',
    load: async () => (await import('./commands/demo.js')).demoCommand,
  },
  {
    name: 'report',
    summary: 'writes a run, or two to eight side by side, as one HTML file',
    load: async () => (await import('./commands/report.js')).reportCommand,
  },
  {
    name: 'data',
    summary: 'lists datasets, gets them, says where they lie',
    load: async () => (await import('./commands/data.js')).dataCommand,
  },
  {
    name: 'doctor',
    summary: 'says what this machine is good for, and which settings suit it',
    load: async () => (await import('./commands/doctor.js')).doctorCommand,
  },
  {
    name: 'simulate',
    summary: 'says how long a run would take on other nodes, without running it',
    load: async () => (await import('./commands/simulate.js')).simulateCommand,
  },
  {
    name: 'reproduce',
    summary: "reproduces the paper's tables: its figures beside ours",
    load: async () => (await import('./commands/reproduce.js')).reproduceCommand,
  },
  {
    name: 'export',
    summary: 'writes a trained network for other programs',
    load: async () => (await import('./commands/export.js')).exportCommand,
  },
  {
    name: 'import',
    summary: 'makes a run folder from a model file',
    load: async () => (await import('./commands/export.js')).importCommand,
  },
  {
    name: 'trace',
    summary: "writes a run's timeline for Perfetto",
    load: async () => (await import('./commands/trace.js')).traceCommand,
  },
  {
    name: 'node',
    summary: "makes this machine a node of a cluster's runs",
    load: async () => (await import('./commands/node.js')).nodeCommand,
  },
  {
    name: 'share',
    summary: 'lets browsers take part in a run of a cluster, by a link',
    load: async () => (await import('./commands/share.js')).shareCommand,
  },
  {
    name: 'runs',
    summary: 'lists the runs of a cluster',
    load: async () => (await import('./commands/runs.js')).runsCommand,
  },
  {
    name: 'status',
    summary: 'says how far a run of a cluster is, and which nodes it has',
    load: async () => (await import('./commands/status.js')).statusCommand,
  },
  {
    name: 'audit',
    summary: 'says what nodes of an audited run dispute, and does a task again to find since when',
    load: async () => (await import('./commands/audit.js')).auditCommand,
  },
  {
    name: 'attach',
    summary: 'follows a run of a cluster to its end, as pff train does',
    load: async () => (await import('./commands/attach.js')).attachCommand,
  },
  {
    name: 'fetch',
    summary: 'gets the model of a run of a cluster, finished or as it is now',
    load: async () => (await import('./commands/fetch.js')).fetchCommand,
  },
  {
    name: 'stop',
    summary: 'stops a run of a cluster; its nodes go on to the next run',
    load: async () => (await import('./commands/stop.js')).stopCommand,
  },
  {
    name: 'completion',
    summary: 'prints a script that lets a shell complete commands and options',
    load: async () => (await import('./commands/completion.js')).completionCommand(COMMANDS),
  },
];
