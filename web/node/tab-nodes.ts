/** The nodes of a tab in one run: checks that they fit, joins, works until the run ends or the tab leaves. */
import { signerFromSeed } from '../../src/audit/identity.js';
import { encodeError } from '../../src/error-codec.js';
import { PffError } from '../../src/errors.js';
import { openPortableKernels } from '../../src/kernels/open-portable.js';
import type { RunEnd } from '../../src/node/cluster/cluster-node.js';
import { misfitOfData, misfitOfProgram } from '../../src/node/cluster/misfit.js';
import { openStore } from '../../src/node/cluster/open-store.js';
import { despiteGpuFailures } from '../../src/node/despite-gpu-failures.js';
import { takePart } from '../../src/node/cluster/take-part.js';
import { RunKernels } from '../../src/node/run-kernels.js';
import { prepareData, type PreparedData } from '../../src/node/prepare.js';
import { checkGraph } from '../../src/schedule/bounds.js';
import { resolveSpec } from '../../src/spec/spec.js';
import { EngineError } from '../../src/store/cluster/engine.js';
import { RelayEngine } from '../../src/store/relay/relay-engine.js';
import type { TabEvent, TabSetting } from './messages.js';
import { PROGRAM } from './program.js';
import { sharedData } from './shared-data.js';
import { TabExecutor } from './tab-executor.js';

/** Bytes are told this often. */
const TELL_MS = 500;
/** Without a connection nothing can be given back: the lease then sees to it. */
const LEAVING_MS = 2500;
/** Whoever shares the run may be there while the run's server is not. */
const LONGEST_MS = 60_000;

export class TabNodes {
  readonly #tell: (event: TabEvent) => void;
  /** Data are prepared once, however often the tab leaves and comes back. */
  #prepared: PreparedData | undefined;
  #leaving: AbortController | undefined;
  #received = 0;
  #sent = 0;

  constructor(tell: (event: TabEvent) => void) {
    this.#tell = tell;
  }

  /** Takes part to the end of it, which is told; never rejects. */
  async start(setting: TabSetting): Promise<void> {
    if (this.#leaving) return;
    const leaving = new AbortController();
    this.#leaving = leaving;
    let ended: TabEvent;
    try {
      const end = await this.#work(setting, leaving.signal);
      ended = { type: 'ended', end: end === 'idle' ? 'left' : end };
    } catch (error) {
      ended = this.#endOf(error);
    }
    this.#leaving = undefined;
    this.#tell(ended);
  }

  leave(): void {
    this.#leaving?.abort(new PffError('interrupted', 'this browser leaves the run'));
  }

  #endOf(error: unknown): TabEvent {
    if (this.#leaving?.signal.aborted) return { type: 'ended', end: 'left' };
    // Somebody removed the run while this node worked on it: nobody's failure.
    if (error instanceof EngineError && error.kind === 'removed') return { type: 'ended', end: 'stopped' };
    return { type: 'ended', end: 'failed', error: encodeError(error) };
  }

  async #work(setting: TabSetting, leave: AbortSignal): Promise<RunEnd> {
    const { shared, workers } = setting;
    const { record, chunkBytes } = shared;
    const { precision } = record.spec;
    const opened = await RunKernels.open(setting.kernels, (choice) => openPortableKernels(precision, choice));
    const kernels = opened.current;
    opened.close();
    const misfit = misfitOfProgram(record, kernels.numerics, PROGRAM);
    if (misfit !== undefined) throw new PffError('cluster', misfit);
    checkGraph(resolveSpec(record.spec));
    this.#prepared ??= await this.#prepare(setting);
    leave.throwIfAborted();
    this.#tell({ type: 'joined', kernels: kernels.name });
    const url = new URL(`/relay?tab=${setting.tab}`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    let isConnected = false;
    const engine = new RelayEngine({
      url: url.href,
      chunkBytes,
      onLink: (link, why) => {
        isConnected = link === 'connected';
        this.#tell({ type: 'link', link, why });
      },
      onBytes: (received, sent) => {
        this.#received += received;
        this.#sent += sent;
      },
    });
    const telling = setInterval(() => this.#tellBytes(), TELL_MS);
    const stop = new AbortController();
    let late: ReturnType<typeof setInterval> | undefined;
    const giveUp = (): void => {
      // What is under way over a slow connection still arrives.
      if (!isConnected || performance.now() - leftAt > LONGEST_MS) stop.abort(leave.reason);
    };
    let leftAt = Infinity;
    leave.addEventListener(
      'abort',
      () => {
        leftAt = performance.now();
        late = setInterval(giveUp, LEAVING_MS);
      },
      { once: true },
    );
    const prepared = this.#prepared;
    const nodes = Array.from({ length: workers }, (_, worker) =>
      this.#node(setting, prepared, engine, worker, { leave, stop: stop.signal }),
    );
    try {
      return (await Promise.all(nodes))[0] as RunEnd;
    } catch (error) {
      // One that cannot go on takes the others with it: what it met, they would meet.
      stop.abort(error);
      await Promise.allSettled(nodes);
      throw error;
    } finally {
      clearInterval(late);
      clearInterval(telling);
      this.#tellBytes();
      engine.close();
    }
  }

  async #prepare({ shared, files }: TabSetting): Promise<PreparedData> {
    const { record } = shared;
    if (record.variant !== 'federated') return prepareData(await sharedData(shared, this.#tell), record.spec);
    // With all readers of files, which other runs need not load.
    const { ownData } = await import('./own-data.js');
    const dataset = await ownData(files ?? [], record);
    const misfit = misfitOfData(record, dataset);
    if (misfit !== undefined) throw new PffError('data', misfit);
    for (const line of dataset.notes ?? []) this.#tell({ type: 'said', worker: 0, line });
    this.#tell({ type: 'read', samples: dataset.train.count });
    // Of a federated run a node knows its own part only.
    return prepareData(dataset, { ...record.spec, shards: 1, skew: 0, testSamples: 0 });
  }

  async #node(
    { shared: { record }, name, seed, workers, kernels, slot }: TabSetting,
    prepared: PreparedData,
    engine: RelayEngine,
    worker: number,
    { leave, stop }: { readonly leave: AbortSignal; readonly stop: AbortSignal },
  ): Promise<RunEnd> {
    const own = workers > 1 ? `${name} (${worker + 1})` : name;
    const say = (line: string): void => this.#tell({ type: 'said', worker, line });
    const signer = record.audit && signerFromSeed(seed);
    const store = openStore({ engine, record, name: own, prepared, signal: stop, say, signer });
    try {
      await Promise.race([store.open(), rejected(leave)]);
      return await takePart({
        store,
        record,
        prepared,
        name: own,
        slot,
        openExecutor: (executor) => despiteGpuFailures(kernels, (choice) => new TabExecutor(executor, choice), say),
        say,
        leave,
        onEvent: (event) => this.#tell({ type: 'node', worker, event }),
      });
    } finally {
      await store.close();
    }
  }

  #tellBytes(): void {
    this.#tell({ type: 'bytes', received: this.#received, sent: this.#sent });
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
