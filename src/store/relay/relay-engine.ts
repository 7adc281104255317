/**
 * A run's engine reached over a WebSocket, through the relay of whoever shares the run: what a node in a browser has of the
 * cluster. A connection that is lost comes back by itself; until then requests fail as `busy`, and are tried again (patience.ts).
 */
import { decodeError, type EncodedError } from '../../error-codec.js';
import { EngineError, type Engine, type EngineState, type Entry, type HintListener } from '../cluster/engine.js';
import { answerSchema, decodeFrame, encodeFrame, type RelayCall, type RelayFound } from './frames.js';

export interface RelayEngineOptions {
  readonly url: string;
  /** As the relay says. */
  readonly chunkBytes: number;
  /** Told when the connection is there, when it is lost, and when the relay wants no more of this guest. */
  readonly onLink?: ((link: 'connected' | 'lost' | 'refused', why: string) => void) | undefined;
  /** Told of bytes that came and went. */
  readonly onBytes?: ((received: number, sent: number) => void) | undefined;
}

/** Close codes from here on are the relay's own words: not to come again (docs/BROWSER.md). */
const REFUSED_CODE = 4400;
const ANSWER_MS = 15_000;
/** A chunk may wait for others and for slow links, that of whoever shares the run among them. */
const CHUNK_ANSWER_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

interface Pending {
  readonly resolve: (answer: { readonly found: RelayFound; readonly bytes: Uint8Array }) => void;
  readonly reject: (error: EngineError) => void;
}

export class RelayEngine implements Engine {
  readonly chunkBytes: number;
  readonly #options: RelayEngineOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<HintListener>();
  #socket: WebSocket | undefined;
  /** Settled when the present socket is connected, or is not going to be. */
  #opening: Promise<void> = Promise.resolve();
  #refused: string | undefined;
  #closed = false;
  #wasConnected = false;
  #pauseMs = FIRST_PAUSE_MS;
  #nextId = 0;

  constructor(options: RelayEngineOptions) {
    this.#options = options;
    this.chunkBytes = options.chunkBytes;
    this.#connect();
  }

  async next(after: number): Promise<Entry | undefined> {
    return entryOf(await this.#ask({ call: 'next', after }));
  }

  async read(key: string): Promise<Entry | undefined> {
    return entryOf(await this.#ask({ call: 'read', key }));
  }

  async write(key: string, value: Uint8Array, expected: number): Promise<number | undefined> {
    return (await this.#ask({ call: 'write', key, expected }, value)).found.revision;
  }

  async putChunk(key: string, bytes: Uint8Array): Promise<void> {
    await this.#ask({ call: 'putChunk', key }, bytes, CHUNK_ANSWER_MS);
  }

  async getChunk(key: string): Promise<Uint8Array | undefined> {
    const { found, bytes } = await this.#ask({ call: 'getChunk', key }, undefined, CHUNK_ANSWER_MS);
    return found.found ? bytes : undefined;
  }

  async dropChunks(prefix: string): Promise<void> {
    await this.#ask({ call: 'dropChunks', key: prefix });
  }

  async chunkKeys(): Promise<string[]> {
    return (await this.#ask({ call: 'chunkKeys' })).found.keys ?? [];
  }

  async state(): Promise<EngineState> {
    const { identity, last } = (await this.#ask({ call: 'state' })).found;
    if (identity === undefined || last === undefined) throw new EngineError('busy', 'the relay gave no state');
    return { identity, last };
  }

  async open(): Promise<void> {
    await this.#ask({ call: 'open' });
  }

  listen(listener: HintListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the connection for good. */
  close(): void {
    this.#closed = true;
    this.#socket?.close(1000);
    this.#giveUp('the connection was closed');
  }

  #connect(): void {
    if (this.#closed || this.#refused !== undefined) return;
    const socket = new WebSocket(this.#options.url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#opening = new Promise((resolve) => {
      for (const type of ['open', 'close']) socket.addEventListener(type, () => resolve(), { once: true });
    });
    socket.addEventListener('open', () => {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#options.onLink?.('connected', '');
      // What was said meanwhile was not heard.
      if (this.#wasConnected) for (const listener of this.#listeners) listener('reset');
      this.#wasConnected = true;
    });
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) this.#received(new Uint8Array(data));
    });
    socket.addEventListener('close', ({ code, reason }) => this.#lost(code, reason));
  }

  #lost(code: number, reason: string): void {
    this.#socket = undefined;
    if (this.#closed) return;
    if (code >= REFUSED_CODE) this.#refused = reason || `code ${code}`;
    const why = this.#refused ?? 'the connection was lost';
    this.#giveUp(why);
    this.#options.onLink?.(this.#refused === undefined ? 'lost' : 'refused', why);
    if (this.#refused !== undefined) return;
    setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #giveUp(why: string): void {
    for (const { reject } of this.#pending.values()) reject(this.#failure(why));
    this.#pending.clear();
  }

  #failure(why: string): EngineError {
    const kind = this.#refused === undefined ? 'busy' : 'denied';
    return new EngineError(kind, `no answer from whoever shares the run: ${why}`);
  }

  async #ask(
    call: RelayCall,
    bytes?: Uint8Array,
    answerMs = ANSWER_MS,
  ): Promise<{ readonly found: RelayFound; readonly bytes: Uint8Array }> {
    const socket = this.#socket;
    await this.#opening;
    if (socket?.readyState !== WebSocket.OPEN) throw this.#failure(this.#refused ?? 'not connected');
    const id = this.#nextId++;
    const frame = encodeFrame({ id, ...call }, bytes);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        timer = setTimeout(() => reject(this.#failure(`nothing for ${answerMs / 1000} s`)), answerMs);
        socket.send(frame);
        this.#options.onBytes?.(0, frame.length);
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  #received(frame: Uint8Array): void {
    this.#options.onBytes?.(frame.length, 0);
    const parts = decodeFrame(frame);
    const parsed = answerSchema.safeParse(parts?.json);
    if (!parts || !parsed.success) return;
    const answer = parsed.data;
    if ('hint' in answer) {
      for (const listener of this.#listeners) listener(answer.hint, answer.revision);
      return;
    }
    const pending = this.#pending.get(answer.id);
    if ('error' in answer) {
      const error = decodeError(answer.error as EncodedError);
      const isEngines = error instanceof EngineError;
      pending?.reject(isEngines ? error : new EngineError('busy', error.message));
    } else pending?.resolve({ found: answer, bytes: parts.bytes });
  }
}

function entryOf({ found, bytes }: { readonly found: RelayFound; readonly bytes: Uint8Array }): Entry | undefined {
  const { key, revision } = found;
  return key === undefined || revision === undefined ? undefined : { key, revision, value: bytes };
}
