/** CPU time of processes and threads, as Linux tells it (/proc). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc, on all that Linux runs on by default. */
const TICKS = 100;

export interface ThreadTime {
  readonly id: number;
  readonly nice: number;
  readonly seconds: number;
}

interface Stat {
  readonly parent: number;
  readonly nice: number;
  readonly seconds: number;
}

function statOf(file: string): Stat {
  const text = readFileSync(file, 'utf8');
  // The name, in brackets, may hold anything; the third field follows it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return { parent: field(4), nice: field(19), seconds: (field(14) + field(15)) / TICKS };
}

/** CPU seconds of a process so far, those of its ended threads included. */
export function processSeconds(pid: number): number {
  return statOf(`/proc/${pid}/stat`).seconds;
}

/** The threads of a process that are there now. */
export function threadsOf(pid: number): ThreadTime[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    const { nice, seconds } = statOf(`/proc/${pid}/task/${id}/stat`);
    return { id: Number(id), nice, seconds };
  });
}

/** `root` and all that it started, directly or not. */
export function family(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), statOf(`/proc/${name}/stat`).parent);
    } catch {
      // It has ended in between.
    }
  }
  const found = [root];
  for (const parent of found) for (const [pid, of] of parents) if (of === parent) found.push(pid);
  return found;
}
