/** Digests the state of a layer in training after some of its batches: a chain (audit/chain.ts) of what was computed. */
import { sha256 } from '#platform/hash';
import { cutsOf, type Chain } from '../audit/chain.js';
import type { OpenPart } from '../layers/layer-kind.js';
import { allocateState, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import { readInto } from './training.js';

export class ChainRecorder {
  readonly #opened: readonly OpenPart[];
  readonly #batches: number;
  readonly #cuts: ReadonlySet<number>;
  /** States are read into this one, one after the other. */
  readonly #state: LayerState;
  readonly #digests: string[] = [];

  /** @param cuts how many digests there are to be, if there are as many batches */
  constructor(cuts: number, batches: number, structure: LayerStructure, opened: readonly OpenPart[]) {
    this.#batches = batches;
    this.#opened = opened;
    this.#cuts = new Set(cutsOf(batches, cuts));
    this.#state = allocateState(structure);
  }

  async after(batch: number): Promise<void> {
    if (!this.#cuts.has(batch)) return;
    await readInto(this.#state, this.#opened);
    this.#digests.push(sha256().update(new Uint8Array(this.#state.buffer)).hex());
  }

  get chain(): Chain {
    return { batches: this.#batches, digests: this.#digests };
  }
}
