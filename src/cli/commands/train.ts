/** `pff train`. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fasterPrecision } from '../../doctor/faster-precision.js';
import { PffError } from '../../errors.js';
import { clusterCommand } from '../../run/cluster/command.js';
import type { ClusterOptions } from '../../run/cluster/options.js';
import { AUTO } from '../../layers/sizes.js';
import { SPEC_FILE } from '../../run/folder.js';
import type { SweepEvent } from '../../reproduce/sweep.js';
import { changeTags, checkTags } from '../../run/tags.js';
import { train } from '../../run/train.js';
import { type PartialSpec, resolveSpec } from '../../spec/spec.js';
import { RUN_NAME } from '../../store/cluster/run-record.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { askedKernels, loadPlugin } from '../flags/common-flags.js';
import { askedData } from '../flags/data-flags.js';
import { noWords, type ValuesOf } from '../flags/flags.js';
import { newRunFolder } from '../flags/run-name.js';
import { askedShare, Sharing } from '../flags/share-flags.js';
import { askedServer, refuseWithoutServer, submissionFlags, submissionOptions } from '../flags/server-flags.js';
import { specFromFlags } from '../flags/spec-flags.js';
import { askedSpec } from '../flags/spec-sources.js';
import { trainFlags } from '../flags/train-flags.js';
import type { Output, TextStream } from '../terminal/output.js';
import { showRun } from '../terminal/show-run.js';

type Given = ValuesOf<typeof trainFlags>;

export const trainCommand = defineCommand({
  name: 'train',
  usage: ['pff train [options]'],
  about: [
    'The same spec gives the same bits (the model digest), whatever the number of nodes and threads. Ctrl-C stops a run cleanly and saves its state; a second Ctrl-C stops it at once. After any stop, --resume continues the run, and the result has the bits of a run without a stop.',
  ],
  flags: trainFlags,
  examples: [
    ['pff train', 'MNIST, in about a minute on two cores'],
    [
      'pff train --objective performance-optimized --epochs 6',
      'layers with softmax heads of their own, no negative samples',
    ],
    ['pff train --nodes 2 --variant all-layers --gantt', 'a pipeline of two nodes, and its timeline'],
    ['pff train --preset paper --out paper-run', "the paper's network (hours)"],
    ['pff train --dataset cifar10 --layers 3072,1000,1000 --data-dir DIR', 'CIFAR-10 from a folder'],
    [
      'pff train --data measurements.csv',
      'a table of your own; the column label, class or the last one has the classes',
    ],
    ['pff train --data photos --image-size 32x32 --validation 0.1', 'a folder with a folder of images for each class'],
    ['pff train --server nats://HOST:4222 --nodes 4', 'on the nodes of a cluster (pff node)'],
    ['pff train --server nats://HOST:4222 --nodes 4 --share --host 0.0.0.0', 'and browsers, by a link that it prints'],
    ['pff train --init pff-runs/NAME --freeze 1,2 --learning-rate 0.005', 'fine-tune the upper layers of a model'],
    ['pff train --gpus all --nodes 3', 'a node on each GPU, and the rest on the CPU'],
    ['pff train --resume pff-runs/NAME', 'go on with a run that was stopped, killed or cut off'],
    ['pff train --config pff-runs/NAME/spec.json --seed 2', 'an earlier run again, with another seed'],
  ],
  run: async ({ flags: given, words }, output) => {
    noWords('train', words);
    for (const name of ['port', 'host', 'page-token'] as const)
      if (given[name] !== undefined && !given.open && (!given.share || name === 'page-token'))
        throw new PffError('usage', `--${name} is of the page, but --open was not given`, {
          hint: `Add --open, or leave --${name} out.`,
        });
    checkShare(given);
    // Several seeds take none of these, with a server or without (trainSeeds).
    if ((given.seeds ?? 1) === 1) refuseWithoutServer(given, ['run']);
    const plugins = given.plugin;
    await loadPlugin(given);
    const asked = given.resume === undefined ? askedSpec(given) : resumedSpec(given);
    const out = given.out ?? (given.resume === undefined ? folderFor(asked, given.data) : undefined);
    // Only where it is asked for: $PFF_SERVER alone does not send a run away.
    const server = given.server === undefined ? undefined : askedServer(given);
    const submission = server && clusterOptions(given, server, out ?? 'run');
    const sharing =
      submission && given.share
        ? new Sharing(
            submission.server,
            submission.run,
            given,
            clusterCommand(submission.server, 'share', submission.run),
          )
        : undefined;
    const cluster = submission && { ...submission, onSubmitted: () => sharing?.submitted() };
    const known = asked.dataset !== 'own' && asked.layers?.[0] !== AUTO;
    if (!given.quiet && given.resume === undefined && !cluster && known)
      await tellFasterPrecision(asked, given, output.err);
    if (given.seeds !== undefined && given.seeds > 1) return trainSeeds(given, asked, out ?? 'runs', output);
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
          kernels: askedKernels(given),
          gpus: String(given.gpus) === 'all' ? 'all' : given.gpus,
          dataDir: askedData(given).dataDir,
          shardDirs: given['shard-dirs'],
          out,
          tags: given.tag,
          note: given.note,
          resume: given.resume,
          init: given.init,
          cluster,
          plugins,
          analyseEvery: given['analyse-every'] ?? (given.open ? 'seldom' : undefined),
          validateEvery: given['validate-every'],
          validateSamples: given['validate-samples'],
          repeat: given.repeat,
          maxDrop: given['max-drop'],
          store: given.store,
          signal,
        }),
      given.open ? (out ?? given.resume) : undefined,
      sharing,
    );
  },
});

/** What would come out only once the run is on the server. @throws PffError `usage` */
function checkShare(given: Given): void {
  const refuse = (what: string, hint: string): never => {
    throw new PffError('usage', what, { hint });
  };
  for (const name of ['expires', 'browsers', 'https-cert', 'https-key', 'public-url'] as const)
    if (given[name] !== undefined && !given.share)
      refuse(`--${name} is of the link for browsers, but --share was not given`, 'Add --share.');
  if (!given.share) return;
  if (given.server === undefined)
    refuse(
      '--share lets browsers take part in a run of a cluster, but no --server was named',
      'Add --server URL: any NATS server with JetStream, such as nats-server -js on this machine.',
    );
  if (given.open && given.port !== undefined)
    refuse('--port cannot be of two pages, those of --open and --share', 'Leave --port out, or use pff watch later.');
  if (given.init !== undefined)
    refuse(
      'browsers have not got the model that --init begins with',
      'Leave out --share, and use pff node --init MODEL.',
    );
  if ((given['https-cert'] === undefined) !== (given['https-key'] === undefined))
    refuse('HTTPS takes a certificate and its key', 'Give --https-cert and --https-key.');
  askedShare(given);
}

