/**
 * Frees dropped outputs in time. V8 does not count SharedArrayBuffers when it decides whether to collect garbage, and the
 * thread that keeps the store allocates little else: left to itself it would keep every output of a long run.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of dropped outputs after which garbage is collected: much less than a run takes, and seldom enough to cost nothing. */
const COLLECT_AFTER = 256e6;

export class Collector {
  #dropped = 0;

  /** Notes that `bytes` of an output are needed no more. */
  dropped(bytes: number): void {
    this.#dropped += bytes;
    if (this.#dropped < COLLECT_AFTER) return;
    this.#dropped = 0;
    collect ??= findCollect();
    collect();
  }
}

/** Looked for when it is first needed: the flag is one of the whole process. */
let collect: (() => void) | undefined;

/** Does nothing where the engine has no such function; memory is then freed later. */
function findCollect(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  return typeof gc === 'function' ? () => void Reflect.apply(gc, undefined, []) : () => undefined;
}
