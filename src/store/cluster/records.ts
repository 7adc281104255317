/**
 * The small records of a run: their keys, their form on the wire, and the strict reading of them. What does not fit is
 * refused as a whole: a broken or hostile record counts as none. JSON, so that people can read them with any NATS tool.
 */
import { z } from 'zod';
import { differenceSchema } from '../../audit/difference.js';
import { evidenceSchema, type Evidence } from '../../audit/statement.js';
import { encodeError } from '../../error-codec.js';
import type { PffError } from '../../errors.js';
import type { GraphShape } from '../../schedule/shape.js';
import { isTask, labelsTask, parseTaskKey, taskKey, trainTask, type Task } from '../../schedule/tasks.js';
import { isPlain, plainText } from './plain-text.js';

/** Codes of errors that are a run's fault: `usage`, `data` of the whole, `training` of a task. */
export const RUNS_FAULTS = ['usage', 'data', 'training'] as const;

/** Longer values are refused unread. */
export const MAX_RECORD_BYTES = 256 * 1024;

const count = z.int().nonnegative();
const MAX_TEXT = 2000;
/** Text that is printed: what a terminal would act on is refused. */
export const plain = (most: number) => z.string().max(most).refine(isPlain);
const name = plain(200).min(1);
const text = plain(MAX_TEXT);
const nodeId = z.string().regex(/^[\w-]{1,64}$/);
const taskName = z.string().regex(/^c\d{1,9}\.(labels|l\d{1,5})$/);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const signature = z.string().regex(/^[0-9a-f]{128}$/);

/** No output of any network is larger: 8 GiB. */
const MOST_BYTES = 2 ** 33;
const MOST_CHUNK_BYTES = 2 ** 26;
/** An output in more chunks would take as many requests. */
const MOST_CHUNKS = 2 ** 16;
const MOST_STEPS = 2 ** 40;
/** Seconds since the run's submission, by anybody's clock. */
const MOST_SECONDS = 1e9;

/** Who does a task, or what came of it. */
export const taskRecordSchema = z.discriminatedUnion('state', [
  z.strictObject({ v: z.literal(1), state: z.literal('claimed'), by: nodeId }),
  z.strictObject({ v: z.literal(1), state: z.literal('free'), by: nodeId }),
  z.strictObject({
    v: z.literal(2),
    state: z.literal('done'),
    by: nodeId,
    /** Hex SHA-256 of the output: its steps and its bytes (transfer.ts). */
    digest,
    steps: count.max(MOST_STEPS),
    bytes: count.max(MOST_BYTES),
    chunkBytes: count.min(1).max(MOST_CHUNK_BYTES),
  }),
]);
export type TaskRecord = z.infer<typeof taskRecordSchema>;
export type DoneRecord = Extract<TaskRecord, { state: 'done' }>;

const real = z.number().min(-1e100).max(1e100);
const seconds = z.number().min(-MOST_SECONDS).max(MOST_SECONDS);
const quantity = z
  .number()
  .min(0)
  .max(2 ** 53);
const taskRef = z.strictObject({ chapter: count, layer: z.union([count, z.enum(['labels', 'head'])]) });
const stats = z.strictObject({
  samples: quantity,
  loss: real,
  positiveGoodness: real,
  negativeGoodness: real,
  correct: quantity,
});

/** A node's lease on its number, renewed by every beat. Numbers below the run's `nodes` are its slots. */
export const nodeRecordSchema = z.strictObject({
  v: z.literal(1),
  id: nodeId,
  /** Host and process, for people. */
  name,
  beat: count,
  /** The node left by itself; its number is free at once. */
  left: z.boolean(),
  /** Federated: digest of the node's own data. A slot stays with its data. */
  data: digest.optional(),
  doing: taskName.optional(),
  progress: z.strictObject({ task: taskRef, batch: count, batches: count, stats }).optional(),
  /** Where results are audited: the key that the node signs with, and its signature that it does (audit/identity.ts). */
  key: digest.optional(),
  proof: signature.optional(),
});
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/** What a node tells of a finished task (node/events.ts), for those who follow. */
export const reportRecordSchema = z.strictObject({
  v: z.literal(1),
  node: count,
  task: taskRef,
  stats,
  spans: z
    .array(
      z.strictObject({
        node: count,
        task: taskRef,
        phase: z.enum(['wait', 'fetch', 'pass', 'train', 'labels', 'publish']),
        start: seconds,
        end: seconds,
        bytes: quantity,
        waitedFor: taskRef.optional(),
      }),
    )
    .max(1000),
  processBytes: count.optional(),
});
export type ReportRecord = z.infer<typeof reportRecordSchema>;

