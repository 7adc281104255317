/**
 * Where threads hand on layer inputs to each other (relay.ts), in the thread that started them. At most one chapter of a layer's inputs
 * waits for its receiver: a node that is ahead waits until those of the chapter before are taken.
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
  /** Nodes that are at work; one that has ended, or died, takes nothing. */
  readonly #present = new Set<number>();
  readonly #receiverOf: (layer: number) => number;
  /** Those who wait for a change. */
  #waiting: (() => void)[] = [];

  /** @param receiverOf the node that takes over a layer's inputs */
  constructor(receiverOf: (layer: number) => number) {
    this.#receiverOf = receiverOf;
  }

  /** The relay as the thread of `node` has it. All nodes of a run are members before one of them begins. */
  member(node: number): { readonly relay: InputRelay; readonly leave: () => void } {
    const me = Symbol('member');
    this.#present.add(node);
    return {
      relay: {
        announce: (task) => {
          this.#announced.set(keyOf(task), me);
          return Promise.resolve();
        },
        handOn: (task, inputs) => this.#handOn(task, inputs),
        expect: (task) => {
          this.#expect(task);
          return Promise.resolve();
        },
        takeOver: (task) => this.#takeOver(task),
      },
      leave: () => {
        for (const [key, by] of this.#announced) if (by === me) this.#announced.delete(key);
        // What waits for it would wait for ever. One that is started anew makes by itself what was handed on meanwhile.
        this.#present.delete(node);
        for (const layer of this.#slots.keys()) if (this.#receiverOf(layer) === node) this.#slots.delete(layer);
        this.#wake();
      },
    };
  }

  async #handOn(task: TrainTask, inputs: RelayedInputs): Promise<void> {
    const { chapter, layer } = task;
    const isWanted = (): boolean => this.#present.has(this.#receiverOf(layer)) && !this.#isLate(task);
    while (this.#slots.has(layer) && isWanted()) await this.#change();
    if (isWanted()) this.#slots.set(layer, { chapter, inputs });
    this.#announced.delete(keyOf(task));
    this.#wake();
  }

  async #takeOver(task: TrainTask): Promise<RelayedInputs | undefined> {
    const { chapter, layer } = task;
    this.#expect(task);
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

  #expect({ chapter, layer }: TrainTask): void {
    this.#asked.set(layer, Math.max(chapter - 1, this.#asked.get(layer) ?? -1));
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
