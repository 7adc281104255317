/** The data of a sweep: each way in which its settings read them is read once. */
import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/sources/load.js';
import { PffError } from '../errors.js';
import { readingAsked } from '../run/fit-to-data.js';
import type { PartialSpec } from '../spec/spec.js';

export class SweepData {
  /** Whether data of one's own were given for all settings. */
  readonly #own: boolean;
  readonly #dataDir: string | undefined;
  readonly #loaded = new Map<string, Promise<Dataset>>();

  constructor(own: boolean, dataDir: string | undefined) {
    this.#own = own;
    this.#dataDir = dataDir;
  }

  /** What a setting trains on. @throws PffError as `loadDataset`; `usage` for another dataset than the data that were given */
  of(asked: PartialSpec): Promise<Dataset> {
    const { dataset = 'mnist' } = asked;
    if (this.#own && dataset !== 'own')
      throw new PffError('usage', `data were given for the sweep, but a setting has dataset ${dataset}`, {
        hint: 'Leave "data" or "dataset" out.',
      });
    const reading = readingAsked(asked);
    const key = JSON.stringify(dataset === 'own' ? [dataset, reading] : [dataset]);
    const known = this.#loaded.get(key);
    if (known) return known;
    const loading = loadDataset({ dataset, dataDir: this.#dataDir, reading });
    this.#loaded.set(key, loading);
    return loading;
  }
}
