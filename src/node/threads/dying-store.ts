/** For fault tests: a store whose user dies at a chosen publication. Nothing of it is in the way of other runs. */
import type { Store } from '../../store/store.js';

export interface DieAt {
  /** Counted from 0, from the start of the worker. */
  readonly publication: number;
  /** Just before the output is published (all the task's work is lost), or just after (only the node's memory is). */
  readonly moment: 'before' | 'after';
  /** It is not the worker that dies: its GPU is lost, in the middle of what it does next. */
  readonly losesGpu?: true;
}

export function dyingStore(store: Store, { publication, moment }: DieAt, die: () => void): Store {
  let count = 0;
  return {
    fetch: (task, signal) => store.fetch(task, signal),
    isPublished: (task) => store.isPublished(task),
    published: (task, signal) => store.published(task, signal),
    async publish(task, output) {
      const now = count++ === publication;
      if (now && moment === 'before') die();
      await store.publish(task, output);
      if (now && moment === 'after') die();
    },
  };
}
