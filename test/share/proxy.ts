/** What stands between a browser and whoever shares a run, in tests: it keeps what the browser sends, and can be cut. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export class Proxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #sent: Buffer[][] = [];
  #isCut = false;

  private constructor(to: number) {
    this.#server = createServer((socket) => {
      if (this.#isCut) return void socket.destroy();
      const upstream = connect(to, '127.0.0.1');
      const sent: Buffer[] = [];
      this.#sent.push(sent);
      for (const each of [socket, upstream]) this.#sockets.add(each);
      socket.on('data', (data) => {
        sent.push(data);
        upstream.write(data);
      });
      upstream.on('data', (data) => socket.write(data));
      const end = (): void => {
        for (const each of [socket, upstream]) {
          each.destroy();
          this.#sockets.delete(each);
        }
      };
      for (const each of [socket, upstream]) each.on('close', end).on('error', end);
    });
  }

  /** @param to the port of whoever shares */
  static async start(to: number): Promise<Proxy> {
    const proxy = new Proxy(to);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** All that browsers have sent: requests as they were, and what was in their WebSocket frames. */
  get sent(): Buffer {
    return Buffer.concat(
      this.#sent.flatMap((pieces) => {
        const all = Buffer.concat(pieces);
        const end = all.indexOf('\r\n\r\n') + 4;
        return all.subarray(0, end).includes('Upgrade: websocket')
          ? [all.subarray(0, end), ...framesIn(all.subarray(end))]
          : [all];
      }),
    );
  }

  /** Ends all connections, and takes no new ones until `mend`. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

/** The payloads of a browser's frames, unmasked (RFC 6455, 5.2). */
function framesIn(bytes: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at + 6 <= bytes.length;) {
    let length = (bytes[at + 1] as number) & 127;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    const mask = bytes.subarray(at, at + 4);
    at += 4;
    payloads.push(Buffer.from(bytes.subarray(at, at + length).map((byte, i) => byte ^ (mask[i % 4] as number))));
    at += length;
  }
  return payloads;
}
