/** Where a baseline's training stopped, to go on from there. */
import type { LayerState } from '../../layers/layer-state.js';

export interface SavedChapters {
  /** Chapters (in DFF epochs) that are done. */
  readonly chapters: number;
  /** Every layer's state after them, in order. */
  readonly states: LayerState[];
}
