/**
 * A model of the message engine in memory, and its clients, which lose, delay, repeat and reorder what goes to and fro.
 * The server can crash (keeping all, losing its newest writes, or losing everything) and be full.
 */
import type { RandomStream } from '../../src/random.js';
import {
  EngineError,
  type Engine,
  type EngineState,
  type Entry,
  type Hint,
  type HintListener,
} from '../../src/store/cluster/engine.js';
import type { Process, VirtualTime } from './virtual-time.js';

interface Stored {
  identity: number;
  last: number;
  records: Map<string, Entry>;
  chunks: Map<string, Uint8Array>;
}

export class ModelServer {
  #now: Stored | undefined;
  #saved: Stored | undefined;
  #identities = 0;
  down = false;
  full = false;
  /** A planted bug: compare-and-set that does not compare. */
  ignoresExpected = false;
  readonly clients = new Set<ModelClient>();

  get stored(): Stored {
    if (!this.#now) throw new EngineError('gone', 'no such stream');
    return this.#now;
  }

  get exists(): boolean {
    return this.#now !== undefined;
  }

  open(): void {
    this.#now ??= { identity: ++this.#identities, last: 0, records: new Map(), chunks: new Map() };
  }

  write(key: string, value: Uint8Array, expected: number | undefined): number | undefined {
    const { records } = this.stored;
    const matches = expected === undefined || this.ignoresExpected || (records.get(key)?.revision ?? 0) === expected;
    if (!matches) return undefined;
    if (this.full) throw new EngineError('busy', 'maximum bytes exceeded');
    const revision = ++this.stored.last;
    records.set(key, { key, revision, value });
    for (const client of this.clients) client.hint('changed', revision);
    return revision;
  }

  /** Flushes to disk: a lossy crash goes back to here. */
  flush(): void {
    this.#saved = this.#now && { ...this.#now, records: new Map(this.#now.records), chunks: new Map(this.#now.chunks) };
  }

  crash(loss: 'nothing' | 'unflushed' | 'everything'): void {
    this.down = true;
    if (loss === 'everything') this.#now = this.#saved = undefined;
    if (loss === 'unflushed') {
      this.#now = this.#saved;
      this.flush();
    }
  }

  restart(): void {
    this.down = false;
    for (const client of this.clients) client.hint('reset');
  }
}

const TIMEOUT_MS = 2000;

export class ModelClient implements Engine {
  readonly chunkBytes = 6;
  /** Probability that something is wrong with a message. */
  trouble = 0;
  cut = false;
  readonly #server: ModelServer;
  readonly #time: VirtualTime;
  readonly #process: Process;
  readonly #random: RandomStream;
  readonly #listeners = new Set<HintListener>();

  constructor(server: ModelServer, time: VirtualTime, process: Process, random: RandomStream) {
    this.#server = server;
    this.#time = time;
    this.#process = process;
    this.#random = random;
    server.clients.add(this);
  }

  next(after: number): Promise<Entry | undefined> {
    return this.#ask(() => {
      let found: Entry | undefined;
      for (const entry of this.#server.stored.records.values())
        if (entry.revision > after && (!found || entry.revision < found.revision)) found = entry;
      return found;
    });
  }

  read(key: string): Promise<Entry | undefined> {
    return this.#ask(() => this.#server.stored.records.get(key));
  }

  write(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    return this.#ask(() => this.#server.write(key, value, expected));
  }

  putChunk(key: string, bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    return this.#ask(() => {
      if (this.#server.full) throw new EngineError('busy', 'maximum bytes exceeded');
      this.#server.stored.chunks.set(key, copy);
    });
  }

  getChunk(key: string): Promise<Uint8Array | undefined> {
    return this.#ask(() => this.#server.stored.chunks.get(key));
  }

  dropChunks(prefix: string): Promise<void> {
    return this.#ask(() => {
      const { chunks } = this.#server.stored;
      for (const key of chunks.keys()) if (key.startsWith(`${prefix}.`)) chunks.delete(key);
    });
  }

  chunkKeys(): Promise<string[]> {
    return this.#ask(() => [...this.#server.stored.chunks.keys()]);
  }

  state(): Promise<EngineState> {
    return this.#ask(() => ({ identity: String(this.#server.stored.identity), last: this.#server.stored.last }));
  }

  open(): Promise<void> {
    return this.#ask(() => this.#server.open());
  }

  listen(listener: HintListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hints travel like everything else, and may be lost; a new connection is always noticed. */
  hint(hint: Hint, revision?: number): void {
    if (hint === 'changed' && (this.cut || this.#chance(this.trouble))) return;
    this.#process.after(this.#latency(), () => {
      for (const listener of this.#listeners) listener(hint, revision);
    });
  }

  /** One request and its answer, with everything that can happen to them. */
  #ask<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const timeout = (): void => reject(new EngineError('busy', 'no answer'));
      const fault = this.#chance(this.trouble) ? this.#random.below(4) : -1;
      const arrive = (answer: boolean): void => {
        if (this.#server.down || this.cut) return;
        let settle: () => void;
        try {
          const value = work();
          settle = () => resolve(value);
        } catch (error) {
          settle = () => reject(error);
        }
        if (answer) this.#process.after(this.#latency(), settle);
      };
      this.#process.after(TIMEOUT_MS, timeout);
      if (fault === 0) return;
      // The answer is lost; the request comes late, when nobody waits for it any more; it comes twice.
      this.#time.after(fault === 2 ? TIMEOUT_MS + this.#random.below(5000) : this.#latency(), () =>
        arrive(fault !== 1),
      );
      if (fault === 3) this.#time.after(this.#random.below(4000), () => arrive(true));
    });
  }

  #latency(): number {
    return 1 + this.#random.below(this.trouble > 0 ? 200 : 10);
  }

  #chance(p: number): boolean {
    return p > 0 && this.#random.uniform() < p;
  }
}
