/**
 * Does one task of a run again on this machine, for a person who looks into a dispute, and digests the parameters after every batch. What
 * the task was made of comes from the server while it is kept there; what is gone is done again too, from the run's beginning if need be.
 */
import type { Chain } from '../../audit/chain.js';
import { PffError } from '../../errors.js';
import { openKernels } from '../../kernels/open.js';
import { jobOf } from '../../node/cluster/take-part.js';
import { TaskRunner } from '../../node/task-runner.js';
import { needs, taskKey, type Task } from '../../schedule/tasks.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';
import type { RunRecord } from '../../store/cluster/run-record.js';
import type { Output, Store } from '../../store/store.js';
import { usableCores } from '../cores.js';
import { examine, type Means } from './examine.js';

/** What came of a task that was done again here. */
export interface Redone {
  readonly task: string;
  /** Digests of what it was made of, by task. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly output: string;
  /** A digest for every batch; none for predicted labels and frozen layers, which train nothing. */
  readonly chain: Chain | undefined;
  /** Tasks that had to be done before it, as what they made is no longer on the server. */
  readonly before: number;
  readonly numerics: string;
}

/** @throws PffError `cluster` where this machine cannot do tasks of the run */
export async function redoTask(
  store: ClusterStore,
  record: RunRecord,
  task: Task,
  means: Means & { readonly threads?: number | undefined },
): Promise<Redone> {
  const examined = await examine(record, means);
  if ('failure' in examined) throw examined.failure;
  if ('refusal' in examined)
    throw new PffError('cluster', `this machine cannot do tasks of run ${record.run}: ${examined.refusal}`, {
      hint: 'Without the name of a task, pff audit RUN says what others have said of it.',
    });
  const { prepared, initial } = examined;
  const { precision } = record.spec;
  const threads = means.threads ?? usableCores();
  const { kernels } = await openKernels({ kernels: means.kernels, threads, precision });
  const states = initial?.states.map(({ buffer }) => buffer);
  const job = { ...jobOf(record, prepared, states), cuts: Infinity };
  const { order, outputs } = await workOf(store, task);
  const users = new Map<string, number>();
  for (const each of order)
    for (const need of needs(store.shape, each)) users.set(taskKey(need), (users.get(taskKey(need)) ?? 0) + 1);
  const runner = new TaskRunner({
    job,
    node: 0,
    kernels,
    store: memory(outputs),
    signal: store.signal,
    emit: () => {},
  });
  const digests = new Map<string, string>();
  const digestOf = async (each: Task): Promise<void> => {
    digests.set(taskKey(each), await store.digest(each, outputs.get(taskKey(each)) as Output));
  };
  try {
    for (const each of order) {
      store.signal.throwIfAborted();
      await runner.run(each);
      if (each === order.at(-1)) for (const need of [...needs(store.shape, task), task]) await digestOf(need);
      for (const need of needs(store.shape, each)) {
        const left = (users.get(taskKey(need)) ?? 1) - 1;
        users.set(taskKey(need), left);
        if (left === 0) outputs.delete(taskKey(need));
      }
    }
    const key = taskKey(task);
    const output = digests.get(key) as string;
    const { chain } = outputs.get(key) as Output;
    digests.delete(key);
    return {
      task: key,
      inputs: Object.fromEntries(digests),
      output,
      chain,
      before: order.length - 1,
      numerics: kernels.numerics.id,
    };
  } finally {
    runner.close();
    kernels.close();
  }
}

/** What of the task's inputs is on the server, and the tasks to do, in order, the asked one last. */
async function workOf(store: ClusterStore, task: Task): Promise<{ order: Task[]; outputs: Map<string, Output> }> {
  const outputs = new Map<string, Output>();
  const todo = new Map([[taskKey(task), task]]);
  for (const each of todo.values())
    for (const need of needs(store.shape, each)) {
      const key = taskKey(need);
      if (outputs.has(key) || todo.has(key)) continue;
      const found = await store.peek(need);
      if (found) outputs.set(key, found);
      else todo.set(key, need);
    }
  const place = (each: Task): number => (each.kind === 'labels' ? -1 : each.layer);
  const order = [...todo.values()].toSorted((a, b) => a.chapter - b.chapter || place(a) - place(b));
  return { order, outputs };
}

function memory(outputs: Map<string, Output>): Store {
  return {
    isPublished: (task) => Promise.resolve(outputs.has(taskKey(task))),
    published: () => Promise.resolve(),
    fetch: (task) => Promise.resolve(outputs.get(taskKey(task)) as Output),
    publish: (task, output) => {
      outputs.set(taskKey(task), output);
      return Promise.resolve();
    },
  };
}
