/** What one guest does at once: all its connections share the same limits. */
import type { WebSocket } from 'ws';
import type { Relay } from '../../store/relay/relay.js';

/** Connections of one guest, such as tabs of one browser. */
const MOST_CONNECTIONS = 8;
/** Requests that are carried out at once; the next ones wait in their sockets. */
const MOST_PENDING = 64;
/** Requests a second that a guest may go on with, and how many it may be ahead. */
const PER_SECOND = 2000;
const BURST = 4000;
/** Bytes that wait for a guest that does not read; beyond that the connection that reads least is put off the line, and comes back. */
const MOST_WAITING = 64 << 20;

export class GuestLimits {
  readonly #connections = new Map<WebSocket, Relay>();
  #budget = BURST;
  #since = performance.now();
  #waking: NodeJS.Timeout | undefined;

  get isFull(): boolean {
    return this.#connections.size >= MOST_CONNECTIONS;
  }

  get isOver(): boolean {
    return this.#connections.size === 0;
  }

  add(client: WebSocket, relay: Relay): void {
    this.#connections.set(client, relay);
  }

  remove(client: WebSocket): void {
    this.#connections.delete(client);
    this.#resume();
  }

  /** Puts the connection off the line that reads least, where so much waits to be read that no more may be sent. */
  makeRoom(): void {
    let [waiting, most] = [0, undefined as WebSocket | undefined];
    for (const client of this.#connections.keys()) {
      waiting += client.bufferedAmount;
      if (!most || client.bufferedAmount > most.bufferedAmount) most = client;
    }
    if (waiting > MOST_WAITING) most?.terminate();
  }

  /** Counts a request; the connections wait where there are too many. */
  count(): void {
    this.#earn();
    this.#budget -= 1;
    if (!this.#mayGoOn()) for (const client of this.#connections.keys()) client.pause();
    this.#wakeInTime();
  }

  /** A request was carried out. */
  carriedOut(): void {
    this.#resume();
  }

  #earn(): void {
    const now = performance.now();
    this.#budget = Math.min(BURST, this.#budget + ((now - this.#since) / 1000) * PER_SECOND);
    this.#since = now;
  }

  #mayGoOn(): boolean {
    let pending = 0;
    for (const relay of this.#connections.values()) pending += relay.pending;
    return this.#budget >= 0 && pending < MOST_PENDING;
  }

  #resume(): void {
    this.#earn();
    if (this.#mayGoOn()) for (const client of this.#connections.keys()) client.resume();
    this.#wakeInTime();
  }

  /** Timers may be early by a fraction: then there is another one. */
  #wakeInTime(): void {
    if (this.#budget >= 0 || this.#waking !== undefined) return;
    const wake = (): void => {
      this.#waking = undefined;
      this.#resume();
    };
    this.#waking = setTimeout(wake, Math.ceil((-this.#budget / PER_SECOND) * 1000) + 1);
  }
}
