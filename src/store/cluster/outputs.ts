/** Outputs on the engine: chunks below a task's name and digest, put, got and dropped, and lost ones told from late ones. */
import { registerErrorClass } from '../../error-codec.js';
import { PffError } from '../../errors.js';
import { decodeBf16, encodeBf16 } from '../../model/wire.js';
import { taskKey, type Task } from '../../schedule/tasks.js';
import type { RunSpec } from '../../spec/spec.js';
import type { Output } from '../store.js';
import { ChunkWindow } from './chunk-window.js';
import type { Engine } from './engine.js';
import { patiently, type Patience } from './patience.js';
import type { RecordTable } from './record-table.js';
import { keys, type DoneRecord } from './records.js';
import { chunkPrefix, getOutput, putOutput } from './transfer.js';

/** A missing chunk may only be late on a replica: looked for this often before it counts as lost. */
const LOOKS = 3;
const BETWEEN_LOOKS_MS = 150;

/** The output of a task was announced, but is not there: lost (its record is free again) or needed by nobody. Go on. */
export class MissingOutput extends PffError {
  constructor(message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super('cluster', message, options);
    this.name = 'MissingOutput';
  }
}
registerErrorClass('MissingOutput', (message, options) => new MissingOutput(message, options));

export interface OutputJudge {
  /** Asked before anything is allocated for an output. */
  mayFetch(task: Task, record: DoneRecord): boolean;
  /** Whether an output's values are ones that the task can have. */
  isSound(task: Task, buffer: ArrayBufferLike): boolean | Promise<boolean>;
  /** Nobody computes again what is lost. */
  readonly over: boolean;
  /** Told when an output was lost that is needed, after its record was freed. */
  lost(): Promise<void>;
}

export class Outputs {
  readonly #engine: Engine;
  readonly #patience: Patience;
  readonly #records: RecordTable;
  readonly #id: string;
  readonly #wire: RunSpec['wire'];
  readonly #judge: OutputJudge;
  /** Of all transfers of this process in this run: they share its connection. */
  readonly #window: ChunkWindow;
  /** Outputs that were announced but not there, or damaged. */
  lost = 0;

  constructor(
    engine: Engine,
    patience: Patience,
    records: RecordTable,
    id: string,
    wire: RunSpec['wire'],
    judge: OutputJudge,
  ) {
    this.#engine = engine;
    this.#patience = patience;
    this.#records = records;
    this.#id = id;
    this.#wire = wire;
    this.#judge = judge;
    this.#window = new ChunkWindow(patience.clock, patience.signal);
  }

  /** An output as it travels; digests, sizes and chunks are of this. */
  onWire(task: Task, { steps, buffer, chain }: Output): Output {
    return { steps, buffer: this.#isHalved(task) ? encodeBf16(buffer) : buffer, chain };
  }

  /** The same output as it is in memory. */
  offWire(task: Task, { steps, buffer }: Output): Output {
    return { steps, buffer: this.#isHalved(task) ? decodeBf16(buffer) : buffer };
  }

  /** What says that the output with this digest is there; the output as it travels. */
  announcement({ steps, buffer }: Output, digest: string): DoneRecord {
    const { chunkBytes } = this.#engine;
    return { v: 2, state: 'done', by: this.#id, digest, steps, bytes: buffer.byteLength, chunkBytes };
  }

  put(task: Task, { buffer }: Output, digest: string): Promise<void> {
    return putOutput(this.#engine, chunkPrefix(taskKey(task), digest), buffer, (work) => this.#chunk(work));
  }

  /** Drops the chunks of all outputs of `task`, or of the one with this digest. */
  drop(task: Task, digest?: string): Promise<void> {
    const name = taskKey(task);
    return this.#patiently(() => this.#engine.dropChunks(digest === undefined ? name : chunkPrefix(name, digest)));
  }

  /** Names of the tasks of which there are chunks. */
  async names(): Promise<Set<string>> {
    const chunks = await this.#patiently(() => this.#engine.chunkKeys());
    return new Set(chunks.map((key) => key.split('.').slice(0, 2).join('.')));
  }

  /** The output that `record` announces, verified; undefined if it is not there, damaged, or none that the task can have. */
  async get(task: Task, record: DoneRecord): Promise<Output | undefined> {
    if (!this.#judge.mayFetch(task, record)) return undefined;
    const prefix = chunkPrefix(taskKey(task), record.digest);
    const arrived = await getOutput(this.#engine, prefix, record, (work) => this.#chunk(work));
    const buffer = arrived && this.#isHalved(task) ? decodeBf16(arrived) : arrived;
    if (!buffer || !(await this.#judge.isSound(task, buffer))) return undefined;
    return { steps: record.steps, buffer };
  }

  /**
   * Looks several times for the output that is announced, each time in the newest record of it.
   * @throws MissingOutput if it is lost (its record is free then, unless the run is over), or if `isNeeded` says that nobody needs it.
   */
  async find(task: Task, isNeeded: () => boolean): Promise<{ readonly output: Output; readonly record: DoneRecord }> {
    for (let look = 1; ; look++) {
      const record = await this.#announced(task);
      const output = await this.get(task, record);
      if (output) return { output, record };
      if (!isNeeded())
        throw new MissingOutput(`the output of ${taskKey(task)} is needed by nobody any more and was dropped`, {
          hint: 'The task that asked for it is published already.',
        });
      if (look >= LOOKS) await this.#free(task, record);
      await this.#patience.clock.sleep(BETWEEN_LOOKS_MS, this.#patience.signal);
    }
  }

  /** Waits until the mirror is whole. @throws MissingOutput if `task` is not published (any more) */
  async announced(task: Task): Promise<void> {
    await this.#announced(task);
  }

  async #announced(task: Task): Promise<DoneRecord> {
    const { mirror } = this.#records;
    await this.#records.until(() => mirror.settled, this.#patience.signal);
    const record = mirror.done(task);
    if (!record) throw new MissingOutput(`${taskKey(task)} is not published any more`);
    return record;
  }

  async #free(task: Task, record: DoneRecord): Promise<never> {
    const lost = `the published output of ${taskKey(task)} is lost or damaged`;
    if (this.#judge.over) throw new MissingOutput(lost, { hint: 'The run is over, so nobody will compute it again.' });
    await this.free(task, record);
    await this.#judge.lost();
    throw new MissingOutput(lost, { hint: 'It will be computed again.' });
  }

  /** Frees the record of an output that is not there, if it is still the same record. */
  async free(task: Task, record: DoneRecord): Promise<void> {
    const key = keys.task(task);
    const now = await this.#records.read(key);
    const newest = now?.entry?.type === 'task' ? now.entry.record : undefined;
    if (now && newest?.state === 'done' && newest.digest === record.digest) {
      await this.#records.swap(key, { v: 1, state: 'free', by: this.#id }, now.revision);
      this.lost += 1;
    }
  }

  #isHalved({ kind }: Task): boolean {
    return kind === 'train' && this.#wire === 'bf16';
  }

  /** A chunk that has to wait before it is tried again leaves its place to others. */
  #chunk<T>(work: () => Promise<T>): Promise<T> {
    return this.#patiently(() => this.#window.pass(work));
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(this.#patience, work);
  }
}
