/** The relay's side of one guest: carries out its requests on the engine of its run, within the rules and at a bounded rate. */
import { encodeError } from '../../error-codec.js';
import { EngineError, type Engine, type Entry } from '../cluster/engine.js';
import { plainText } from '../cluster/plain-text.js';
import { decodeFrame, encodeFrame, requestSchema, type RelayFound, type RelayRequest } from './frames.js';
import { GuestNodes } from './guest-nodes.js';
import { refusal } from './rules.js';

export interface RelayOptions {
  readonly engine: Engine;
  readonly send: (frame: Uint8Array<ArrayBuffer>) => void;
  /** Told of a request that was refused. */
  readonly onRefused?: ((why: string) => void) | undefined;
}

type Found = Omit<RelayFound, 'id'> & { readonly bytes?: Uint8Array };

export class Relay {
  readonly #options: RelayOptions;
  readonly #stopListening: () => void;
  readonly #nodes: GuestNodes;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#nodes = new GuestNodes(options.engine);
    this.#stopListening = options.engine.listen((hint, revision) => options.send(encodeFrame({ hint, revision })));
  }

  /** Carries out a request and sends the answer; never rejects. False for what is no request: such a guest is put off the line. */
  async received(frame: Uint8Array): Promise<boolean> {
    const parts = decodeFrame(frame);
    const request = requestSchema.safeParse(parts?.json);
    if (!parts || !request.success) return false;
    const { id } = request.data;
    try {
      const { bytes, ...answer } = await this.#carriedOut(request.data, parts.bytes);
      this.#options.send(encodeFrame({ id, ...answer }, bytes));
    } catch (error) {
      // Where a defect was thrown is no guest's business.
      this.#options.send(encodeFrame({ id, error: { ...encodeError(error), stack: undefined } }));
    }
    return true;
  }

  /** The guest's connection has ended. @param forGood it has closed its tab, and will not come back as the same nodes */
  async close(forGood: boolean): Promise<void> {
    this.#stopListening();
    if (forGood) await this.#nodes.gone();
  }

  async #carriedOut(request: RelayRequest, bytes: Uint8Array): Promise<Found> {
    const { engine, onRefused } = this.#options;
    const why = refusal(request, bytes.length, engine.chunkBytes);
    if (why !== undefined) {
      onRefused?.(plainText(why));
      throw new EngineError('denied', plainText(why), { hint: 'A link lets a browser do what nodes of its run do.' });
    }
    switch (request.call) {
      case 'next':
        return found(await engine.next(request.after));
      case 'read':
        return found(await engine.read(request.key));
      case 'write': {
        const revision = await engine.write(request.key, bytes, request.expected);
        if (revision === undefined) return {};
        await this.#nodes.wrote(request.key, bytes, revision);
        return { revision };
      }
      case 'putChunk':
        await engine.putChunk(request.key, bytes);
        return {};
      case 'getChunk': {
        const chunk = await engine.getChunk(request.key);
        return chunk ? { found: true, bytes: chunk } : {};
      }
      case 'dropChunks':
        await engine.dropChunks(request.key);
        return {};
      case 'chunkKeys':
        return { keys: await engine.chunkKeys() };
      case 'state':
        return engine.state();
      case 'open':
        await engine.open();
        return {};
    }
  }
}

function found(entry: Entry | undefined): Found {
  return entry ? { key: entry.key, revision: entry.revision, bytes: entry.value } : {};
}
