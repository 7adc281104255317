/**
 * The small records of a run: their keys, their form on the wire, and the strict reading of them. What does not fit is
 * refused as a whole: a broken or hostile record counts as none. JSON, so that people can read them with any NATS tool.
 */
import { z } from 'zod';
import { encodeError } from '../../error-codec.js';
import type { PffError } from '../../errors.js';
import { parseTaskKey, taskKey, type Task } from '../../schedule/tasks.js';
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

/** Who does a task, or what came of it. */
export const taskRecordSchema = z.discriminatedUnion('state', [
  z.strictObject({ v: z.literal(1), state: z.literal('claimed'), by: nodeId }),
  z.strictObject({ v: z.literal(1), state: z.literal('free'), by: nodeId }),
  z.strictObject({
    v: z.literal(1),
    state: z.literal('done'),
    by: nodeId,
    /** Hex SHA-256 of the output's bytes. */
    digest,
    steps: count,
    bytes: count,
    chunkBytes: count.min(1),
  }),
]);
export type TaskRecord = z.infer<typeof taskRecordSchema>;
export type DoneRecord = Extract<TaskRecord, { state: 'done' }>;

const taskRef = z.strictObject({ chapter: count, layer: z.union([count, z.enum(['labels', 'head'])]) });
const stats = z.strictObject({
  samples: z.number(),
  loss: z.number(),
  positiveGoodness: z.number(),
  negativeGoodness: z.number(),
  correct: z.number(),
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
        start: z.number(),
        end: z.number(),
        bytes: z.number(),
        waitedFor: taskRef.optional(),
      }),
    )
    .max(1000),
  processBytes: count.optional(),
});
export type ReportRecord = z.infer<typeof reportRecordSchema>;

/** A node that did not fit, and why; or a result that was refused. */
export const noteRecordSchema = z.strictObject({ v: z.literal(1), by: nodeId, name, text });
export type NoteRecord = z.infer<typeof noteRecordSchema>;

/** Why the run itself cannot be done, whoever tries: an error as error-codec.ts has it, which all throw again. */
export const failureRecordSchema = noteRecordSchema.omit({ text: true }).extend({
  /** The task that cannot be done; without it spec and data do not fit each other. */
  task: taskName.optional(),
  error: z.strictObject({ name, code: z.enum(RUNS_FAULTS), message: text, hint: text.optional() }),
});
export type FailureRecord = z.infer<typeof failureRecordSchema>;

/** One record under its key. */
export type RunEntry =
  | { readonly type: 'task'; readonly task: Task; readonly record: TaskRecord }
  | { readonly type: 'node'; readonly number: number; readonly record: NodeRecord }
  | { readonly type: 'report'; readonly task: Task; readonly record: ReportRecord }
  | { readonly type: 'failed'; readonly record: FailureRecord }
  | { readonly type: 'refused' | 'conflict' | 'stop' | 'finished'; readonly record: NoteRecord };

export const keys = {
  task: (task: Task): string => `task.${taskKey(task)}`,
  node: (number: number): string => `node.${number}`,
  report: (task: Task): string => `report.${taskKey(task)}`,
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

export function encodeRecord(record: TaskRecord | NodeRecord | ReportRecord | NoteRecord | FailureRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Reads one entry; undefined where key or value is not what this version writes. */
export function decodeEntry(key: string, value: Uint8Array): RunEntry | undefined {
  if (value.length > MAX_RECORD_BYTES) return undefined;
  const json = parseJson(value);
  const dot = key.indexOf('.');
  const type = dot < 0 ? key : key.slice(0, dot);
  const rest = dot < 0 ? '' : key.slice(dot + 1);
  switch (type) {
    case 'task': {
      const task = parseTask(rest);
      const parsed = taskRecordSchema.safeParse(json);
      return task && parsed.success ? { type, task, record: parsed.data } : undefined;
    }
    case 'report': {
      const task = parseTask(rest);
      const parsed = reportRecordSchema.safeParse(json);
      return task && parsed.success ? { type, task, record: parsed.data } : undefined;
    }
    case 'node': {
      const parsed = nodeRecordSchema.safeParse(json);
      return /^\d{1,6}$/.test(rest) && parsed.success ? { type, number: Number(rest), record: parsed.data } : undefined;
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

/** JSON of UTF-8 bytes; undefined where it is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function parseTask(key: string): Task | undefined {
  try {
    return parseTaskKey(key);
  } catch {
    return undefined;
  }
}
