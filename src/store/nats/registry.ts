/** The register of a server's runs: one record a run, in a stream of its own that outlives them. */
import { PffError } from '../../errors.js';
import { systemClock } from '../cluster/clock.js';
import { EngineError } from '../cluster/engine.js';
import { patiently } from '../cluster/patience.js';
import type { NatsApi, StoredMessage } from './api.js';
import { runStreams } from './engine.js';
import { parseJson } from '../cluster/records.js';
import { RUN_NAME, runRecordSchema, type RunIdentity, type RunRecord } from '../cluster/run-record.js';

/** No run's stream has this name: those end in `_RECORDS` or `_STATES`. */
export const REGISTRY_STREAM = 'PFF_RUNS';

/** The whole register is read again after so long: a server that lost its newest writes may have others in their place. */
const READ_AGAIN_MS = 60_000;

/** What would end a run here is read twice, with so much time between. */
const CONFIRM_MS = 300;

export interface Registered {
  readonly record: RunRecord;
  readonly revision: number;
}

export class NatsRegistry {
  readonly #api: NatsApi;
  /** What was read of the register so far: only what is newer is read again. */
  #read:
    | { readonly identity: string; readonly sinceMs: number; last: number; readonly runs: Map<string, Registered> }
    | undefined;

  constructor(api: NatsApi) {
    this.#api = api;
  }

