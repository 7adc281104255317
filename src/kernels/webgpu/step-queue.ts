/**
 * Steps on their way to a device: their parameters and samples lie side by side in buffers, so that many steps go there in one submission. No
 * more than two submissions are under way: what waits takes memory.
 */
import type { Slot } from './bindings.js';
import type { Dispatch, GpuDevice } from './device.js';
import { SLOT_BYTES } from './scalars.js';

/** Sets of parameters of a step. */
const SLOTS = 3;

/** Where a step has its things. */
export interface StepPlace {
  /** Slots for its parameters. */
  readonly slots: readonly [Slot, Slot, Slot];
  /** First word of its samples among the picks. */
  readonly picksAt: number;
}

export class StepQueue {
  readonly #device: GpuDevice;
  readonly #steps: number;
  readonly #picksOfStep: number;
  readonly #uniforms: GPUBuffer;
  readonly #uniformWords: Uint32Array;
  readonly #picksWords: Uint32Array;
  /** [steps, picks of a step]: what each step's samples are. */
  readonly picks: GPUBuffer;
  #work: Dispatch[] = [];
  #begun = 0;
  #underWay: Promise<void> = Promise.resolve();
  #before: Promise<void> = Promise.resolve();

  private constructor(device: GpuDevice, steps: number, picksOfStep: number, picks: GPUBuffer) {
    this.#device = device;
    this.#steps = steps;
    this.#picksOfStep = picksOfStep;
    this.#uniforms = device.uniform((steps * SLOTS * SLOT_BYTES) / 4);
    this.#uniformWords = new Uint32Array((steps * SLOTS * SLOT_BYTES) / 4);
    this.#picksWords = new Uint32Array(steps * picksOfStep);
    this.picks = picks;
  }

  static async open(device: GpuDevice, steps: number, picksOfStep: number): Promise<StepQueue> {
    return new StepQueue(device, steps, picksOfStep, await device.buffer('the samples of steps', steps * picksOfStep));
  }

  /** A place for the next step; waits where too many are under way. */
  async next(): Promise<StepPlace> {
    if (this.#begun === this.#steps) this.flush();
    if (this.#begun === 0) await this.#before;
    const step = this.#begun++;
    const slot = (i: number): Slot => ({ buffer: this.#uniforms, offset: (step * SLOTS + i) * SLOT_BYTES });
    return { slots: [slot(0), slot(1), slot(2)], picksAt: step * this.#picksOfStep };
  }

  setParameters({ offset }: Slot, words: Uint32Array): void {
    this.#uniformWords.set(words, offset / 4);
  }

  /** Writes parts of a step's samples, one behind the other. */
  setPicks(place: StepPlace, ...parts: readonly ArrayLike<number>[]): void {
    let at = place.picksAt;
    for (const part of parts) {
      this.#picksWords.set(part, at);
      at += part.length;
    }
  }

  add(work: readonly Dispatch[]): void {
    this.#work.push(...work);
  }

  /** Sends all that was added. */
  flush(): void {
    if (this.#begun === 0) return;
    this.#device.write(this.#uniforms, this.#uniformWords.subarray(0, (this.#begun * SLOTS * SLOT_BYTES) / 4));
    this.#device.write(this.picks, this.#picksWords.subarray(0, this.#begun * this.#picksOfStep));
    const work = this.#work;
    this.#work = [];
    this.#begun = 0;
    this.#device.run(work);
    this.#before = this.#underWay;
    this.#underWay = this.#device.done();
    // Who waits for it meets the failure; nobody may.
    this.#underWay.catch(() => {});
  }

  close(): void {
    this.#uniforms.destroy();
    this.picks.destroy();
  }
}
