/** `--log`: a run's metrics in forms that other programs read, beside events.jsonl: CSV and TensorBoard event files. */
import { appendFileSync, existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { messageOf, PffError } from '../errors.js';
import type { RunEvent } from '../run/events.js';
import { fileVersionRecord, scalarsRecord } from '../formats/tensorboard.js';

export const metricsFormats = ['csv', 'tensorboard'] as const;
export type MetricsFormat = (typeof metricsFormats)[number];

const COLUMNS = [
  'chapter',
  'layer',
  'node',
  'samples',
  'loss',
  'positiveGoodness',
  'negativeGoodness',
  'accuracy',
  'seconds',
] as const;

/** What one task measured: means over its samples. Chapters and layers count from 1. */
export type MetricsRow = Readonly<Record<(typeof COLUMNS)[number], number | string>>;

/** The row of a finished task that has trained something. */
export function metricsRow(event: RunEvent): MetricsRow | undefined {
  if (event.type !== 'task-finished' || event.stats.samples === 0) return undefined;
  const { task, node, stats, spans } = event;
  const { samples } = stats;
  return {
    chapter: task.chapter + 1,
    layer: typeof task.layer === 'number' ? task.layer + 1 : task.layer,
    node: node + 1,
    samples,
    loss: stats.loss / samples,
    positiveGoodness: stats.positiveGoodness / samples,
    negativeGoodness: stats.negativeGoodness / samples,
    accuracy: stats.correct / samples,
    seconds: spans.reduce((sum, { phase, start, end }) => sum + (phase === 'wait' ? 0 : end - start), 0),
  };
}

/** Follows a run's events and writes `metrics.csv` and `events.out.tfevents.…` into its folder. A resumed run's are continued. */
export class MetricsLog {
  readonly #formats: ReadonlySet<MetricsFormat>;
  #csv: string | undefined;
  #tensorboard: string | undefined;

  constructor(formats: Iterable<MetricsFormat>) {
    this.#formats = new Set(formats);
  }

  /** @throws PffError `files` if nothing can be written. */
  observe(event: RunEvent): void {
    if (event.type === 'started') this.#open(event.folder);
    const row = metricsRow(event);
    if (row) this.#write(row);
    if (event.type === 'finished') this.#scalars(event.result.splits, { testAccuracy: event.result.testAccuracy });
  }

  #open(folder: string | undefined): void {
    if (this.#formats.size === 0) return;
    if (folder === undefined)
      throw new PffError('usage', 'metrics are written into the run folder, but the run has none', {
        hint: 'Give --out.',
      });
    if (this.#formats.has('csv')) {
      this.#csv = path.join(folder, 'metrics.csv');
      if (!existsSync(this.#csv)) append(this.#csv, `${COLUMNS.join(',')}\n`);
    }
    if (this.#formats.has('tensorboard')) {
      const name = `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${os.hostname()}.${process.pid}`;
      this.#tensorboard = path.join(folder, name);
      append(this.#tensorboard, fileVersionRecord(Date.now() / 1000));
    }
  }

  #write(row: MetricsRow): void {
    if (this.#csv !== undefined) append(this.#csv, `${COLUMNS.map((column) => row[column]).join(',')}\n`);
    const where = typeof row.layer === 'number' ? `layer${row.layer}` : row.layer;
    const { loss, accuracy, positiveGoodness, negativeGoodness, seconds } = row as Readonly<Record<string, number>>;
    const goodness = positiveGoodness === 0 && negativeGoodness === 0 ? {} : { positiveGoodness, negativeGoodness };
    const values = { loss, accuracy, ...goodness, seconds };
    this.#scalars(
      Number(row.chapter),
      Object.fromEntries(Object.entries(values).map(([name, value]) => [`${where}/${name}`, Number(value)])),
    );
  }

  #scalars(step: number, scalars: Readonly<Record<string, number>>): void {
    if (this.#tensorboard !== undefined) append(this.#tensorboard, scalarsRecord(Date.now() / 1000, step, scalars));
  }
}

function append(file: string, content: string | Uint8Array): void {
  try {
    appendFileSync(file, content);
  } catch (error) {
    throw new PffError('files', `cannot write ${file}: ${messageOf(error)}`, {
      hint: 'Is the disk full, or the folder read-only?',
      cause: error,
    });
  }
}
