/**
 * Where threads hand on layer inputs to each other (relay.ts), in the thread that started them. At most one layer's inputs
 * wait for each receiver: a node that is ahead waits until those of the chapter before are taken.
 */
import type { TrainTask } from '../../schedule/tasks.js';
import type { InputRelay, RelayedInputs } from '../relay.js';

/** Inputs of one layer, of one chapter at a time. */
interface Slot {
  chapter: number;
  inputs: RelayedInputs;
}

export class RelayHub {
  /** By layer. */
  readonly #slots = new Map<number, Slot>();
  /** The newest chapter whose inputs were asked for, by layer. */
  readonly #asked = new Map<number, number>();
  /** Announced, not yet handed on: by whom. */
  readonly #announced = new Map<string, symbol>();
  /** Those who wait for a change. */
  #waiting: (() => void)[] = [];
  #ended = 0;

  /** The relay as one thread has it. */
  member(): { readonly relay: InputRelay; readonly leave: () => void } {
    const me = Symbol('member');
    return {
      relay: {
        announce: (task) => {
          this.#announced.set(keyOf(task), me);
          return Promise.resolve();
        },
        handOn: (task, inputs) => this.#handOn(task, inputs),
        takeOver: (task) => this.#takeOver(task),
      },
      leave: () => {
        for (const [key, by] of this.#announced) if (by === me) this.#announced.delete(key);
        // Who has ended takes nothing any more: what waits for it would wait for ever.
        this.#ended += 1;
        this.#wake();
      },
    };
  }

  async #handOn(task: TrainTask, inputs: RelayedInputs): Promise<void> {
    const { chapter, layer } = task;
    const ended = this.#ended;
    while (this.#slots.has(layer) && ended === this.#ended && !this.#isLate(task)) await this.#change();
    if (!this.#slots.has(layer) && !this.#isLate(task)) this.#slots.set(layer, { chapter, inputs });
    this.#announced.delete(keyOf(task));
    this.#wake();
  }

  async #takeOver(task: TrainTask): Promise<RelayedInputs | undefined> {
    const { chapter, layer } = task;
    this.#asked.set(layer, Math.max(chapter - 1, this.#asked.get(layer) ?? -1));
    this.#dropOlder(layer, chapter);
    while (this.#announced.has(keyOf(task))) await this.#change();
    const slot = this.#slots.get(layer);
    this.#asked.set(layer, Math.max(chapter, this.#asked.get(layer) ?? -1));
    if (slot?.chapter !== chapter) return undefined;
    this.#slots.delete(layer);
    this.#wake();
    return slot.inputs;
  }

  /** Somebody has asked for the inputs of this chapter, or of a later one. */
  #isLate({ chapter, layer }: TrainTask): boolean {
    return chapter <= (this.#asked.get(layer) ?? -1);
  }

  #dropOlder(layer: number, chapter: number): void {
    const slot = this.#slots.get(layer);
    if (slot && slot.chapter < chapter) this.#slots.delete(layer);
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function keyOf({ chapter, layer }: TrainTask): string {
  return `${chapter}/${layer}`;
}
