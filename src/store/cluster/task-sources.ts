/**
 * What a task under way is made of: where each of its inputs came from. What the result is said to be made of must be what it was made of:
 * another result of the same task may count by the time an input is used.
 */
import type { Output } from '../store.js';
import type { Source, Sources } from './record-keeper.js';

/** An output, and where it came from. */
export interface Obtained {
  readonly output: Output;
  readonly source: Source;
}

/** No digest: nothing is made of two results of one task. */
const MIXED = 'mixed';

export class TaskSources implements Sources {
  readonly #sources = new Map<string, Source>();
  readonly #used = new Set<string>();

  /** Of a task's input, as long as it is not fetched: what the process may hold of it since before. */
  expect(name: string, source: Source): void {
    this.#sources.set(name, source);
  }

  /** An input was fetched for the task. */
  use(name: string, source: Source): void {
    const before = this.#used.has(name) ? this.#sources.get(name) : undefined;
    this.#sources.set(name, before === undefined || isSame(before, source) ? source : MIXED);
    this.#used.add(name);
  }

  get(name: string): Source | undefined {
    return this.#sources.get(name);
  }
}

function isSame(a: Source, b: Source): boolean {
  const [one, other] = [a, b].map((source) => (typeof source === 'string' ? source : source.digest));
  return a === b || (one !== undefined && one === other);
}
