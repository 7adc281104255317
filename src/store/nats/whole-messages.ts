/**
 * Cuts what comes from the socket so that no message lies in two pieces. The client's parser, given a message piece by piece
 * (64 KB a read), gathers it in a buffer that grows by doubling. Here the size is known from the message's first line, so
 * that it is gathered in one buffer of the right length, and so that its data begins at a multiple of 8: V8 copies into
 * shared memory word by word where both sides are aligned, else byte by byte, which takes eight times as long.
 */
import { createConnection, type Socket } from 'node:net';
import { setTransportFactory } from '@nats-io/transport-node';
import { NodeTransport, nodeResolveHost } from '@nats-io/transport-node/lib/node_transport.js';

const NEWLINE = 10;
const UPPER_CASE = 0xdf;
const [M, H] = [77, 72];
const NONE = { header: 0, payload: 0 };
/** No server takes larger payloads; what claims to be larger is left to the parser. */
const MOST_PAYLOAD = 64 << 20;

export class WholeMessages {
  /** The beginning of a line whose end has not come yet. */
  #line: Uint8Array | undefined;
  /** A message that has begun, as long as it will be, and how much of it is there. */
  #message: Uint8Array | undefined;
  #filled = 0;

  /** What can be parsed now that `piece` has come too, in order. */
  *push(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    let bytes = piece;
    if (this.#line) {
      bytes = Buffer.concat([this.#line, piece]);
      this.#line = undefined;
    }
    let at = this.#fill(bytes);
    if (this.#message) {
      if (this.#filled < this.#message.length) return;
      yield this.#message;
      this.#message = undefined;
    }
    const from = at;
    for (let end = at; end < bytes.length; at = end) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline < 0) {
        this.#line = bytes.subarray(at);
        break;
      }
      const { header, payload } = sizesOf(bytes, at, newline);
      end = newline + 1 + payload;
      if (end > bytes.length) {
        const before = -(newline + 1 + header - at) & 7;
        this.#message = Buffer.allocUnsafeSlow(before + end - at).subarray(before);
        this.#filled = 0;
        this.#fill(bytes.subarray(at));
        break;
      }
    }
    if (at > from) yield bytes.subarray(from, at);
  }

  /** Adds to the message that has begun, if one has; returns how many bytes that took. */
  #fill(bytes: Uint8Array): number {
    if (!this.#message) return 0;
    const taken = Math.min(bytes.length, this.#message.length - this.#filled);
    this.#message.set(bytes.subarray(0, taken), this.#filled);
    this.#filled += taken;
    return taken;
  }
}

/**
 * Bytes that follow the line from `start` to its `newline`: a message's header and payload (header and line end included);
 * none after any other line.
 */
function sizesOf(bytes: Uint8Array, start: number, newline: number): { header: number; payload: number } {
  const first = (bytes[start] as number) & UPPER_CASE;
  const hasHeader = first === H && ((bytes[start + 1] as number) & UPPER_CASE) === M;
  if (first !== M && !hasHeader) return NONE;
  const words = Buffer.from(bytes.subarray(start, newline)).toString('latin1').trim().split(/\s+/);
  const payload = Number(words.at(-1));
  const header = hasHeader ? Number(words.at(-2)) : 0;
  const known = words.length >= 4 && payload >= 0 && payload <= MOST_PAYLOAD && header >= 0 && header <= payload;
  return known ? { header, payload: payload + 2 } : NONE;
}

export class WholeMessageTransport extends NodeTransport {
  /** As the client's own, but the socket is known while it is being connected, so that `close` can end it then, too. */
  override dial({ hostname, port }: { hostname: string; port: number }): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(port, hostname, () => {
        socket.removeAllListeners();
        resolve(socket);
      });
      this.socket = socket;
      let failed: Error | undefined;
      socket.on('error', (error) => {
        failed = error;
      });
      socket.on('close', () => {
        socket.removeAllListeners();
        reject(failed ?? new Error('the connection was closed'));
      });
      socket.setNoDelay(true);
    });
  }

  /** The client's own leaves a socket open whose server has not greeted yet, and that would keep the process from ending. */
  override async close(error?: Error): Promise<void> {
    if (this.connected) await super.close(error);
    else this.discard();
  }

  override async *iterate(): AsyncIterableIterator<Uint8Array> {
    const whole = new WholeMessages();
    for await (const piece of super.iterate()) yield* whole.push(piece);
  }
}

/** Makes connections that are opened from now on (and opened again) use it. */
export function useWholeMessages(): void {
  setTransportFactory({ factory: () => new WholeMessageTransport(), dnsResolveFn: nodeResolveHost });
}
