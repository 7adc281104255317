/** `pff train`. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { commandLine, openingFlags } from '../../command-line.js';
import { fasterPrecision } from '../../doctor/faster-precision.js';
import { messageOf, PffError } from '../../errors.js';
import { runSummary } from '../../report/summary.js';
import type { ClusterOptions } from '../../run/cluster/options.js';
import type { RunEvent, RunResult } from '../../run/events.js';
import { type MetricsFormat, metricsFormats, MetricsLog } from '../../run/metrics-log.js';
import { train } from '../../run/train.js';
import { VARIANTS } from '../../schedule/assign.js';
import type { Span, TimelineSummary } from '../../schedule/timeline.js';
import { type PartialSpec, resolveSpec } from '../../spec/spec.js';
import { RUN_NAME } from '../../store/cluster/run-record.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { defineCommand } from '../command.js';
import { dataDirFlag, ganttFlag, jsonFlag, kernelsFlag, loadPlugin, pluginFlag } from '../flags/common-flags.js';
import { DONE } from '../exit-codes.js';
import { choiceFlag, flag, listFlag, noWords, numberFlag, textFlag, textsFlag, type ValuesOf } from '../flags/flags.js';
import { drawGantt } from '../terminal/gantt.js';
import { interruptible } from '../terminal/interrupt.js';
import type { Output, TextStream } from '../terminal/output.js';
import { awaitPage, pageFlags, type PageFlags } from '../flags/page-flags.js';
import { newRunFolder } from '../flags/run-name.js';
import { askedServer, serverFlags } from '../flags/server-flags.js';
import { ProgressDisplay } from '../terminal/show-progress.js';
import { specFromFlags } from '../flags/spec-flags.js';
import { askedSpec, specFlags, specSourceFlags } from '../flags/spec-sources.js';
import { untilAborted } from './watch.js';

const clusterGroup = { group: 'On a cluster (with --server)' };
const pipeline = { group: 'How it is carried out (changes the time, not the bits)' };

const flags = {
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
  kernels: { ...kernelsFlag, ...pipeline },
  ...serverFlags,
  run: {
    ...textFlag('NAME', 'name of the run on the cluster'),
    ...clusterGroup,
    shownDefault: 'made from the run folder',
  },
  storage: {
    ...choiceFlag(['file', 'memory'], 'where the server keeps layer states'),
    ...clusterGroup,
    shownDefault: 'file',
  },
  replicas: {
    ...numberFlag('N', 'servers that keep each record and state', { whole: true, least: 1 }),
    ...clusterGroup,
    shownDefault: '1',
  },
  'max-bytes': {
    ...numberFlag('N', 'most bytes of layer states on the server; 0: no limit', { whole: true, least: 0 }),
    ...clusterGroup,
    shownDefault: '0',
  },
  lease: {
    ...numberFlag('SECONDS', 'a node that is silent for so long counts as gone', { least: 0.5 }),
    ...clusterGroup,
    shownDefault: '10',
  },
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
  plugin: { ...pluginFlag, group: 'Setting' },
  store: {
    ...textFlag('NAME', 'where layers are kept while the run goes on: memory, or a store of a plugin'),
    ...pipeline,
    shownDefault: 'memory',
  },
  resume: {
    ...textFlag('RUN', 'go on with the run in this folder, as it was; --epochs may be raised, --nodes may change'),
    group: 'Files and output',
  },
  log: {
    ...listFlag(metricsFormats, 'FORMAT,…', 'write metrics into the run folder in these forms too'),
    group: 'Files and output',
  },
  open: { ...flag('show the run in the browser while it goes on; pff watch RUN does so afterwards'), group: 'Page' },
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
  gantt: { ...ganttFlag, group: 'Files and output' },
  json: { ...jsonFlag, group: 'Files and output' },
  quiet: { ...flag('show no progress'), group: 'Files and output' },
};

/** Shows the events of a run as they come, and its summary at the end. */
export async function showRun(
  given: {
    readonly quiet?: true;
    readonly json?: true;
    readonly gantt?: string;
    readonly log?: readonly MetricsFormat[];
  } & PageFlags,
  output: Output,
  onFirst: string,
  open: (signal: AbortSignal) => AsyncIterable<RunEvent>,
  /** The run folder to be, if its page is asked for. */
  pageOf?: string,
): Promise<number> {
  const display = new ProgressDisplay(output.err, given.quiet ?? false);
  const record = new RunRecord();
  const metrics = new MetricsLog(given.log ?? [], (text) => display.note(text));
  const page = pageOf === undefined ? undefined : await awaitPage(pageOf, given);
  try {
    await interruptible(
      () => display.note(onFirst),
      async (signal) => {
        for await (const event of open(signal)) {
          record.keep(event);
          metrics.observe(event);
          display.show(event);
          if (event.type === 'started')
            await page
              ?.show(output.err)
              .catch((error: unknown) => display.note(`there is no page: ${messageOf(error)}`));
        }
      },
    );
    display.end();
    const { result } = record;
    if (result === undefined) throw new Error('the run ended without a result');
    if (given.json) output.out.line(JSON.stringify(result));
    else showSummary(result, record, output);
    if (given.gantt !== undefined) record.drawTimeline(given.gantt, given.json ? output.err : output.out);
    // Somebody who sits at a terminal may look on; a script is not kept waiting.
    if (page?.url && output.out.isTerminal && output.err.isTerminal) {
      output.err.line(`\nThe page stays at ${page.url} until Ctrl-C.`);
      await interruptible(() => {}, untilAborted);
    }
  } catch (error) {
    display.end();
    throw record.explain(error);
  } finally {
    metrics.close();
    await page?.close();
  }
  return DONE;
}

