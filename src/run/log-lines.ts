/**
 * The lines of an event log as they are read back: in pieces, so that a log of any length takes little memory, and each checked as far
 * as its readers depend on it. A line that is no event is counted, never an error of the program.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import { MOST_CLASSES } from '../data/label-array.js';
import { checkRegular } from '../data/sources/regular-file.js';
import type { RunEvent } from './events.js';

/** Nodes, layers and chapters beyond these are none, but a broken line. */
export const MOST_NODES = 10_000;
const MOST_COUNT = 1e9;
const PIECE_BYTES = 4 << 20;
/** A line that is longer is no event. */
const MOST_LINE = 256 << 20;

const node = z
  .int()
  .min(0)
  .max(MOST_NODES - 1);
const count = z.int().min(0).max(MOST_COUNT);
const seconds = z.number().min(0).max(1e12);
const share = z.number().min(0).max(1);
const task = z.looseObject({
  chapter: count,
  layer: z.union([z.int().min(0).max(MOST_NODES), z.enum(['labels', 'head', 'network'])]),
});
const record = z.looseObject({});

const events = {
  started: z.looseObject({
    spec: z.looseObject({
      layers: z.array(z.unknown()).min(2).max(MOST_NODES),
      epochs: count.min(1),
      splits: count.min(1),
      shards: count.min(1).optional(),
    }),
    execution: z.looseObject({ nodes: z.int().min(1).max(MOST_NODES), variant: z.string() }),
    dataset: z.looseObject({ classes: z.array(z.string()).max(MOST_CLASSES) }),
  }),
  resumed: z.looseObject({ done: z.array(task), damaged: z.array(record) }),
  'node-died': z.looseObject({ node, reason: z.string(), at: seconds.optional() }),
  notice: z.looseObject({ text: z.string(), at: seconds.optional() }),
  'checkpoint-failed': z.looseObject({ reason: z.string() }),
  trained: z.looseObject({ seconds, summary: record }),
  evaluating: z.looseObject({ done: count, samples: count }),
  analysis: z.looseObject({ chapter: count, at: seconds, analysis: record }),
  validation: z.looseObject({
    chapter: count,
    at: seconds,
    samples: count,
    accuracy: share,
    layerAccuracy: z.array(share).max(MOST_NODES),
    balancedAccuracy: share,
    macroF1: share,
  }),
  audits: z.looseObject({
    checked: count,
    open: z.array(z.unknown()),
    keys: z.array(record),
    disputes: z.array(record),
  }),
  interrupted: z.looseObject({ chapters: count }),
  finished: z.looseObject({ result: record }),
};

/** The event in a line; undefined where there is none. */
export function parseEvent(line: string): RunEvent | undefined {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event !== 'object' || event === null || !('type' in event)) return undefined;
    const { type } = event;
    // By hand: nearly all lines are of these, and a schema takes longer than reading the line.
    if (type === 'task-finished' || type === 'progress') return isTaskEvent(event) ? (event as RunEvent) : undefined;
    if (typeof type !== 'string' || !Object.hasOwn(events, type)) return undefined;
    const checked = events[type as keyof typeof events].safeParse(event);
    return checked.success ? (event as RunEvent) : undefined;
  } catch {
    return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const PHASES: ReadonlySet<unknown> = new Set(['wait', 'fetch', 'pass', 'train', 'labels', 'publish']);
const LAYERS: ReadonlySet<unknown> = new Set(['labels', 'head', 'network']);

function isTaskEvent(event: Fields): boolean {
  const { type, node: of, task: done, stats, spans } = event;
  const whole = isBelow(of, MOST_NODES) && isTask(done) && isFields(stats);
  return whole && (type === 'progress' || (Array.isArray(spans) && spans.every(isSpan)));
}

function isSpan(span: unknown): boolean {
  return (
    isFields(span) &&
    isBelow(span['node'], MOST_NODES) &&
    isTask(span['task']) &&
    PHASES.has(span['phase']) &&
    isAmount(span['start']) &&
    isAmount(span['end']) &&
    isAmount(span['bytes']) &&
    (span['waitedFor'] === undefined || isTask(span['waitedFor']))
  );
}

function isTask(of: unknown): boolean {
  return (
    isFields(of) && isBelow(of['chapter'], MOST_COUNT) && (isBelow(of['layer'], MOST_NODES) || LAYERS.has(of['layer']))
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isBelow(value: unknown, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < most;
}

/** Seconds or bytes. */
function isAmount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 1e15;
}

export interface LinesOptions {
  /** Called with the bytes of each line, from start to end, before it is taken; true leaves it out. */
  readonly passesOver?: ((bytes: Buffer, start: number, end: number) => boolean) | undefined;
  /** No more is read once this many bytes of whole lines were; default: all there is. */
  readonly mostBytes?: number | undefined;
}

/**
 * Calls `take` with each whole line of `file` from byte `from` on; a last line without its end is none yet. Returns the byte after the
 * last whole line that was read. @throws Error of the file system, or where it is no regular file
 */
export function eachLine(
  file: string,
  from: number,
  take: (line: string) => void,
  { passesOver = () => false, mostBytes = Infinity }: LinesOptions = {},
): number {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(handle);
    checkRegular(found);
    if (found.size <= from) return from;
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, found.size - from));
    let rest: Buffer[] = [];
    let restBytes = 0;
    let at = from;
    let end = from;
    for (;;) {
      const taken = readSync(handle, piece, 0, piece.length, at);
      if (taken === 0 || end - from >= mostBytes) return end;
      at += taken;
      let start = 0;
      for (let newline = piece.indexOf(10); newline >= 0 && newline < taken; newline = piece.indexOf(10, start)) {
        if (restBytes > 0) {
          const line = Buffer.concat([...rest, piece.subarray(start, newline)]);
          if (!passesOver(line, 0, line.length)) take(line.toString('utf8'));
        } else if (newline > start && !passesOver(piece, start, newline)) take(piece.toString('utf8', start, newline));
        [rest, restBytes, start] = [[], 0, newline + 1];
        end = at - taken + start;
      }
      // The pieces of a line that never ends are not kept.
      if (start < taken && restBytes < MOST_LINE) rest.push(Buffer.from(piece.subarray(start, taken)));
      restBytes += taken - start;
    }
  } finally {
    closeSync(handle);
  }
}