  /** Makes the register if there is none. */
  async open(replicas: number): Promise<void> {
    await this.#api.makeStream({
      name: REGISTRY_STREAM,
      subjects: ['pff.*.run'],
      storage: 'file',
      replicas,
      maxBytes: 0,
    });
  }

  /** Has the register kept by as many servers as a new run, where an earlier one has made it for fewer. */
  async replicate(replicas: number): Promise<void> {
    if (replicas > 1) await this.#api.raiseReplicas(REGISTRY_STREAM, replicas);
  }

  /** Undefined if there is no such run; a record that cannot be read (another version's) counts as none. */
  async get(run: string): Promise<Registered | undefined> {
    if (!RUN_NAME.test(run)) throw new PffError('usage', `${JSON.stringify(run)} is not the name of a run`);
    let found;
    try {
      // At once, where a request for a message would wait in vain if there is no register.
      await this.#api.state(REGISTRY_STREAM);
      found = await this.#api.newest(REGISTRY_STREAM, `pff.${run}.run`);
    } catch (error) {
      if (error instanceof EngineError && error.kind === 'gone') return undefined;
      throw error;
    }
    return found && parsed(run, found);
  }

  /** All runs, the oldest first. */
  async list(): Promise<Registered[]> {
    const runs = await this.#all();
    return [...runs.values()].sort(
      (a, b) => a.record.createdMs - b.record.createdMs || (a.record.run < b.record.run ? -1 : 1),
    );
  }

  /** All runs in the order in which the server got them (or their last change), whatever they say of their age. */
  async inOrder(): Promise<Registered[]> {
    return [...(await this.#all()).values()].sort((a, b) => a.revision - b.revision);
  }

  async #all(): Promise<ReadonlyMap<string, Registered>> {
    try {
      const { identity, last } = await this.#api.state(REGISTRY_STREAM);
      const now = systemClock.now();
      if (this.#read?.identity !== identity || last < this.#read.last || now - this.#read.sinceMs > READ_AGAIN_MS)
        this.#read = { identity, sinceMs: now, last: 0, runs: new Map() };
      const read = this.#read;
      while (read.last < last) {
        const message = await this.#api.next(REGISTRY_STREAM, 'pff.*.run', read.last);
        if (!message) break;
        const run = message.subject.split('.')[1] as string;
        const found = RUN_NAME.test(run) ? parsed(run, message) : undefined;
        if (found) read.runs.set(run, found);
        else read.runs.delete(run);
        read.last = message.sequence;
      }
      return read.runs;
    } catch (error) {
      if (error instanceof EngineError && error.kind === 'gone') return new Map();
      throw error;
    }
  }

  /** Registers a run, also under the name of one that was removed. @throws PffError `cluster` if the name is taken */
  async add(record: RunRecord): Promise<void> {
    const removed = await this.checkFree(record.run);
    // Whoever removed it may have been killed halfway; or a node that slept has made them again.
    if (removed) await this.#dropStreams(removed.record);
    const revision = await this.#api.publish(`pff.${record.run}.run`, encode(record), removed?.revision ?? 0);
    if (revision === undefined) throw nameTaken(record.run);
  }

  /** What is left of a run of this name that was removed. @throws PffError `cluster` if the name is taken */
  async checkFree(run: string): Promise<Registered | undefined> {
    const found = await this.get(run);
    if (found && found.record.state !== 'removed') throw nameTaken(run);
    return found;
  }

  /** As `mark`, for as long as the server is away: nobody else may come to note it. */
  async markPatiently(run: RunIdentity, state: RunRecord['state'], signal: AbortSignal): Promise<void> {
    const patience = { clock: systemClock, signal, reopen: () => Promise.resolve() };
    await patiently(patience, () => this.mark(run, state));
  }

  /** Notes that a run is at another state; what is removed stays removed, and another run of its name as it is. */
  async mark({ run, id }: RunIdentity, state: RunRecord['state']): Promise<void> {
    for (;;) {
      const found = await this.get(run);
      if (!found || found.record.id !== id || found.record.state === state || found.record.state === 'removed') return;
      const record = encode({ ...found.record, state });
      if ((await this.#api.publish(`pff.${run}.run`, record, found.revision)) !== undefined) return;
    }
  }

  /** Drops all of a run but a note that it was removed, so that a node that slept does not bring it back. */
  async remove(run: RunIdentity): Promise<void> {
    await this.mark(run, 'removed');
    await this.#dropStreams(run);
  }

  /** Drops what is left of a run whose removal was interrupted. False where nothing is. */
  async completeRemoval(run: string): Promise<boolean> {
    const found = await this.get(run);
    return found?.record.state === 'removed' && (await this.#dropStreams(found.record));
  }

  /** Drops a run's streams, and not those of another one of its name. False where there are none. */
  async #dropStreams(run: RunIdentity): Promise<boolean> {
    let dropped = false;
    for (const { name, subject } of runStreams(run))
      try {
        if (!(await this.#api.state(name)).subjects.includes(subject)) continue;
        await this.#api.deleteStream(name);
        dropped = true;
      } catch (error) {
        if (!(error instanceof EngineError) || error.kind !== 'gone') throw error;
      }
    return dropped;
  }

  /**
   * Before a run's streams are made again: its record comes back too.
   * @throws EngineError `removed`, also where the name is another run's by now
   */
  async restore(record: RunRecord): Promise<void> {
    const { run, replicas } = record;
    let found = await this.get(run);
    if (!found) {
      await this.open(replicas);
      const revision = await this.#api.publish(`pff.${run}.run`, encode({ ...record, state: 'open' }), 0);
      if (revision !== undefined) return;
      // Somebody was faster: perhaps with another run.
      found = await this.get(run);
    }
    if (found?.record.id !== record.id) {
      // Of several servers, the one that answered may be behind: this run may just have got the name of one that was removed.
      await systemClock.sleep(CONFIRM_MS);
      found = await this.get(run);
    }
    if (!found) throw new EngineError('busy', `the register's record of run ${run} cannot be read`);
    if (found.record.id !== record.id)
      throw new EngineError('removed', `run ${run} is gone from the server, which has another run of that name`);
    if (found.record.state === 'removed') throw new EngineError('removed', `run ${run} was removed from the server`);
  }
}

function nameTaken(run: string): PffError {
  return new PffError('cluster', `there is a run ${run} already`, { hint: 'Choose another --run.' });
}

function encode(record: RunRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** A record that cannot be read (another version's) counts as none. */
function parsed(run: string, { data, sequence }: StoredMessage): Registered | undefined {
  const { success, data: record } = runRecordSchema.safeParse(parseJson(data));
  return success && record.run === run ? { record, revision: sequence } : undefined;
}
