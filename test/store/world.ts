/** A server and the stores of some processes of one run in virtual time. */
import { RandomStream } from '../../src/random.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import type { ClusterStoreOptions } from '../../src/store/cluster/cluster-store-options.js';
import { ModelClient, ModelServer } from '../faults/model-engine.js';
import { Process, VirtualTime } from '../faults/virtual-time.js';

export const shape = { layers: 2, head: false, splits: 3, predictedLabels: 'none', labelLag: 1 } as const;
/** Of every output. */
export const BYTES = 16;

export interface World {
  readonly time: VirtualTime;
  readonly server: ModelServer;
  readonly open: (id: string, more?: Partial<ClusterStoreOptions>) => Promise<ClusterStore>;
  readonly settle: (ms?: number) => Promise<void>;
}

const ends: AbortController[] = [];

export function endStores(): void {
  for (const end of ends.splice(0)) end.abort();
}

export function world(): World {
  const [time, server] = [new VirtualTime(), new ModelServer()];
  server.open();
  const settle = async (ms = 3000): Promise<void> => {
    let over = false;
    time.after(ms, () => {
      over = true;
    });
    await time.run(() => over, time.now + ms + 1);
  };
  const open: World['open'] = async (id, more = {}) => {
    const process = new Process(time, 1, 0);
    const client = new ModelClient(server, time, process, new RandomStream(1, 'test', 2));
    const end = new AbortController();
    ends.push(end);
    const store = new ClusterStore({
      engine: client,
      shape,
      nodes: 2,
      id,
      name: id,
      clock: process,
      signal: end.signal,
      expected: () => ({ bytes: BYTES, steps: 3 }),
      ...more,
    });
    const opening = store.open();
    await settle();
    await opening;
    return store;
  };
  return { time, server, open, settle };
}
