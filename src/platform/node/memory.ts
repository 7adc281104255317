/** The memory of the Node.js process: how much it takes, and giving back what is free. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Resident memory of the process, all its threads together, in bytes. */
export function residentBytes(): number | undefined {
  return process.memoryUsage.rss();
}

/** Looked for when it is first needed: the flag is one of the whole process. */
let collect: (() => void) | undefined;

/** Collects garbage now. Does nothing where the engine has no such function; memory is then freed later. */
export function collectGarbage(): void {
  collect ??= findCollect();
  collect();
}

function findCollect(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  return typeof gc === 'function' ? () => void Reflect.apply(gc, undefined, []) : () => undefined;
}
