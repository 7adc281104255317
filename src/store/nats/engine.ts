/**
 * One run's part of a NATS server: a stream of records (the newest of each key) and a stream of chunks, both below the
 * subject `pff.RUN.ID`. Compare-and-set is JetStream's expected last sequence of a subject; revisions are its sequences.
 *
 * The id is in the subjects, so that the server itself keeps runs of one name apart: no stream takes what a process of an
 * earlier one sends, however late it comes. The streams' names have none, for permissions are given by them.
 */
import { EngineError, type Engine, type EngineState, type Entry, type HintListener } from '../cluster/engine.js';
import { NatsApi } from './api.js';
import type { RunIdentity } from '../cluster/run-record.js';
import type { StorageOptions } from './server-options.js';

/** Less where the server takes no payloads of this size: by default one of 1 MiB, header included. */
const CHUNK_BYTES = 1024 * 1024;
/** Chunks are whole multiples of this, so that each begins aligned in memory. */
const CHUNK_UNIT = 64;
/** Left free in a payload for headers. */
const HEADER_ROOM = 1024;

export class NatsEngine implements Engine {
  readonly chunkBytes: number;
  readonly #api: NatsApi;
  readonly #prefix: string;
  readonly #hints: string;
  readonly #records: RunStream;
  readonly #states: RunStream;
  readonly #storage: StorageOptions;
  readonly #beforeOpen: () => Promise<void>;

  /** @param beforeOpen called before missing streams are made; throws EngineError `removed` for a run that is no more. */
  constructor(api: NatsApi, run: RunIdentity, storage: StorageOptions, beforeOpen: () => Promise<void>) {
    this.#api = api;
    this.#prefix = prefixOf(run);
    // They prove nothing, whichever run of the name they are of; so a node needs to subscribe to no more than this.
    this.#hints = `pff.${run.run}.h`;
    [this.#records, this.#states] = runStreams(run);
    this.#storage = storage;
    this.#beforeOpen = beforeOpen;
    const room = (api.connection.info?.max_payload ?? CHUNK_BYTES) - HEADER_ROOM;
    this.chunkBytes = Math.min(CHUNK_BYTES, room - (room % CHUNK_UNIT));
  }

  async next(after: number): Promise<Entry | undefined> {
    // All that the stream holds, which the server finds without matching subjects.
    return this.#entry(await this.#api.next(this.#records.name, '>', after));
  }

  async read(key: string): Promise<Entry | undefined> {
    return this.#entry(await this.#api.newest(this.#records.name, `${this.#prefix}.k.${key}`));
  }

  async write(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    const revision = await this.#api.publish(`${this.#prefix}.k.${key}`, value, expected);
    // After the acknowledgement, so that whoever looks on this hint finds the record.
    if (revision !== undefined) this.#api.connection.publish(this.#hints, String(revision));
    return revision;
  }

  async putChunk(key: string, bytes: Uint8Array): Promise<void> {
    await this.#api.putChunk(this.#states.name, `${this.#prefix}.s.${key}`, bytes);
  }

  async getChunk(key: string): Promise<Uint8Array | undefined> {
    return (await this.#api.getChunk(this.#states.name, `${this.#prefix}.s.${key}`))?.data;
  }

  dropChunks(prefix: string): Promise<void> {
    return this.#api.purge(this.#states.name, `${this.#prefix}.s.${prefix}.>`);
  }

  async chunkKeys(): Promise<string[]> {
    const start = `${this.#prefix}.s.`.length;
    const subjects = await this.#api.subjects(this.#states.name);
    return subjects.filter((subject) => subject.startsWith(this.#prefix)).map((subject) => subject.slice(start));
  }

  async state(): Promise<EngineState> {
    const { name, subject } = this.#records;
    const { identity, last, subjects } = await this.#api.state(name);
    if (!subjects.includes(subject)) throw ofAnother(name);
    return { identity, last };
  }

  async open(): Promise<void> {
    await this.#beforeOpen();
    const { storage, replicas, maxBytes } = this.#storage;
    // Of an earlier run of this name, brought back by a process that had not heard of its end.
    const beforeReplacing = this.#beforeOpen;
    const states = { name: this.#states.name, subjects: [this.#states.subject], storage, replicas, maxBytes };
    await this.#api.makeStream(states, beforeReplacing);
    const records = { name: this.#records.name, subjects: [this.#records.subject], replicas, maxBytes: 0 };
    await this.#api.makeStream({ ...records, storage: 'file' }, beforeReplacing);
  }

  listen(listener: HintListener): () => void {
    const { connection } = this.#api;
    const subscription = connection.subscribe(this.#hints, {
      callback: (error, message) => (error ? undefined : listener('changed', revisionIn(message.data))),
    });
    // A subscription that is not allowed leaves the slow look once a second.
    subscription.closed.catch(() => {});
    const endLink = this.#api.onLink((change) => {
      if (change === 'reconnect') listener('reset');
    });
    return () => {
      endLink();
      if (!connection.isClosed()) subscription.unsubscribe();
    };
  }

  #entry(message: { subject: string; sequence: number; data: Uint8Array } | undefined): Entry | undefined {
    if (!message) return undefined;
    const start = `${this.#prefix}.k.`;
    if (!message.subject.startsWith(start)) throw ofAnother(this.#records.name);
    return { key: message.subject.slice(start.length), revision: message.sequence, value: message.data };
  }
}

/** The revision that a hint tells; undefined where it tells none. */
function revisionIn(data: Uint8Array): number | undefined {
  const text = data.length <= 16 ? new TextDecoder().decode(data) : '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** `gone`: who opens it again finds out whether that run or this one is in the register. */
function ofAnother(stream: string): EngineError {
  return new EngineError('gone', `the stream ${stream} is that of another run of this name`);
}

function prefixOf({ run, id }: RunIdentity): string {
  return id === undefined ? `pff.${run}` : `pff.${run}.${id}`;
}

/** A stream, and the subject by which it is one run's. */
export interface RunStream {
  readonly name: string;
  readonly subject: string;
}

/** A run's streams: of records, and of states. */
export function runStreams(run: RunIdentity): [RunStream, RunStream] {
  return [
    { name: recordStream(run.run), subject: `${prefixOf(run)}.k.>` },
    { name: stateStream(run.run), subject: `${prefixOf(run)}.s.>` },
  ];
}

/**
 * Names of a run's streams. They end in a word after an underscore, which no run's name has (RUN_NAME), and the register's
 * name (registry.ts) ends in none: so no run's streams are those of another, nor the register, whatever it is called.
 */
export function recordStream(run: string): string {
  return `PFF_${run}_RECORDS`;
}

export function stateStream(run: string): string {
  return `PFF_${run}_STATES`;
}