export const trainCommand = defineCommand({
  name: 'train',
  usage: ['pff train [options]'],
  about: [
    'The same spec gives the same bits (the model digest), whatever the number of nodes and threads. Ctrl-C ends a run cleanly and saves what there is; a second Ctrl-C ends it at once. Whatever ends a run, --resume goes on with it, and it ends with the bits of a run that was never stopped.',
  ],
  flags,
  examples: [
    ['pff train', 'MNIST, in about a minute on two cores'],
    [
      'pff train --objective performance-optimized --epochs 6',
      'layers with softmax heads of their own, no negative samples',
    ],
    ['pff train --nodes 2 --variant all-layers --gantt', 'a pipeline of two nodes, and its timeline'],
    ['pff train --preset paper --out paper-run', "the paper's network (hours)"],
    ['pff train --dataset cifar10 --layers 3072,1000,1000 --data-dir DIR', 'CIFAR-10 from a folder'],
    ['pff train --server nats://HOST:4222 --nodes 4', 'on the nodes of a cluster (pff node)'],
    ['pff train --resume pff-runs/NAME', 'go on with a run that was stopped, killed or cut off'],
    ['pff train --config pff-runs/NAME/spec.json --seed 2', 'an earlier run again, with another seed'],
  ],
  run: async ({ flags: given, words }, output) => {
    noWords('train', words);
    for (const name of ['port', 'host', 'page-token'] as const)
      if (given[name] !== undefined && !given.open)
        throw new PffError('usage', `--${name} is of the page, but --open was not given`, {
          hint: `Add --open, or leave --${name} out.`,
        });
    const plugins = given.plugin;
    await loadPlugin(given);
    const asked = given.resume === undefined ? askedSpec(given) : resumedSpec(given);
    const out = given.out ?? (given.resume === undefined ? folderFor(asked) : undefined);
    // Only where it is asked for: $PFF_SERVER alone does not send a run away.
    const server = given.server === undefined ? undefined : askedServer(given);
    const cluster = server && clusterOptions(given, server, out ?? 'run');
    if (!given.quiet && given.resume === undefined && !cluster) await tellFasterPrecision(asked, given, output.err);
    const onFirst = cluster ? 'detaching; the run goes on' : 'stopping; Ctrl-C again ends at once';
    return showRun(
      given,
      output,
      onFirst,
      (signal) =>
        train({
          spec: asked,
          variant: given.variant,
          nodes: given.nodes,
          threadsPerNode: given['threads-per-node'],
          kernels: given.kernels,
          dataDir: given['data-dir'],
          shardDirs: given['shard-dirs'],
          out,
          resume: given.resume,
          cluster,
          plugins,
          analyseEvery: given['analyse-every'] ?? (given.open ? 'seldom' : undefined),
          store: given.store,
          signal,
        }),
      given.open ? (out ?? given.resume) : undefined,
    );
  },
});

/** One line where the same run would be done sooner in another precision; the first time, it takes a moment to measure. */
async function tellFasterPrecision(spec: PartialSpec, given: ValuesOf<typeof flags>, err: TextStream): Promise<void> {
  const { variant, nodes, kernels } = given;
  const how = { variant, nodes, threadsPerNode: given['threads-per-node'], kernels, shardDirs: given['shard-dirs'] };
  const faster = await fasterPrecision({ spec, ...how });
  if (faster === undefined) return;
  const { precision, than, times } = faster;
  err.line(
    `--precision ${precision} would train ${times.toFixed(1)} times as fast as ${than} on this machine, with bits of its own (pff doctor)`,
  );
}

