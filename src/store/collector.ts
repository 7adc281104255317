/**
 * Frees dropped outputs in time. V8 does not count SharedArrayBuffers when it decides whether to collect garbage, and the
 * thread that keeps the store allocates little else: left to itself it would keep every output of a long run.
 */
import { collectGarbage } from '#platform/memory';

/** Bytes of dropped outputs after which garbage is collected: much less than a run takes, and seldom enough to cost nothing. */
const COLLECT_AFTER = 256e6;

export class Collector {
  #dropped = 0;

  /** Notes that `bytes` of an output are needed no more. */
  dropped(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped < COLLECT_AFTER) return;
    this.#dropped = 0;
    collectGarbage();
  }
}
