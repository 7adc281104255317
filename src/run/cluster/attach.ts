/** Follows a run that somebody submitted, to its end: the same events, evaluation and run folder as for its submitter. */
import { PffError } from '../../errors.js';
import { checkOptions } from '../../known-options.js';
import type { KernelsChoice } from '../../kernels/open.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { misfitOfParts } from '../../node/cluster/misfit.js';
import { runRecord } from './manage.js';
import type { RunEvent } from '../events.js';
import type { TrainOptions } from '../options.js';
import { train } from '../train.js';

/** Which run on which server to follow, and where to write what it gives. */
export interface AttachOptions {
  readonly server: ServerOptions;
  readonly run: string;
  readonly dataDir?: string | undefined;
  readonly out?: string | undefined;
  /** Modules that are loaded already, for the events to tell. */
  readonly plugins?: TrainOptions['plugins'];
  readonly kernels?: KernelsChoice | undefined;
  readonly analyseEvery?: TrainOptions['analyseEvery'];
  readonly signal?: AbortSignal | undefined;
}

/** @throws PffError `cluster` if there is no such run; else as `train` */
export async function* attachRun(options: AttachOptions): AsyncGenerator<RunEvent, void, undefined> {
  checkOptions('attachRun', options, {
    server: true,
    run: true,
    dataDir: true,
    out: true,
    plugins: true,
    kernels: true,
    analyseEvery: true,
    signal: true,
  });
  const { server, run, ...rest } = options;
  const record = await runRecord(server, run);
  const misfit = misfitOfParts(record);
  if (misfit !== undefined)
    throw new PffError('usage', misfit, { hint: 'Give the plugin that the run was submitted with by --plugin FILE.' });
  const { spec, variant, nodes } = record;
  yield* train({ ...rest, spec, variant, nodes, cluster: { server, run, record } });
}
