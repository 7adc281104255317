/** Servers and node processes of one test, and a run that is followed while things happen to them. All gone at the end. */
import type { RunEvent } from '../../src/run/events.js';
import type { TrainOptions } from '../../src/run/options.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { resolveSpec } from '../../src/spec/spec.js';
import type { ServerOptions } from '../../src/store/nats/server-options.js';
import { Pff, TestServer } from './server.js';

/** Long enough that something can happen while it runs: about 3 s on one core. */
export const spec = resolveSpec({
  layers: [784, 128, 128, 96],
  trainSamples: 3000,
  testSamples: 200,
  epochs: 6,
  batch: 32,
  seed: 9,
});

/** The digest that every run of `given` must have. */
export async function sequentialDigest(given = spec): Promise<string> {
  return (await trainToEnd({ spec: given, threadsPerNode: 1 })).modelDigest;
}

/** What happens after so many finished tasks. */
export type Happenings = Readonly<Record<number, () => void | Promise<void>>>;

export interface Followed {
  readonly digest: string;
  readonly notices: string;
}

/** Submits a run, by default of `spec`, follows it to its end, and lets things happen on the way. */
export async function follow(
  server: ServerOptions,
  happenings: Happenings = {},
  options: Pick<TrainOptions, 'spec' | 'variant' | 'nodes' | 'signal' | 'dataDir'> &
    Partial<TrainOptions['cluster'] & object> = {},
): Promise<Followed> {
  const { spec: asked = spec, variant = 'all-layers', nodes = 2, signal, dataDir, ...cluster } = options;
  let tasks = 0;
  let digest = '';
  const notices: string[] = [];
  const pending: Promise<void>[] = [];
  const see = (event: RunEvent): void => {
    if (event.type === 'notice') notices.push(event.text);
    if (event.type === 'task-finished') pending.push(Promise.resolve(happenings[++tasks]?.()));
    if (event.type === 'finished') digest = event.result.modelDigest;
  };
  const all = { run: 'test', leaseMs: 1500, ...cluster, server };
  for await (const event of train({ spec: asked, variant, nodes, signal, dataDir, cluster: all })) see(event);
  await Promise.all(pending);
  return { digest, notices: notices.join('\n') };
}

export class Fleet {
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  /** Does `cleanup` at the end, the last one first. */
  atEnd(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  async server(...args: Parameters<typeof TestServer.start>): Promise<TestServer> {
    const started = await TestServer.start(...args);
    this.atEnd(() => started.close());
    return started;
  }

  /** A node process with one kernel thread. */
  node(at: Pick<TestServer, 'url'>, ...args: string[]): Pff {
    return this.pff('node', '--server', at.url, '--threads', '1', ...args);
  }

  pff(...args: string[]): Pff {
    const started = new Pff(...args);
    this.atEnd(() => started.end());
    return started;
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).toReversed()) await cleanup();
  }
}
