/**
 * The few requests of JetStream's documented wire interface that a run needs, with their failures sorted. Written on the
 * core client alone: every request is one message and one answer, so that there is no server-side consumer that could be
 * lost, and the exact set of subjects for a node's permissions is visible here.
 */
import { headers, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import { systemClock } from '../cluster/clock.js';
import { EngineError, type EngineState } from '../cluster/engine.js';
import { plainText } from '../cluster/plain-text.js';
import { parseJson } from '../cluster/records.js';

const TIMEOUT_MS = 5000;
/** A chunk may wait for those of other transfers, and for a slow link. */
const CHUNK_TIMEOUT_MS = 30_000;
/** For so long it is waited that more servers have a stream, and so often looked. */
const RAISED_WITHIN_MS = 20_000;
const RAISED_LOOK_MS = 200;
/** So often it is looked whether the stream of a chunk that does not come is there. */
const STREAM_LOOK_MS = 2000;
const STREAM_NOT_FOUND = 10059;
const WRONG_LAST_SEQUENCE = 10071;
/** JetStream is off on the server, or for this user's account. */
export const NO_JETSTREAM: readonly number[] = [10076, 10039];

export const failure = z.object({
  error: z.object({ code: z.int(), err_code: z.int().optional(), description: z.string().optional() }),
});
const ack = z.object({ stream: z.string(), seq: z.int() });
const info = z.object({
  created: z.string(),
  config: z.object({ subjects: z.array(z.string()).optional() }),
  state: z.object({ last_seq: z.int(), subjects: z.record(z.string(), z.number()).optional() }),
});

const copies = z.object({
  config: z.looseObject({ num_replicas: z.int() }),
  cluster: z
    .object({ leader: z.string().optional(), replicas: z.array(z.object({ current: z.boolean() })).default([]) })
    .optional(),
});

export interface StreamOptions {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  /** The stream refuses what goes beyond; 0: no limit. */
  readonly maxBytes: number;
}

export interface StreamState extends EngineState {
  /** What it keeps messages of. */
  readonly subjects: readonly string[];
}

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

export type LinkChange = 'disconnect' | 'reconnect';

function directGet(stream: string, subject: string): string {
  return `$JS.API.DIRECT.GET.${stream}.${subject}`;
}

export class NatsApi {
  readonly connection: NatsConnection;
  readonly #onLink = new Set<(change: LinkChange) => void>();

  constructor(connection: NatsConnection) {
    this.connection = connection;
    void this.#watch();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status())
      if (type === 'disconnect' || type === 'reconnect') for (const listener of this.#onLink) listener(type);
  }

  /** Tells when the connection is lost, and when it is there again. Returns how to end that. */
  onLink(listener: (change: LinkChange) => void): () => void {
    this.#onLink.add(listener);
    return () => this.#onLink.delete(listener);
  }

  /** Stores a chunk in a stream: as `publish`, with more time. */
  async putChunk(stream: string, subject: string, data: Uint8Array): Promise<void> {
    let answer: Msg;
    try {
      answer = await this.#untilLost(subject, data, stream);
    } catch (error) {
      // Nobody answers for a stream that is gone.
      if (error instanceof EngineError && error.kind === 'busy') await this.state(stream);
      throw error;
    }
    this.#parse(subject, ack, parseJson(answer.data));
  }

  /** The newest chunk of a subject: as `newest`, with more time. */
  getChunk(stream: string, subject: string): Promise<StoredMessage | undefined> {
    const direct = directGet(stream, subject);
    return this.#got(stream, direct, () => this.#untilLost(direct, new Uint8Array(), stream));
  }

  /** What is on its way when the connection is lost is answered by nobody; nor is what is asked of a `stream` that is not there. */
  async #untilLost(subject: string, data: Uint8Array, stream: string): Promise<Msg> {
    let end = (): void => {};
    const lost = new Promise<never>((_, reject) => {
      const unlisten = this.onLink((change) => {
        // Also what was asked while there was none: the client forgets it when it connects again.
        if (change === 'disconnect' || change === 'reconnect')
          reject(new EngineError('busy', `the connection was lost before ${subject} was answered`));
      });
      const look = (): void =>
        void this.state(stream).catch((error: unknown) => {
          if (error instanceof EngineError && error.kind === 'gone') reject(error);
        });
      const timer = setInterval(look, STREAM_LOOK_MS);
      end = () => {
        unlisten();
        clearInterval(timer);
      };
    });
    try {
      return await Promise.race([this.#ask(subject, data, undefined, CHUNK_TIMEOUT_MS), lost]);
    } finally {
      end();
    }
  }

  /** Stores a message. Undefined if `expected` is given and the subject's newest sequence is another. */
  async publish(subject: string, data: Uint8Array, expected?: number): Promise<number | undefined> {
    const header = expected === undefined ? undefined : headers();
    header?.set('Nats-Expected-Last-Subject-Sequence', String(expected));
    const answer = await this.#request(subject, data, header);
    const failed = failure.safeParse(answer);
    if (failed.success && failed.data.error.err_code === WRONG_LAST_SEQUENCE) return undefined;
    return this.#parse(subject, ack, answer).seq;
  }

  /** The newest message of a subject. */
  newest(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return this.#get(stream, directGet(stream, subject));
  }

  /** The first message after sequence `after`. */
  next(stream: string, subjects: string, after: number): Promise<StoredMessage | undefined> {
    const query = JSON.stringify({ seq: after + 1, next_by_subj: subjects });
    return this.#get(stream, `$JS.API.DIRECT.GET.${stream}`, query);
  }

  async state(stream: string): Promise<StreamState> {
    const { created, config, state } = await this.#call(`STREAM.INFO.${stream}`, undefined, info);
    return { identity: created, last: state.last_seq, subjects: config.subjects ?? [] };
  }

  /** Every subject of which the stream holds a message. */
  async subjects(stream: string): Promise<string[]> {
    const found = await this.#call(`STREAM.INFO.${stream}`, { subjects_filter: '>' }, info);
    return Object.keys(found.state.subjects ?? {});
  }

  async purge(stream: string, subjects: string): Promise<void> {
    await this.#call(`STREAM.PURGE.${stream}`, { filter: subjects }, z.object({ success: z.literal(true) }));
  }

  /**
   * Makes a stream that keeps the newest message of each subject, if there is none of that name.
   * @param beforeReplacing called before a stream of that name with other subjects is dropped; throws where it must stay.
   * Without it, such a stream stays.
   */
  async makeStream(options: StreamOptions, beforeReplacing?: () => Promise<void>): Promise<void> {
    const { name, subjects, storage, replicas, maxBytes } = options;
    try {
      const there = await this.state(name);
      if (!beforeReplacing || subjects.every((subject) => there.subjects.includes(subject))) return;
      await beforeReplacing();
      await this.deleteStream(name);
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'gone') throw error;
    }
    const config = {
      name,
      subjects,
      storage,
      num_replicas: replicas,
      max_bytes: maxBytes === 0 ? -1 : maxBytes,
      max_msgs_per_subject: 1,
      discard: 'new',
      allow_direct: true,
      retention: 'limits',
    };
    await this.#call(`STREAM.CREATE.${name}`, config, z.object({ created: z.string() }));
  }

  /** Sees to it that so many servers keep a stream that is there, if fewer do. While they get it, it takes no messages, so that is waited for. */
  async raiseReplicas(stream: string, replicas: number): Promise<void> {
    const { config } = await this.#call(`STREAM.INFO.${stream}`, undefined, copies);
    if (config.num_replicas >= replicas) return;
    await this.#call(`STREAM.UPDATE.${stream}`, { ...config, num_replicas: replicas }, copies);
    for (const end = systemClock.now() + RAISED_WITHIN_MS; systemClock.now() < end;) {
      await systemClock.sleep(RAISED_LOOK_MS);
      // Between two leaders nobody answers.
      const now = await this.#call(`STREAM.INFO.${stream}`, undefined, copies).catch(() => undefined);
      const others = now?.cluster?.replicas ?? [];
      if (now?.cluster?.leader && others.length >= replicas - 1 && others.every(({ current }) => current)) return;
    }
    throw new EngineError('busy', `${replicas} servers were asked to keep ${stream}, and not all have it yet`);
  }

  async deleteStream(name: string): Promise<void> {
    await this.#call(`STREAM.DELETE.${name}`, undefined, z.object({ success: z.literal(true) }));
  }

  #get(stream: string, subject: string, query?: string): Promise<StoredMessage | undefined> {
    return this.#got(stream, subject, () => this.#ask(subject, query ?? new Uint8Array()));
  }

  async #got(stream: string, subject: string, ask: () => Promise<Msg>): Promise<StoredMessage | undefined> {
    let message: Msg;
    try {
      message = await ask();
    } catch (error) {
      // A server with JetStream does not answer at all for a stream that it has not; its information tells the two apart.
      if (error instanceof EngineError && error.kind === 'busy') await this.state(stream);
      throw error;
    }
    const header = message.headers;
    const code = header?.code ?? 0;
    if (code === 404) return undefined;
    const sequence = Number(header?.get('Nats-Sequence'));
    const stored = header?.get('Nats-Subject');
    if (code !== 0 || !stored || !Number.isSafeInteger(sequence))
      throw new EngineError(
        'busy',
        `the server answered ${code} ${plainText(header?.description ?? '')} to ${subject}`,
      );
    return { subject: stored, sequence, data: message.data };
  }

  async #call<T>(operation: string, body: object | undefined, schema: z.ZodType<T>): Promise<T> {
    const subject = `$JS.API.${operation}`;
    const payload = body === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(body));
    return this.#parse(subject, schema, await this.#request(subject, payload));
  }

  async #request(subject: string, data: Uint8Array, header?: MsgHdrs): Promise<unknown> {
    return parseJson((await this.#ask(subject, data, header)).data);
  }

  async #ask(subject: string, data: Uint8Array | string, header?: MsgHdrs, timeout = TIMEOUT_MS): Promise<Msg> {
    try {
      return await this.connection.request(subject, data, {
        timeout,
        ...(header === undefined ? {} : { headers: header }),
      });
    } catch (error) {
      throw await this.#sorted(subject, error);
    }
  }

  /** What a failed request means. That nobody answers tells nothing: so it is for a stream that is not there, and while the server starts. */
  async #sorted(subject: string, error: unknown): Promise<EngineError> {
    const text = messageOf(error);
    const causes = [error, error instanceof Error ? error.cause : undefined].map((each) =>
      each instanceof Error ? each.name : '',
    );
    if (causes.includes('PermissionViolationError') || /permissions? violation/i.test(text))
      return new EngineError('denied', `this user may not use ${subject}: ${text}`, {
        hint: 'docs/CLUSTER.md lists the permissions that a node needs.',
        cause: error,
      });
    if (causes.includes('ClosedConnectionError') || this.connection.isClosed())
      return new EngineError('denied', `the connection was closed for good: ${text}`, { cause: error });
    return new EngineError('busy', `no answer from the server to ${subject}: ${text}`, { cause: error });
  }

  #parse<T>(subject: string, schema: z.ZodType<T>, answer: unknown): T {
    const failed = failure.safeParse(answer);
    if (failed.success) {
      const { err_code, code, description } = failed.data.error;
      const text = `the server refused ${subject}: ${plainText(description ?? String(code))}`;
      if (err_code !== undefined && NO_JETSTREAM.includes(err_code))
        throw new EngineError('denied', text, {
          hint: "Whoever runs the server must allow JetStream for this user's account.",
        });
      throw new EngineError(err_code === STREAM_NOT_FOUND ? 'gone' : 'busy', text);
    }
    const parsed = schema.safeParse(answer);
    if (!parsed.success) throw new EngineError('busy', `the server's answer to ${subject} is not what JetStream says`);
    return parsed.data;
  }
}
