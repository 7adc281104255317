/** Giving way to the event loop, in Node.js. */
import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';

/** Resolves once signals, messages and timers that wait have had their turn. */
export function yieldToEvents(): Promise<void> {
  return setImmediate();
}

/** For signals that very many wait for: Node.js would take it for a leak and warn. */
export function expectManyListeners(...signals: readonly AbortSignal[]): void {
  setMaxListeners(0, ...signals);
}