/** Options that go with one run, here or on a cluster. */
const OF_ONE_RUN = [
  ...(['resume', 'server', 'open', 'gantt', 'log', 'store', 'shard-dirs', 'gpus', 'run'] as const),
  ...(Object.keys(submissionFlags) as (keyof typeof submissionFlags)[]),
];

/** The same spec with several seeds, as a sweep of one setting. @throws PffError `usage` for options that do not go with that */
async function trainSeeds(given: Given, spec: PartialSpec, out: string, output: Output): Promise<number> {
  for (const name of OF_ONE_RUN)
    if (given[name] !== undefined)
      throw new PffError('usage', `--seeds trains several times, and --${name} is of one run`, {
        hint: 'Leave one of them out.',
      });
  const { nodes, variant, repeat } = given;
  const how = {
    out,
    nodes,
    variant,
    repeat,
    kernels: askedKernels(given),
    plugins: given.plugin,
    threadsPerNode: given['threads-per-node'],
    maxDrop: given['max-drop'],
    validateEvery: given['validate-every'],
    validateSamples: given['validate-samples'],
    analyseEvery: given['analyse-every'],
  };
  const sweep = { spec, seeds: given.seeds as number, init: given.init, asked: 'as it is' } as const;
  const { tag: add, note } = given;
  checkTags({ add, note });
  // Loaded only where it is asked for: most trainings are of one seed.
  const { runSweep } = await import('../../reproduce/sweep.js');
  const { showSweep } = await import('../terminal/show-sweep.js');
  const begun = new Set<string>();
  const followed = async function* (signal: AbortSignal): AsyncGenerator<SweepEvent> {
    for await (const event of runSweep(sweep, { ...how, dataDir: askedData(given).dataDir, signal })) {
      if (event.type === 'training') begun.add(path.join(out, event.name));
      yield event;
    }
  };
  try {
    const again = given.out === undefined ? `the same command with --out ${out}` : 'the same command';
    await showSweep(followed, { json: given.json ?? false, quiet: given.quiet ?? false, again }, output);
  } finally {
    // Of other runs in the same folder these are no tags.
    if (add !== undefined || note !== undefined)
      for (const folder of begun) if (existsSync(path.join(folder, SPEC_FILE))) changeTags(folder, { add, note });
  }
  return DONE;
}

/** One line where the same run would be done sooner in another precision; the first time, it takes a moment to measure. */
async function tellFasterPrecision(spec: PartialSpec, given: Given, err: TextStream): Promise<void> {
  const { variant, nodes } = given;
  const kernels = askedKernels(given);
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
  if (given.preset !== undefined || given.config !== undefined) return askedSpec(given);
  return { ...specFromFlags(given), ...askedData(given).spec };
}

function folderFor(asked: PartialSpec, data: string | undefined): string {
  // The rest of the spec is the library's to judge: how a run is carried out has a say in it.
  const { dataset, objective } = resolveSpec({ dataset: asked.dataset, objective: asked.objective });
  const own = data && path.basename(path.resolve(data)).replace(/\..*$/, '');
  return newRunFolder(own || dataset, objective);
}

/** @throws PffError `usage` for a name that NATS subjects cannot have */
function clusterOptions(given: Given, server: ServerOptions, out: string): ClusterOptions {
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
  return { server, run, ...submissionOptions(given) };
}
