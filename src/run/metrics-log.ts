/** `--log`: a run's metrics in forms that other programs read, beside events.jsonl: CSV and TensorBoard event files. */
import { openSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PffError } from '../errors.js';
import { fileVersionRecord, scalarsRecord } from '../formats/tensorboard.js';
import { AppendFile } from './append-file.js';
import type { RunEvent } from './events.js';
import { EVENTS_FILE } from './folder.js';
import { eachLine, parseEvent } from './log-lines.js';

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
  // Of the whole network, on samples that are held out: rows whose layer is `validation`.
  'heldOutAccuracy',
  'balancedAccuracy',
  'macroF1',
] as const;

/** What one task measured: means over its samples. Chapters and layers count from 1. */
export type MetricsRow = Readonly<Record<(typeof COLUMNS)[number], number | string>>;

/** The row of a finished task that has trained something. */
export function metricsRow(event: RunEvent): MetricsRow | undefined {
  if (event.type === 'validation') {
    const { chapter, samples, accuracy, balancedAccuracy, macroF1, seconds } = event;
    const none = { node: '', loss: '', positiveGoodness: '', negativeGoodness: '', accuracy: '' };
    const measured = { heldOutAccuracy: accuracy, balancedAccuracy, macroF1 };
    return { chapter: chapter + 1, layer: 'validation', samples, seconds, ...none, ...measured };
  }
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
    heldOutAccuracy: '',
    balancedAccuracy: '',
    macroF1: '',
  };
}

type Started = Extract<RunEvent, { type: 'started' }>;

interface OpenFile {
  readonly format: MetricsFormat;
  readonly file: AppendFile;
}

/** What both files hold: rows, and the accuracy at the end of so many chapters. `seconds`: Unix time. */
interface Measured {
  readonly seconds: number;
  readonly row?: MetricsRow;
  readonly final?: { readonly chapters: number; readonly testAccuracy: number };
}

/**
 * Follows a run's events and writes `metrics.csv` and `events.out.tfevents.…` into its folder. Both follow the event log: when a run goes
 * on, they are made again from it, without what is trained again. What cannot be written never ends a run; it is written when it can be.
 */
export class MetricsLog {
  readonly #asked: readonly MetricsFormat[];
  readonly #onTrouble: (text: string) => void;
  #started: Started | undefined;
  #files: readonly OpenFile[] | undefined;

  /** @param onTrouble told when and why a file cannot be written. */
  constructor(formats: Iterable<MetricsFormat>, onTrouble: (text: string) => void = () => {}) {
    this.#asked = [...formats];
    this.#onTrouble = onTrouble;
  }

