/**
 * The WebSocket side of a shared run: guests' requests, carried out on the run's engine (store/relay/). A guest is known by its
 * cookie, and comes from our own page; whoever asks too much waits, whoever speaks another language is put off the line.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { parse } from 'hono/utils/cookie';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Engine } from '../../store/cluster/engine.js';
import { FRAME_ROOM } from '../../store/relay/frames.js';
import { Relay } from '../../store/relay/relay.js';
import { isOurHost, isSameOrigin, type Hosts } from './share-app.js';
import type { Guest, Guests } from './guests.js';
import { GuestLimits } from './guest-limits.js';

export interface RelaySetting {
  readonly engine: Engine;
  readonly guests: Guests;
  readonly cookie: string;
  readonly hosts: Hosts;
  readonly say: (line: string) => void;
}

/** How long guests have to answer at the end. */
const LAST_WORDS_MS = 1000;
/** A guest that does not answer within two of these is gone. */
const PING_MS = 10_000;

/** What browsers say when a page is closed, left or has crashed (RFC 6455, 7.4.1); a connection that is cut says nothing. */
const CLOSED_TAB = 1001;
/** How a tab names itself, and how long it is known after its connection has ended. */
const TAB = /^[0-9a-f]{16}$/;
const TAB_KEPT_MS = 10_000;

/** Close codes from 4400 on tell a guest not to come again. */
export const CLOSE = { notOurs: 4400, over: 4401 } as const;

export class RelayServer {
  readonly #setting: RelaySetting;
  readonly #sockets: WebSocketServer;
  readonly #limits = new Map<Guest, GuestLimits>();
  /** By the names that tabs have given themselves. */
  readonly #tabs = new Map<string, { readonly guest: Guest; readonly leave: () => void }>();

  constructor(server: Server, setting: RelaySetting) {
    this.#setting = setting;
    const maxPayload = setting.engine.chunkBytes + FRAME_ROOM;
    this.#sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  /** Guests that are connected. */
  get count(): number {
    return this.#sockets.clients.size;
  }

  /** A guest closes that tab: its nodes leave at once, though its connection may end without a word. */
  leaves(guest: Guest, tab: string): void {
    const found = this.#tabs.get(tab);
    if (found?.guest === guest) found.leave();
  }

  /** Ends all connections, with words for the guests. */
  close(why: string): void {
    for (const client of this.#sockets.clients) {
      client.close(CLOSE.over, why);
      // One that is paused or frozen never answers.
      const late = setTimeout(() => client.terminate(), LAST_WORDS_MS);
      client.once('close', () => clearTimeout(late));
    }
    this.#sockets.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { guests, cookie, hosts } = this.#setting;
    const { host = '', origin, cookie: cookies = '' } = request.headers;
    const refuse = (status: string): void => {
      // Whoever keeps its side open would keep the server from ending.
      socket.once('finish', () => socket.destroy());
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    };
    socket.on('error', () => socket.destroy());
    const { url = '' } = request;
    const [pathname, tab = ''] = url.split('?tab=');
    if (pathname !== '/relay') return refuse('404 Not Found');
    if (!isOurHost(hosts, host) || !isSameOrigin(origin, host)) return refuse('403 Forbidden');
    const guest = guests.of(parse(cookies, cookie)[cookie]);
    if (!guest) return refuse('401 Unauthorized');
    if (this.#limits.get(guest)?.isFull) return refuse('429 Too Many Requests');
    this.#sockets.handleUpgrade(request, socket, head, (client) => this.#serve(client, guest, tab));
  }

  #serve(client: WebSocket, guest: Guest, tab: string): void {
    const { engine, say } = this.#setting;
    const name = `browser ${guest.number}`;
    say(`${name} is connected`);
    const limits = this.#limits.get(guest) ?? new GuestLimits();
    this.#limits.set(guest, limits);
    const relay = new Relay({
      engine,
      send: (frame) => {
        limits.makeRoom();
        client.send(frame);
      },
      onRefused: (why) => say(`${name} was refused: ${why}`),
    });
    limits.add(client);
    let alive = true;
    const pings = setInterval(() => {
      if (!alive) return client.terminate();
      alive = false;
      client.ping();
    }, PING_MS);
    client.on('pong', () => (alive = true));
    client.on('message', (data, isBinary) => {
      if (!isBinary || !(data instanceof Buffer)) return client.close(CLOSE.notOurs, 'not a frame of a node');
      const carryOut = async (): Promise<void> => {
        try {
          if (!(await relay.received(data))) client.close(CLOSE.notOurs, 'not a request of a node');
        } finally {
          limits.carriedOut();
        }
      };
      carryOut().catch(() => client.terminate());
      limits.count();
    });
    let [hasLeft, isOver] = [false, false];
    const leave = (): void => {
      if (hasLeft) return;
      hasLeft = true;
      if (isOver) {
        void relay.close(true);
        say(`${name} has closed the page`);
      } else client.terminate();
    };
    const own = { guest, leave };
    if (TAB.test(tab)) this.#tabs.set(tab, own);
    client.on('error', () => client.terminate());
    client.on('close', (code) => {
      isOver = true;
      // The tab's own word may come after this.
      const forget = (): void => {
        if (this.#tabs.get(tab) === own) this.#tabs.delete(tab);
      };
      setTimeout(forget, TAB_KEPT_MS).unref();
      clearInterval(pings);
      limits.remove(client);
      if (limits.isOver) this.#limits.delete(guest);
      const forGood = hasLeft || code === CLOSED_TAB;
      void relay.close(forGood);
      say(forGood ? `${name} has closed the page` : `${name} is gone`);
    });
  }
}
