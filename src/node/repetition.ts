/**
 * A node checks itself: it does a task twice, from nothing that it holds, and compares. That finds memory and processors that compute
 * wrongly now and then; it finds no lie, and no fault that is the same each time.
 */
import { drawnFrom } from '../audit/drawn-from.js';
import { PffError } from '../errors.js';
import { taskKey, type Task } from '../schedule/tasks.js';
import type { Output } from '../store/store.js';

/** Whether `task` is one of those that are done twice: `rate` of them, the same whenever and wherever it is asked. */
export function isRepeated(task: Task, { rate, seed }: { readonly rate: number; readonly seed: number }): boolean {
  return drawnFrom(`pff repeat\n${seed}\n${taskKey(task)}`) < rate;
}

/** @throws PffError `cluster` where the two results of `task` differ, saying in how many bytes */
export function compareRepeated(task: Task, first: Output, second: Output): void {
  const [a, b] = [new Uint8Array(first.buffer), new Uint8Array(second.buffer)];
  const differing = a.reduce((sum, byte, i) => sum + (byte === b[i] ? 0 : 1), 0);
  if (differing === 0 && a.length === b.length && first.steps === second.steps) return;
  throw new PffError(
    'cluster',
    `this node did ${taskKey(task)} twice and had two results, which differ in ${differing} of ${a.length} bytes`,
    {
      hint: 'Same inputs, same bits: its memory or CPU computes wrongly (overclocking, heat, bad RAM). Nothing of the task was published.',
    },
  );
}
