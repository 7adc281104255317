/** Requests that come while the network computes pass through it together afterwards: many small ones cost little more than one. */
import type { SampleValues } from '../../data/dataset.js';
import type { Model } from '../../run/model.js';
import type { Prediction } from '../../run/saved-model.js';

/** Samples that pass through together at most. */
const MOST = 256;

interface Waiting {
  readonly values: SampleValues;
  readonly done: (predictions: Prediction[]) => void;
  readonly failed: (error: unknown) => void;
}

export class Batcher {
  readonly #model: Pick<Model, 'predict'>;
  readonly #size: number;
  #waiting: Waiting[] = [];
  #running = false;
  /** How often the network was used, and for how many samples. */
  batches = 0;
  samples = 0;

  /** @param size values of a sample. */
  constructor(model: Pick<Model, 'predict'>, size: number) {
    this.#model = model;
    this.#size = size;
  }

  /** Predicts whole samples, perhaps together with those of others. */
  predict(values: SampleValues): Promise<Prediction[]> {
    return new Promise((done, failed) => {
      this.#waiting.push({ values, done, failed });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    // Those that arrive in the same turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const together = this.#take();
      try {
        const predictions = await this.#model.predict(joined(together.map(({ values }) => values)));
        this.batches++;
        this.samples += predictions.length;
        let from = 0;
        for (const { values, done } of together) done(predictions.slice(from, (from += values.length / this.#size)));
      } catch (error) {
        for (const { failed } of together) failed(error);
      }
    }
    this.#running = false;
  }

  #take(): Waiting[] {
    let [count, end] = [0, 0];
    for (const { values } of this.#waiting) {
      count += values.length / this.#size;
      if (end > 0 && count > MOST) break;
      end++;
    }
    return this.#waiting.splice(0, end);
  }
}

function joined(parts: readonly SampleValues[]): SampleValues {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = first instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
