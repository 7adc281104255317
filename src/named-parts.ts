/**
 * A table of parts that a spec names: ours, and those that a program or plugin registers. Each thread has its own tables;
 * node/threads/plugins.ts fills them alike.
 */
import { PffError } from './errors.js';

export class NamedParts<T> {
  /** The spec's field whose values these names are. */
  readonly field: string;
  readonly #ours: ReadonlyMap<string, T>;
  readonly #own = new Map<string, T>();

  constructor(field: string, ours: Readonly<Record<string, T>>) {
    this.field = field;
    this.#ours = new Map(Object.entries(ours));
  }

  /** Our names, then registered ones. */
  get names(): string[] {
    return [...this.#ours.keys(), ...this.#own.keys()];
  }

  get ourNames(): string[] {
    return [...this.#ours.keys()];
  }

  get ownNames(): string[] {
    return [...this.#own.keys()];
  }

  isOurs(name: string): boolean {
    return this.#ours.has(name);
  }

  has(name: string): boolean {
    return this.#ours.has(name) || this.#own.has(name);
  }

  /** Undefined where nothing has that name in this thread. */
  find(name: string): T | undefined {
    return this.#ours.get(name) ?? this.#own.get(name);
  }

  /** @throws PffError `usage` where nothing has that name in this thread */
  get(name: string): T {
    const part = this.find(name);
    if (part === undefined)
      throw new PffError('usage', `${this.field} ${name} is not registered in this thread`, {
        hint: 'Give the file that registers it by --plugin (plugins of train()), so that worker threads load it too.',
      });
    return part;
  }

  /** Makes `name` in a spec mean `part`. @throws PffError `usage` if that is no name, or one of ours. */
  register(name: string, part: T): void {
    if (!/^[a-z][a-z0-9-]*$/.test(name) || this.isOurs(name))
      throw new PffError('usage', `${JSON.stringify(name)} cannot be the name of an own ${this.field}`, {
        hint: 'Take lower-case letters, digits and dashes, and no name that pff itself has.',
      });
    this.#own.set(name, part);
  }
}
