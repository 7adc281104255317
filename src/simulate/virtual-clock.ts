/** A virtual clock: actions in order of time, and of entry where times are equal. A binary heap. */

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly action: () => void;
}

export class VirtualClock {
  /** In the unit of the caller's times. */
  now = 0;
  #entered = 0;
  readonly #heap: Entry[] = [];

  /** Has `action` run at `time`, which is not before now. */
  at(time: number, action: () => void): void {
    const heap = this.#heap;
    const entry = { time, order: this.#entered++, action };
    let hole = heap.length;
    for (heap.push(entry); hole > 0;) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = entry;
  }

  /** When the next action is due; undefined where there is none. */
  get next(): number | undefined {
    return this.#heap[0]?.time;
  }

  /** Runs the next action; false where there is none. */
  step(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return false;
    if (heap.length > 0) this.#sink(last);
    this.now = first.time;
    first.action();
    return true;
  }

  /** Puts `entry` where the first entry was. */
  #sink(entry: Entry): void {
    const heap = this.#heap;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child += 1;
      const smaller = heap[child];
      if (smaller === undefined || !isBefore(smaller, entry)) break;
      heap[hole] = smaller;
      hole = child;
    }
    heap[hole] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
