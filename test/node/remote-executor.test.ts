/** Tasks in another thread: a late answer to one that was given up is not taken for the next one's. */
import { expect, it } from 'vitest';
import { TaskGivenUp } from '../../src/node/cluster/task-executor.js';
import { RemoteExecutor, type TaskRequest } from '../../src/node/remote-executor.js';
import { withinSeconds } from '../../src/run/cluster/node-bounds.js';
import { trainTask } from '../../src/schedule/tasks.js';

it('an answer counts for the task that was asked for, and for no other', async () => {
  const asked: TaskRequest[] = [];
  const executor = new RemoteExecutor({ say: (request) => asked.push(request), number: () => 3, onEvent: () => {} });
  const given = withinSeconds(executor, 0.02).run(trainTask(0, 0));
  await expect(given).rejects.toBeInstanceOf(TaskGivenUp);
  let done = false;
  const next = executor.run(trainTask(1, 0)).then(() => (done = true));
  const [first = -1, second = -1] = asked.map((request) => (request.type === 'run' ? request.number : -1));
  expect(second).not.toBe(first);
  executor.answered({ type: 'done', number: first });
  await Promise.resolve();
  await Promise.resolve();
  expect(done).toBe(false);
  executor.answered({ type: 'done', number: second });
  await next;
  expect(done).toBe(true);
});
