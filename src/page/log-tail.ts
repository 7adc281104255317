/** Follows the event log of a run folder as it grows: whole lines only, whatever happens to the file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RunEvent } from '../run/events.js';

/** Nodes beyond this are no nodes, but a broken line. */
const MOST_NODES = 10_000;

export interface NewLines {
  /** The file was replaced or cut: everything before is void. */
  readonly startedOver: boolean;
  readonly events: RunEvent[];
  /** Whole lines that are no events. A last line without its end is none yet. */
  readonly unreadable: number;
}

export class LogTail {
  readonly #file: string;
  /** Bytes of the whole lines read so far. */
  #read = 0;
  #identity: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** What has come since the last call; nothing while the file is not there. */
  poll(): NewLines {
    let handle: number;
    try {
      handle = openSync(this.#file, 'r');
    } catch {
      return { startedOver: false, events: [], unreadable: 0 };
    }
    try {
      const { size, ino } = fstatSync(handle);
      const identity = String(ino);
      const startedOver = this.#identity !== undefined && (identity !== this.#identity || size < this.#read);
      if (startedOver) this.#read = 0;
      this.#identity = identity;
      const bytes = Buffer.alloc(size - this.#read);
      let length = 0;
      while (length < bytes.length) {
        const taken = readSync(handle, bytes, length, bytes.length - length, this.#read + length);
        if (taken === 0) break;
        length += taken;
      }
      const whole = bytes.subarray(0, length).lastIndexOf(10) + 1;
      this.#read += whole;
      return { startedOver, ...parse(bytes.subarray(0, whole).toString('utf8')) };
    } finally {
      closeSync(handle);
    }
  }
}

function parse(text: string): { events: RunEvent[]; unreadable: number } {
  const events: RunEvent[] = [];
  let unreadable = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const event = parseLine(line);
    if (event) events.push(event);
    else unreadable++;
  }
  return { events, unreadable };
}

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  started: ['spec', 'execution', 'dataset'],
  resumed: ['done', 'damaged'],
  progress: ['node', 'task', 'stats'],
  'task-finished': ['node', 'task', 'stats', 'spans'],
  'node-died': ['node', 'reason'],
  notice: ['text'],
  'checkpoint-failed': ['reason'],
  trained: ['seconds', 'summary'],
  evaluating: ['done', 'samples'],
  analysis: ['chapter', 'at', 'analysis'],
  interrupted: ['chapters'],
  finished: ['result'],
};

/** Checks as much as a page needs so as not to stumble; the log is this program's own. */
function parseLine(line: string): RunEvent | undefined {
  try {
    const event = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
    const required = REQUIRED[String(event?.['type'])];
    if (!event || !required?.every((name) => event[name] !== undefined && event[name] !== null)) return undefined;
    const { node } = event;
    if (node !== undefined && !(Number.isInteger(node) && (node as number) >= 0 && (node as number) < MOST_NODES))
      return undefined;
    return event as unknown as RunEvent;
  } catch {
    return undefined;
  }
}