  /** @throws PffError `usage` if the run has no folder. */
  observe(event: RunEvent): void {
    if (event.type === 'started') {
      if (event.folder === undefined && this.#asked.length > 0)
        throw new PffError('usage', 'metrics are written into the run folder, but the run has none', {
          hint: 'Give --out.',
        });
      this.#started = event;
      this.#files = undefined;
      return;
    }
    const started = this.#started;
    if (started?.folder === undefined) return;
    if (event.type === 'resumed') this.#files = this.#open(started.folder, () => measuredBefore(started, event));
    const measured = measuredIn(started, event);
    if (measured === undefined) return;
    const files = (this.#files ??= this.#open(started.folder, () => []));
    for (const { format, file } of files) file.append(encode(format, measured));
  }

  /** Tries a last time to write what waits. */
  close(): void {
    for (const { file } of this.#files ?? []) file.close();
    this.#files = undefined;
  }

  /** Files of the formats that were asked for, or that the run had before. */
  #open(folder: string, measured: () => readonly Measured[]): OpenFile[] {
    this.close();
    const old = filesIn(folder);
    const formats = metricsFormats.filter((format) => this.#asked.includes(format) || old[format].length > 0);
    const before = formats.length > 0 ? measured() : [];
    return formats.map((format) => {
      const name =
        format === 'csv'
          ? CSV_FILE
          : `${TENSORBOARD_PREFIX}${Math.floor(Date.now() / 1000)}.${os.hostname()}.${process.pid}`;
      const open = (): number => {
        for (const each of old[format]) rmSync(path.join(folder, each), { force: true });
        return openSync(path.join(folder, name), 'ax');
      };
      const onTrouble = (reason: string): void =>
        this.#onTrouble(`${name} cannot be written (${reason}); the run goes on, and so do the attempts`);
      const start = format === 'csv' ? Buffer.from(`${COLUMNS.join(',')}\n`) : fileVersionRecord(timeOf(before[0]));
      const content = Buffer.concat([start, ...before.map((each) => encode(format, each))]);
      return { format, file: new AppendFile(open, onTrouble, content) };
    });
  }
}

export const CSV_FILE = 'metrics.csv';
export const TENSORBOARD_PREFIX = 'events.out.tfevents.';

function filesIn(folder: string): Record<MetricsFormat, string[]> {
  const names = readdirSync(folder);
  return {
    csv: names.filter((name) => name === CSV_FILE),
    tensorboard: names.filter((name) => name.startsWith(TENSORBOARD_PREFIX)),
  };
}

function measuredIn(started: Started, event: RunEvent): Measured | undefined {
  const start = Date.parse(started.time) / 1000;
  if (event.type === 'finished') {
    const { splits, testAccuracy } = event.result;
    return { seconds: Date.now() / 1000, final: { chapters: splits, testAccuracy } };
  }
  const row = metricsRow(event);
  if (event.type === 'validation' && row) return { seconds: start + event.at, row };
  if (row === undefined || event.type !== 'task-finished') return undefined;
  return { seconds: start + Math.max(0, ...event.spans.map(({ end }) => end)), row };
}

/** What the event log says of the tasks that need not be done again, up to where the run goes on. */
function measuredBefore({ folder = '', spec }: Started, { done }: Extract<RunEvent, { type: 'resumed' }>): Measured[] {
  const kept = new Set(done.map(({ chapter, layer }) => `${chapter}.${layer}`));
  // The newest of each: a task that was done again counts once.
  const found = new Map<string, Measured>();
  let started: Started | undefined;
  for (const event of eventsBeforeResuming(folder)) {
    if (event.type === 'started') started = event;
    const measured = started && measuredIn(started, event);
    if (measured === undefined) continue;
    if (event.type === 'finished') {
      if (event.result.splits < spec.splits) found.set(`final ${event.result.splits}`, measured);
    } else if (event.type === 'validation') {
      found.set(`validation ${event.chapter}`, measured);
    } else if (event.type === 'task-finished') {
      const key = `${event.task.chapter}.${event.task.layer}`;
      if (!kept.has(key)) continue;
      found.delete(key);
      found.set(key, measured);
    }
  }
  return [...found.values()];
}

/** The log's events before its last `resumed`: what comes after that is observed as it happens. */
function eventsBeforeResuming(folder: string): RunEvent[] {
  const events: RunEvent[] = [];
  let before = 0;
  eachLine(path.join(folder, EVENTS_FILE), 0, (line) => {
    if (line.startsWith('{"type":"resumed"')) before = events.length;
    if (!/^\{"type":"(started|task-finished|validation|finished)"/.test(line)) return;
    const event = parseEvent(line);
    if (event) events.push(event);
  });
  return events.slice(0, before);
}

function timeOf(measured: Measured | undefined): number {
  return measured?.seconds ?? Date.now() / 1000;
}

function encode(format: MetricsFormat, { seconds, row, final }: Measured): Uint8Array {
  if (format === 'csv')
    return Buffer.from(row === undefined ? '' : `${COLUMNS.map((column) => row[column]).join(',')}\n`);
  if (final !== undefined) return scalarsRecord(seconds, final.chapters, { testAccuracy: final.testAccuracy });
  return row === undefined ? new Uint8Array() : scalarsRecord(seconds, Number(row.chapter), scalarsOf(row));
}

function scalarsOf(row: MetricsRow): Readonly<Record<string, number>> {
  const where = typeof row.layer === 'number' ? `layer${row.layer}` : row.layer;
  if (row.layer === 'validation') {
    const { heldOutAccuracy, balancedAccuracy, macroF1 } = row;
    return {
      'validation/accuracy': Number(heldOutAccuracy),
      'validation/balancedAccuracy': Number(balancedAccuracy),
      'validation/macroF1': Number(macroF1),
    };
  }
  const { loss, accuracy, positiveGoodness, negativeGoodness, seconds } = row as Readonly<Record<string, number>>;
  const goodness = positiveGoodness === 0 && negativeGoodness === 0 ? {} : { positiveGoodness, negativeGoodness };
  const values = { loss, accuracy, ...goodness, seconds };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${where}/${name}`, Number(value)]));
}
