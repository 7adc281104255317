/**
 * What a cluster needs of a message engine, for one run: small records with revisions (compare-and-set), and the chunks of
 * large outputs. ../nats/engine.ts is the real one; test/faults/ has a model of it on a virtual clock. Nothing here retries:
 * that is patience.ts's matter, so that both engines are driven by the same code.
 */
import { registerErrorClass } from '../../error-codec.js';
import { PffError } from '../../errors.js';

export interface Entry {
  /** Dotted words, such as `task.c3.l2`. */
  readonly key: string;
  /** Grows with every write to any key; the newest write of a key is the only one kept. */
  readonly revision: number;
  readonly value: Uint8Array;
}

export interface EngineState {
  /** Changes when the store was lost and made again. */
  readonly identity: string;
  /** The newest revision; lower than before when the engine lost what it had acknowledged. */
  readonly last: number;
}

/** `changed`: look for new entries. `reset`: the connection was lost in between, so the engine may have lost anything. */
export type Hint = 'changed' | 'reset';

/** Told of news, and of the newest revision of which the sender knew, if it says so. Anybody may have sent it: it proves nothing. */
export type HintListener = (hint: Hint, revision?: number) => void;

export interface Engine {
  /** Bytes of a chunk, the last of an output excepted. */
  readonly chunkBytes: number;
  /** The entry with the lowest revision above `after`; undefined if there is none. */
  next(after: number): Promise<Entry | undefined>;
  /** The newest entry of `key`. */
  read(key: string): Promise<Entry | undefined>;
  /**
   * Writes `value` if the newest revision of `key` is `expected` (0: there is none). Returns the new revision, or undefined
   * if it is another. After an error the write may have happened or not, or may yet happen.
   */
  write(key: string, value: Uint8Array, expected: number): Promise<number | undefined>;
  putChunk(key: string, bytes: Uint8Array): Promise<void>;
  getChunk(key: string): Promise<Uint8Array | undefined>;
  /** Drops all chunks below `prefix` (whole words). */
  dropChunks(prefix: string): Promise<void>;
  /** Keys of all chunks that are there. */
  chunkKeys(): Promise<string[]>;
  state(): Promise<EngineState>;
  /** Makes what is missing (streams). @throws EngineError `removed` if the run was removed on purpose. */
  open(): Promise<void>;
  /** Calls `listener` on every hint until the returned function is called. Hints may be lost, late or twice. */
  listen(listener: HintListener): () => void;
}

/**
 * `busy`: it may go through later (no connection, no answer, full). `gone`: the run's streams are not there.
 * `removed`: somebody removed the run. `denied`: not allowed, however often one tries.
 */
export type EngineErrorKind = 'busy' | 'gone' | 'removed' | 'denied';

export class EngineError extends PffError {
  readonly kind: EngineErrorKind;

  constructor(kind: EngineErrorKind, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super('cluster', message, options);
    this.name = 'EngineError';
    this.kind = kind;
  }
}
registerErrorClass(
  'EngineError',
  (message, options, kind) => new EngineError(kind as EngineErrorKind, message, options),
);
