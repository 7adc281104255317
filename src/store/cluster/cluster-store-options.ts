/** What a cluster store is told: the engine, who it is, and what outputs can be like. */
import type { GraphShape } from '../../schedule/shape.js';
import type { LabelsTask, Task } from '../../schedule/tasks.js';
import type { RunSpec } from '../../spec/spec.js';
import type { Clock } from './clock.js';
import type { Engine, EngineError } from './engine.js';
import type { DoneRecord } from './records.js';
import type { AuditOptions } from './store-audits.js';

/** What is known of a task's output before it is there. What says otherwise is refused. */
export interface Expected {
  /** As it travels. */
  readonly bytes?: number | undefined;
  /** Bytes if it is this process that fetches it; `bytes` unless given. */
  readonly fetchedBytes?: number | undefined;
  readonly steps?: number | undefined;
  /** Where `steps` cannot be known. */
  readonly mostSteps?: number | undefined;
}

export interface ClusterStoreOptions {
  readonly engine: Engine;
  readonly shape: GraphShape;
  /** Names this process in the run's records: letters, digits, - and _. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** N: the run's slots. */
  readonly nodes: number;
  readonly expected: (task: Task) => Expected;
  /** Whether labels as they arrived are ones that the task can have. States must be finite. */
  readonly soundLabels?: ((task: LabelsTask, buffer: ArrayBufferLike) => boolean | Promise<boolean>) | undefined;
  /** This process has found that the run's spec and its data fit each other: it need not believe others who say they do not. */
  readonly fits?: boolean | undefined;
  /** Nobody works on the run any more: the records of outputs that are lost stay as they are. */
  readonly over?: boolean | undefined;
  /** How layer states travel; f32 unless given. */
  readonly wire?: RunSpec['wire'] | undefined;
  /** How results are checked, where they are. */
  readonly audits?: AuditOptions | undefined;
  readonly onTrouble?: ((error: EngineError) => void) | undefined;
  /** Lets other work through while much is hashed. */
  readonly breathe?: (() => Promise<void>) | undefined;
}

/** Whether a record's output can be what is expected. */
export function fitsExpected(record: DoneRecord, expected: Expected): boolean {
  return (
    record.bytes === (expected.bytes ?? record.bytes) &&
    record.steps === (expected.steps ?? record.steps) &&
    record.steps <= (expected.mostSteps ?? Infinity)
  );
}
