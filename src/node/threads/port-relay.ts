/** A relay reached through a message port: `serveRelay` in the thread that has the hub, `portRelay` in the thread of a node. */
import type { MessagePort } from 'node:worker_threads';
import type { TrainTask } from '../../schedule/tasks.js';
import type { InputRelay, RelayedInputs } from '../relay.js';

type Call =
  | { readonly call: 'announce' | 'expect' | 'takeOver'; readonly task: TrainTask }
  | { readonly call: 'handOn'; readonly task: TrainTask; readonly inputs: RelayedInputs };
type Request = Call & { readonly id: number };

interface Answer {
  readonly id: number;
  readonly inputs: RelayedInputs | undefined;
}

export function serveRelay(port: MessagePort, relay: InputRelay): void {
  const answer = async (request: Request): Promise<RelayedInputs | undefined> => {
    if (request.call === 'handOn') await relay.handOn(request.task, request.inputs);
    else if (request.call === 'announce') await relay.announce(request.task);
    else if (request.call === 'expect') await relay.expect(request.task);
    else return relay.takeOver(request.task);
    return undefined;
  };
  port.on('message', (request: Request) => {
    answer(request).then(
      (inputs) => port.postMessage({ id: request.id, inputs } satisfies Answer, inputs ? [inputs.buffer] : []),
      () => port.postMessage({ id: request.id, inputs: undefined } satisfies Answer),
    );
  });
}

export function portRelay(port: MessagePort): InputRelay {
  const waiting = new Map<number, (inputs: RelayedInputs | undefined) => void>();
  let nextId = 0;
  port.on('message', ({ id, inputs }: Answer) => {
    waiting.get(id)?.(inputs);
    waiting.delete(id);
  });
  // A thread that has nothing else to do must not be kept alive by it.
  port.unref();
  const call = (request: Call, moved: readonly ArrayBuffer[] = []): Promise<RelayedInputs | undefined> =>
    new Promise((resolve) => {
      const id = nextId++;
      waiting.set(id, resolve);
      port.postMessage({ ...request, id }, [...moved]);
    });
  return {
    announce: async (task) => {
      await call({ call: 'announce', task });
    },
    handOn: async (task, inputs) => {
      await call({ call: 'handOn', task, inputs }, [inputs.buffer]);
    },
    expect: async (task) => {
      await call({ call: 'expect', task });
    },
    takeOver: (task) => call({ call: 'takeOver', task }),
  };
}
