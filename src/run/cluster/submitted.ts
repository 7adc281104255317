/** Runs that this program submitted under names that it made itself, and finds again: the trainings of a sweep. */
import type { Dataset } from '../../data/dataset.js';
import { PffError } from '../../errors.js';
import type { RunSpec } from '../../spec/spec.js';
import { specDigest, type RunRecord } from '../../store/cluster/run-record.js';
import type { ServerOptions } from '../../store/nats/server-options.js';
import { PROGRAM } from '../version.js';
import { clusterCommand } from './command.js';
import { withServer } from './with-run.js';
import { misfitOfParts } from '../../node/cluster/misfit.js';

/** Where a training is found on a server, or is to be submitted. */
export interface Submitted {
  /** The run's name. */
  readonly run: string;
  /** Of a run that can be followed to its end; undefined where it is to be submitted. */
  readonly record: RunRecord | undefined;
}

/**
 * The run that trains `spec` under a name that begins with `name`. A run that failed, was
 * stopped or removed is followed by one with a number behind its name.
 * @throws PffError `cluster` where the name is taken by another training
 */
export async function submittedRun(
  server: ServerOptions,
  name: string,
  spec: RunSpec,
  dataset: Pick<Dataset, 'digest'>,
): Promise<Submitted> {
  return withServer(server, async (_, registry) => {
    for (let attempt = 1; ; attempt++) {
      const run = attempt === 1 ? name : `${name}-${attempt}`;
      const record = (await registry.get(run))?.record;
      if (record === undefined) return { run, record };
      if (record.state !== 'open' && record.state !== 'finished') continue;
      const same =
        record.version === PROGRAM &&
        record.specDigest === specDigest(spec) &&
        record.dataset.digest === dataset.digest &&
        misfitOfParts(record) === undefined;
      if (same) return { run, record };
      throw new PffError('cluster', `the server has a run ${run}, which is not of this sweep's spec, data or program`, {
        hint: `${clusterCommand(server, 'stop', run, '--remove')} removes it.`,
      });
    }
  });
}

/** Drops all of a run from the server but a note that there was one. */
export async function removeRun(server: ServerOptions, run: string): Promise<void> {
  await withServer(server, async (_, registry) => {
    const found = await registry.get(run);
    if (found) await registry.remove(found.record);
  });
}
