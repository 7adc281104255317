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
  /** Data of one's own, where the run is on such: the same files as it was submitted with. */
  readonly data?: TrainOptions['data'];
  readonly dataDir?: string | undefined;
  readonly out?: string | undefined;
  /** Modules that are loaded already, for the events to tell. */
  readonly plugins?: TrainOptions['plugins'];
  readonly kernels?: KernelsChoice | undefined;
  readonly analyseEvery?: TrainOptions['analyseEvery'];
  /** How accuracy is measured, by who follows: as for `train`. */
  readonly validateEvery?: TrainOptions['validateEvery'];
  readonly validateSamples?: TrainOptions['validateSamples'];
  readonly maxDrop?: TrainOptions['maxDrop'];
  readonly signal?: AbortSignal | undefined;
}

/** @throws PffError `cluster` if there is no such run; else as `train` */
export async function* attachRun(options: AttachOptions): AsyncGenerator<RunEvent, void, undefined> {
  checkOptions('attachRun', options, {
    server: true,
    run: true,
    data: true,
    dataDir: true,
    out: true,
    plugins: true,
    kernels: true,
    analyseEvery: true,
    validateEvery: true,
    validateSamples: true,
    maxDrop: true,
    signal: true,
  });
  const { server, run, ...rest } = options;
  const record = await runRecord(server, run);
  const misfit = misfitOfParts(record);
  if (misfit !== undefined)
    throw new PffError('usage', misfit, { hint: 'Give the plugin that the run was submitted with by --plugin FILE.' });
  const { spec, variant, nodes } = record;
  if (options.data !== undefined && spec.dataset !== 'own')
    throw new PffError('usage', `run ${run} trains on ${spec.dataset}, but --data names data of your own`, {
      hint: `Leave it out; --data-dir names the folder of ${spec.dataset}, where that lies elsewhere.`,
    });
  yield* train({ ...rest, spec, variant, nodes, cluster: { server, run, record } });
}
