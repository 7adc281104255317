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
/** Bytes that wait for a guest that does not read; then the connection that would add to them is put off the line, and comes back. */
const MOST_WAITING = 64 << 20;

export class Visit {
  readonly #connections = new Map<WebSocket, Relay>();
  #budget = BURST;
  #since = performance.now();

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

  /** Whether so much waits to be read that no more may be sent. */
  get isDeaf(): boolean {
    let waiting = 0;
    for (const client of this.#connections.keys()) waiting += client.bufferedAmount;
    return waiting > MOST_WAITING;
  }

  /** Counts a request; the connections wait where there are too many. */
  count(): void {
    const now = performance.now();
    this.#budget = Math.min(BURST, this.#budget + ((now - this.#since) / 1000) * PER_SECOND) - 1;
    this.#since = now;
    if (this.#budget < 0) setTimeout(() => this.#resume(), (-this.#budget / PER_SECOND) * 1000);
    if (!this.#mayGoOn()) for (const client of this.#connections.keys()) client.pause();
  }

  /** A request was carried out. */
  carriedOut(): void {
    if (this.#budget >= 0) this.#resume();
  }

  #mayGoOn(): boolean {
    let pending = 0;
    for (const relay of this.#connections.values()) pending += relay.pending;
    return this.#budget >= 0 && pending < MOST_PENDING;
  }

  #resume(): void {
    // The time of the wait counts, too.
    const now = performance.now();
    this.#budget = Math.min(BURST, this.#budget + ((now - this.#since) / 1000) * PER_SECOND);
    this.#since = now;
    if (this.#mayGoOn()) for (const client of this.#connections.keys()) client.resume();
  }
}
