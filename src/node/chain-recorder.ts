/**
 * Digests what a layer in training has learned after some of its batches: a chain (audit/chain.ts) of what was computed. Parameters only:
 * a step that was done wrongly shows in them at once, one that spoiled nothing but a moment with the next step.
 */
import { sha256 } from '#platform/hash';
import { cutsOf, type Chain } from '../audit/chain.js';
import type { OpenPart } from '../layers/layer-kind.js';
import type { LayerState } from '../layers/layer-state.js';
import { littleEndianBytes } from '../model/digest.js';
import { readInto } from './training.js';

export class ChainRecorder {
  /** What was trained, as it was when it was read last. That is after the last batch in the end: the task's result. */
  readonly state: LayerState;
  readonly #opened: readonly OpenPart[];
  readonly #batches: number;
  readonly #cuts: ReadonlySet<number>;
  readonly #digests: string[] = [];

  /**
   * @param cuts how many digests there are to be, if there are as many batches
   * @param state what is trained is read into this one, each time
   */
  constructor(cuts: number, batches: number, state: LayerState, opened: readonly OpenPart[]) {
    this.#batches = batches;
    this.state = state;
    this.#opened = opened;
    this.#cuts = new Set(cutsOf(batches, cuts));
  }

  async after(batch: number): Promise<void> {
    if (!this.#cuts.has(batch)) return;
    await readInto(this.state, this.#opened);
    const hash = sha256();
    for (const { parameters } of this.state.parts) for (const each of parameters) hash.update(littleEndianBytes(each));
    this.#digests.push(hash.hex());
  }

  get chain(): Chain {
    return { batches: this.#batches, digests: this.#digests };
  }
}
