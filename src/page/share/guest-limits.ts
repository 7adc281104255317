/** What one guest does at once: all its connections share the same limits. */
import type { WebSocket } from 'ws';

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
  readonly #connections = new Set<WebSocket>();
  #pending = 0;
  #budget = BURST;
  #since = performance.now();
  #waking: NodeJS.Timeout | undefined;

  get isFull(): boolean {
    return this.#connections.size >= MOST_CONNECTIONS;
  }

  /** Nothing has to be remembered: connections may end and come back, and what they asked for still goes on. */
  get isOver(): boolean {
    this.#earn();
    return this.#connections.size === 0 && this.#pending === 0 && this.#budget >= BURST;
  }

  add(client: WebSocket): void {
    this.#connections.add(client);
  }

  remove(client: WebSocket): void {
    this.#connections.delete(client);
    this.#resume();
  }

  /** Puts the connection off the line that reads least, where so much waits to be read that no more may be sent. */
  makeRoom(): void {
    let [waiting, most] = [0, undefined as WebSocket | undefined];
    for (const client of this.#connections) {
      waiting += client.bufferedAmount;
      if (!most || client.bufferedAmount > most.bufferedAmount) most = client;
    }
    if (waiting > MOST_WAITING) most?.terminate();
  }

  /** Counts a request; the connections wait where there are too many. */
  count(): void {
    this.#earn();
    this.#budget -= 1;
    this.#pending += 1;
    if (!this.#mayGoOn()) for (const client of this.#connections) client.pause();
    this.#wakeInTime();
  }

  /** A request was carried out. */
  carriedOut(): void {
    this.#pending -= 1;
    this.#resume();
  }

  #earn(): void {
    const now = performance.now();
    this.#budget = Math.min(BURST, this.#budget + ((now - this.#since) / 1000) * PER_SECOND);
    this.#since = now;
  }

  #mayGoOn(): boolean {
    return this.#budget >= 0 && this.#pending < MOST_PENDING;
  }

  #resume(): void {
    this.#earn();
    if (this.#mayGoOn()) for (const client of this.#connections) client.resume();
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