/** A node that did not fit, and why; or a result that was refused. Of who stops an audited run: signed. */
export const noteRecordSchema = z.strictObject({ v: z.literal(1), by: nodeId, name, text, sig: signature.optional() });
export type NoteRecord = z.infer<typeof noteRecordSchema>;

/** Why the run itself cannot be done, whoever tries: an error as error-codec.ts has it, which all throw again. */
export const failureRecordSchema = noteRecordSchema.omit({ text: true, sig: true }).extend({
  /** The task that cannot be done; without it spec and data do not fit each other. */
  task: taskName.optional(),
  error: z.strictObject({ name, code: z.enum(RUNS_FAULTS), message: text, hint: text.optional() }),
});
export type FailureRecord = z.infer<typeof failureRecordSchema>;

/** In what two results of a task differ: where results are audited, measured by who found it. */
export const differenceRecordSchema = z.strictObject({ v: z.literal(1), by: nodeId, difference: differenceSchema });
export type DifferenceRecord = z.infer<typeof differenceRecordSchema>;

/** One record under its key. */
export type RunEntry =
  | { readonly type: 'task'; readonly task: Task; readonly record: TaskRecord }
  | { readonly type: 'node'; readonly number: number; readonly record: NodeRecord }
  | { readonly type: 'report'; readonly task: Task; readonly record: ReportRecord }
  | { readonly type: 'audit'; readonly task: Task; readonly record: Evidence }
  | { readonly type: 'difference'; readonly task: Task; readonly record: DifferenceRecord }
  | { readonly type: 'failed'; readonly record: FailureRecord }
  | { readonly type: 'refused' | 'conflict' | 'stop' | 'finished'; readonly record: NoteRecord };

export const keys = {
  task: (task: Task): string => `task.${taskKey(task)}`,
  node: (number: number): string => `node.${number}`,
  report: (task: Task): string => `report.${taskKey(task)}`,
  /** What keys say about a task's result, where results are audited. */
  audit: (task: Task): string => `audit.${taskKey(task)}`,
  difference: (task: Task, by: string): string => `difference.${taskKey(task)}.${by}`,
  refused: (id: string): string => `refused.${id}`,
  conflict: (task: Task, by: string): string => `conflict.${taskKey(task)}.${by}`,
  stop: 'stop',
  failed: 'failed',
  /** All results are there and were verified: the run's last word. */
  finished: 'finished',
} as const;

/** What a node tells of an error that is the run's fault, of `task` or of the run as a whole. Texts are cut to what is read. */
export function failureRecord(by: string, nodeName: string, error: PffError, task?: Task): FailureRecord {
  const { code, message, hint } = encodeError(error);
  const fault = RUNS_FAULTS.find((each) => each === code) ?? 'training';
  const told = { name: 'PffError', code: fault, message: plainText(message, MAX_TEXT) };
  const words = hint === undefined ? told : { ...told, hint: plainText(hint, MAX_TEXT) };
  return { v: 1, by, name: nodeName, ...(task ? { task: taskKey(task) } : {}), error: words };
}

export function encodeRecord(
  record: TaskRecord | NodeRecord | ReportRecord | NoteRecord | FailureRecord | DifferenceRecord | Evidence,
): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** What of a run its records can be checked against. */
export interface RunLimits {
  readonly shape: GraphShape;
  /** N: its slots. */
  readonly nodes: number;
}

/** Numbers that nodes of a run with so many slots take: from 0, below this. Beyond the slots they stand by. */
export function nodeNumbers(nodes: number): number {
  return 10 * nodes + 1000;
}