/** A resumed run keeps its spec, so that only options themselves count, not the default preset. */
function resumedSpec(given: Parameters<typeof askedSpec>[0]): PartialSpec {
  return given.preset === undefined && given.config === undefined ? specFromFlags(given) : askedSpec(given);
}

function folderFor(asked: PartialSpec): string {
  // The rest of the spec is the library's to judge: how a run is carried out has a say in it.
  const { dataset, objective } = resolveSpec({ dataset: asked.dataset, objective: asked.objective });
  return newRunFolder(dataset, objective);
}

/** @throws PffError `usage` for a name that NATS subjects cannot have */
function clusterOptions(given: ValuesOf<typeof flags>, server: ServerOptions, out: string): ClusterOptions {
  const suffix = randomBytes(2).toString('hex');
  const run =
    given.run ??
    `${
      path
        .basename(out)
        .replace(/[^A-Za-z0-9-]+/g, '-')
        .replace(/^-+/, '')
        .slice(0, 42) || 'run'
    }-${suffix}`;
  if (!RUN_NAME.test(run))
    throw new PffError('usage', `--run must be letters, digits and dashes, at most 48, but is ${JSON.stringify(run)}`);
  return {
    server,
    run,
    storage: given.storage,
    replicas: given.replicas,
    maxBytes: given['max-bytes'],
    leaseMs: given.lease === undefined ? undefined : given.lease * 1000,
  };
}

/** What is kept of a run's events until its end. */
class RunRecord {
  result: RunResult | undefined;
  timeline: TimelineSummary | undefined;
  started: Extract<RunEvent, { type: 'started' }> | undefined;
  readonly #spans: Span[] = [];

  keep(event: RunEvent): void {
    if (event.type === 'started') this.started = event;
    if (event.type === 'task-finished') this.#spans.push(...event.spans);
    if (event.type === 'trained') this.timeline = event.summary;
    if (event.type === 'finished') this.result = event.result;
  }

  /** An interruption after training says that the model is there, only not evaluated. */
  explain(error: unknown): unknown {
    const { started } = this;
    const folder = started?.folder;
    if (
      !(error instanceof PffError) ||
      error.code !== 'interrupted' ||
      this.timeline === undefined ||
      !started ||
      !folder
    )
      return error;
    return new PffError('interrupted', 'interrupted after training, while the network was evaluated', {
      hint: `The trained model is in ${path.join(folder, 'model.safetensors')}; ${onRun(started, 'eval')} evaluates it.`,
    });
  }

  drawTimeline(file: string, stream: TextStream): void {
    const { result } = this;
    if (result === undefined) return;
    const nodes = Math.max(result.nodes, 1 + Math.max(0, ...this.#spans.map(({ node }) => node)));
    const limit = result.pipeline?.boundSeconds;
    const title = `${result.variant} on ${result.nodes} ${result.nodes === 1 ? 'node' : 'nodes'}: ${result.dataset}, ${result.objective}`;
    drawGantt(file, { nodes, spans: this.#spans }, { title, ...(limit === undefined ? {} : { bound: limit }) }, stream);
  }
}

function showSummary(result: RunResult, record: RunRecord, { out, err }: Output): void {
  const { started, timeline } = record;
  if (err.isTerminal) err.line();
  const lines = runSummary(
    {
      result,
      classes: started?.dataset.classes ?? [],
      kernelsReason: started?.kernelsReason,
      timeline,
      files: ['spec.json', 'events.jsonl', 'model.safetensors', 'result.json'],
    },
    { strong: out.paint.bold, faint: out.paint.dim },
  );
  for (const line of lines) out.line(line);
  if (result.folder === undefined) return;
  if (started === undefined) return;
  out.line();
  out.line(`Try it:  ${onRun(started, 'eval')}`);
  out.line(`         ${onRun(started, 'predict', 'test:0')}`);
}

/** A command on the run, with what it needs to be opened. */
function onRun(started: Extract<RunEvent, { type: 'started' }>, command: string, ...words: string[]): string {
  return commandLine([...programWords(), command, shown(started.folder ?? ''), ...words, ...openingFlags(started)]);
}

/** How the program is called here: `npx pff` where it was started by npm. */
function programWords(): string[] {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '', npm_package_name: name } = process.env;
  const byNpm =
    (event === 'npx' && /^"?pff\b/.test(script)) || (event === 'start' && name === 'pipeline-forward-forward');
  return byNpm ? ['npx', 'pff'] : ['pff'];
}

/** The shorter of a path's two forms; one that begins with a dash would be an option. */
function shown(folder: string): string {
  const relative = path.relative(process.cwd(), folder);
  const shorter = relative !== '' && relative.length < folder.length ? relative : folder;
  return shorter.startsWith('-') ? `./${shorter}` : shorter;
}