/**
 * Reads one entry; undefined where key or value is not what this version writes, or names what the run has not got: other
 * tasks, or numbers that no node takes.
 */
export function decodeEntry(key: string, value: Uint8Array, limits?: RunLimits): RunEntry | undefined {
  if (value.length > MAX_RECORD_BYTES) return undefined;
  const json = parseJson(value);
  const dot = key.indexOf('.');
  const type = dot < 0 ? key : key.slice(0, dot);
  const rest = dot < 0 ? '' : key.slice(dot + 1);
  switch (type) {
    case 'task': {
      const task = parseTask(rest, limits);
      const parsed = taskRecordSchema.safeParse(json);
      return task && parsed.success && isMovable(parsed.data) ? { type, task, record: parsed.data } : undefined;
    }
    case 'report': {
      const task = parseTask(rest, limits);
      const parsed = reportRecordSchema.safeParse(json);
      const fits = task && parsed.success && isOfRun(parsed.data, task, limits);
      return fits ? { type, task, record: parsed.data } : undefined;
    }
    case 'audit': {
      const task = parseTask(rest, limits);
      const parsed = evidenceSchema.safeParse(json);
      return task && parsed.success ? { type, task, record: parsed.data } : undefined;
    }
    case 'difference': {
      const task = parseTask(rest.slice(0, Math.max(0, rest.lastIndexOf('.'))), limits);
      const parsed = differenceRecordSchema.safeParse(json);
      return task && parsed.success ? { type, task, record: parsed.data } : undefined;
    }
    case 'node': {
      const number = /^(0|[1-9]\d{0,5})$/.test(rest) ? Number(rest) : Infinity;
      const parsed = nodeRecordSchema.safeParse(json);
      const fits = number < (limits ? nodeNumbers(limits.nodes) : 1e6) && parsed.success;
      if (!fits || (parsed.data.progress && !isRef(parsed.data.progress.task, limits))) return undefined;
      return { type, number, record: parsed.data };
    }
    case 'failed': {
      const parsed = failureRecordSchema.safeParse(json);
      return parsed.success ? { type, record: parsed.data } : undefined;
    }
    case 'refused':
    case 'conflict':
    case 'stop':
    case 'finished': {
      const parsed = noteRecordSchema.safeParse(json);
      return parsed.success ? { type, record: parsed.data } : undefined;
    }
    default:
      return undefined;
  }
}

function isMovable(record: TaskRecord): boolean {
  return record.state !== 'done' || record.bytes <= record.chunkBytes * MOST_CHUNKS;
}

type Ref = z.infer<typeof taskRef>;

/** The task that a reference of the run means; undefined where there is none. */
function taskOf({ chapter, layer }: Ref, { shape }: RunLimits): Task | undefined {
  const task = layer === 'labels' ? labelsTask(chapter) : trainTask(chapter, layer === 'head' ? shape.layers : layer);
  return isTask(shape, task) ? task : undefined;
}

function isRef(ref: Ref, limits: RunLimits | undefined): boolean {
  return limits === undefined || taskOf(ref, limits) !== undefined;
}

function isOfRun(report: ReportRecord, task: Task, limits: RunLimits | undefined): boolean {
  if (!limits) return true;
  const told = taskOf(report.task, limits);
  if (!told || taskKey(told) !== taskKey(task)) return false;
  const most = nodeNumbers(limits.nodes);
  return (
    report.node < most &&
    report.spans.every(
      ({ node, task: of, waitedFor, start, end }) =>
        node < most && isRef(of, limits) && (!waitedFor || isRef(waitedFor, limits)) && start <= end,
    )
  );
}

/** JSON of UTF-8 bytes; undefined where it is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** The task of this name, if it is written as taskKey writes it and is one of the run's. */
function parseTask(key: string, limits: RunLimits | undefined): Task | undefined {
  try {
    const task = parseTaskKey(key);
    return taskKey(task) === key && (!limits || isTask(limits.shape, task)) ? task : undefined;
  } catch {
    return undefined;
  }
}
