/**
 * One simulated run: the cluster's own node and store code over the model engine, with faults drawn from a seed. The tasks
 * are small stand-ins (a hash of all they need), so that any wrong, old or mixed input shows in the digest.
 */
import { createHash } from 'node:crypto';
import { messageOf } from '../../src/errors.js';
import type { AuditBook } from '../../src/audit/book.js';
import { statementId } from '../../src/audit/statement.js';
import { workOnRun } from '../../src/node/cluster/cluster-node.js';
import { RandomStream } from '../../src/random.js';
import type { PffVariant } from '../../src/schedule/assign.js';
import { defaultWindow, maxAuditedChapters } from '../../src/schedule/retention.js';
import { trainedLayers, type GraphShape } from '../../src/schedule/shape.js';
import { allTasks, isResult, needs, results, taskKey, type Task } from '../../src/schedule/tasks.js';
import { ClusterStore } from '../../src/store/cluster/cluster-store.js';
import { decodeEntry, keys } from '../../src/store/cluster/records.js';
import { chunkPrefix } from '../../src/store/cluster/transfer.js';
import { cheapSigner, cheapVerify, liar, type Audited } from './liars.js';
import { ModelClient, ModelServer } from './model-engine.js';
import { Process, VirtualTime } from './virtual-time.js';

export interface Planted {
  /** A task done for the second time gives another result: no longer a pure function. */
  readonly impure?: boolean;
  /** The engine's compare-and-set does not compare. */
  readonly ignoresExpected?: boolean;
  /** Results are audited, and some processes lie. */
  readonly audited?: Audited;
}

export interface Outcome {
  readonly seed: number;
  /** What went wrong; empty for a good run. */
  readonly problems: readonly string[];
  readonly virtualSeconds: number;
  /** Tasks done more than once, outputs lost, records refused: what the faults cost. */
  readonly repeated: number;
  readonly lost: number;
  readonly refused: number;
  /** Where results are audited: what became of it. */
  readonly audits?: AuditOutcome;
}

export interface AuditOutcome {
  /** Wrong results that were announced, and those among them that counted at the end. */
  readonly lies: number;
  readonly missed: number;
  /** Results of the run that count for somebody honest, and are not those of an honest run. */
  readonly wrong: readonly string[];
  /** Processes that were refused. */
  readonly refused: readonly number[];
  /** How many of a liar's results had been checked when its lies were drawn for. */
  readonly agreed: readonly number[];
  /** Most chapters of which there were states at once. */
  readonly keptChapters: number;
  /** How many may be kept, by schedule/retention.ts. */
  readonly boundChapters: number;
  /** Checks of results, and those among them that a process did between two tasks of one chapter. */
  readonly checks: number;
  readonly inMidChapter: number;
}

const OUTPUT_BYTES = 16;
const LEASE_MS = 4000;
const FAULTS_END_MS = 60_000;
/** Without faults, whatever is left must be done in so much time. */
const PATIENCE_MS = 600_000;

export async function simulateFaults(seed: number, planted: Planted = {}): Promise<Outcome> {
  return new Simulation(seed, planted).run();
}

class Simulation {
  readonly #seed: number;
  readonly #planted: Planted;
  readonly #random: RandomStream;
  readonly #time = new VirtualTime();
  readonly #server = new ModelServer();
  readonly #shape: GraphShape;
  readonly #variant: PffVariant;
  readonly #nodes: number;
  readonly #done = new Map<string, number>();
  readonly #problems: string[] = [];
  readonly #stores: ClusterStore[] = [];
  #liars: readonly number[] = [];
  readonly #lies = new Map<string, Set<string>>();
  #keptChapters = 0;
  /** What each process has done, in its order. */
  readonly #doings = new Map<string, { readonly chapter: number; readonly check: boolean }[]>();
  readonly #alive = new Map<
    number,
    { readonly process: Process; readonly client: ModelClient; readonly store: ClusterStore; finished: boolean }
  >();
  #started = 0;
  #damagedAt = -Infinity;
  #finishedAt: number | undefined;

  constructor(seed: number, planted: Planted) {
    this.#seed = seed;
    this.#planted = planted;
    const random = new RandomStream(seed, 'test', 1);
    this.#random = random;
    this.#shape = {
      layers: 1 + random.below(3),
      head: random.below(4) === 0,
      splits: planted.audited?.calm ?? 1 + random.below(4),
      predictedLabels: (['none', 'first-layer', 'all-layers'] as const)[random.below(3)] as 'none',
      labelLag: 1 + random.below(2),
    };
    this.#variant = (['all-layers', 'single-layer', 'sequential'] as const)[random.below(3)] as PffVariant;
    this.#nodes = this.#variant === 'sequential' ? 1 : 1 + random.below(4);
    if (planted.audited?.layers !== undefined) {
      this.#shape = { ...this.#shape, layers: planted.audited.layers, head: false, predictedLabels: 'none' };
      this.#variant = 'all-layers';
      this.#nodes = planted.audited.honest ?? 1;
    }
    this.#server.ignoresExpected = planted.ignoresExpected ?? false;
  }

  async run(): Promise<Outcome> {
    this.#server.open();
    const { audited } = this.#planted;
    const drawn = 1 + this.#random.below(4);
    const processes = audited ? (audited.honest ?? 1 + drawn) + (audited.liars ?? 0) : drawn;
    for (let i = 0; i < processes; i++) this.#time.after(this.#random.below(20_000), () => this.#start(i));
    if (audited?.calm === undefined) this.#scheduleFaults(processes);
    else for (let at = 0; at < PATIENCE_MS; at += 500) this.#time.after(at, () => this.#count());
    this.#liars = Array.from({ length: audited?.liars ?? 0 }, (_, i) => processes - 1 - i);
    const honest = () => [...this.#alive].filter(([i]) => !this.#liars.includes(i));
    const over = (): boolean => {
      if (this.#server.exists && this.#server.stored.records.has(keys.finished)) this.#finishedAt ??= this.#time.now;
      return this.#problems.length > 0 || (honest().length > 0 && honest().every(([, { finished }]) => finished));
    };
    // Tasks take up to 16 s, one after the other; and what a liar did is done again.
    const patience = PATIENCE_MS * (audited?.calm === undefined ? 1 : audited.calm);
    const ended = await this.#time.run(over, FAULTS_END_MS + patience);
    if (!ended) this.#problems.push(`stuck: not finished after ${this.#time.now / 1000} s`);
    if (!ended && process.env['PFF_FAULT_SEED']) this.#dump();
    if (this.#problems.length === 0) this.#check();
    for (const { process } of this.#alive.values()) process.dead = true;
    const sum = (of: (store: ClusterStore) => number): number =>
      this.#stores.reduce((all, store) => all + of(store), 0);
    return {
      seed: this.#seed,
      problems: this.#problems,
      virtualSeconds: this.#time.now / 1000,
      repeated: [...this.#done.values()].reduce((all, times) => all + times - 1, 0),
      lost: sum((store) => store.lostOutputs),
      refused: sum((store) => store.mirror.refusedRecords),
      ...(audited && honest().length > 0 ? { audits: this.#audits(audited) } : {}),
    };
  }

  #count(): void {
    if (!this.#server.exists) return;
    const states = [...this.#server.stored.chunks.keys()].filter((key) => !key.includes('labels'));
    const chapters = new Set(states.map((key) => key.split('.')[0]));
    this.#keptChapters = Math.max(this.#keptChapters, chapters.size);
  }

  #audits({ rate }: Audited): AuditOutcome {
    const honest = [...this.#alive].filter(([i]) => !this.#liars.includes(i)).map(([, { store }]) => store);
    const book = (honest[0] as ClusterStore).audits?.book as AuditBook;
    const keyOf = (i: number): string => cheapSigner(this.#seed, i).key;
    const expected = expectedDigests(this.#shape);
    const agreed: number[] = [];
    let [lies, missed] = [0, 0];
    for (const [name, digests] of this.#lies)
      for (const digest of digests) {
        lies += 1;
        if (book.stands(name, digest)) missed += 1;
        const { statements, draws } = book.evidence(name);
        const told = statements.filter(({ output }) => output === digest).map((each) => statementId(name, each));
        for (const draw of draws) if (told.includes(draw.of)) agreed.push(draw.agreed);
      }
    if (rate >= 1) agreed.length = 0;
    const processes = Array.from({ length: 9 }, (_, i) => i);
    const doings = [...this.#doings.values()];
    const isBetween = (all: (typeof doings)[number], at: number): boolean => {
      const [before, after] = [
        all.slice(0, at).findLast(({ check }) => !check),
        all.slice(at).find(({ check }) => !check),
      ];
      return before !== undefined && before.chapter === after?.chapter;
    };
    return {
      lies,
      missed,
      wrong: results(this.#shape)
        .map(taskKey)
        .filter((name, layer) =>
          honest.some((each) => {
            const done = each.mirror.done(results(this.#shape)[layer] as Task);
            return done !== undefined && done.digest !== expected.get(name);
          }),
        ),
      refused: processes.filter((i) => book.refused.has(keyOf(i))),
      agreed,
      keptChapters: this.#keptChapters,
      boundChapters: maxAuditedChapters(
        this.#shape,
        this.#variant,
        this.#nodes,
        defaultWindow(this.#shape, this.#variant, this.#nodes),
      ),
      checks: doings.flat().filter(({ check }) => check).length,
      inMidChapter: doings.flatMap((all) => all.filter(({ check }, at) => check && isBetween(all, at))).length,
    };
  }

  /** For a person who replays a stuck seed. */
  #dump(): void {
    console.log(
      this.#shape,
      this.#variant,
      this.#nodes,
      [...this.#alive].map(([i, { finished }]) => [i, finished]),
    );
    for (const [i, { store }] of this.#alive) {
      const wanted = store.wanted(false);
      const names = (tasks: Task[]): string => tasks.map(taskKey).join(' ');
      console.log(
        i,
        'wanted',
        names(wanted.tasks()),
        '| ready',
        names(wanted.ready(99)),
        '| audits',
        names(wanted.audits()),
      );
    }
    for (const { key, value } of this.#server.stored.records.values()) console.log(key, Buffer.from(value).toString());
  }

  #start(i: number): void {
    const random = new RandomStream(this.#seed, 'test', 2, this.#started++);
    const process = new Process(this.#time, 0.5 + 1.5 * random.uniform(), random.below(1e9));
    const client = new ModelClient(this.#server, this.#time, process, random);
    client.trouble = this.#time.now < FAULTS_END_MS ? ([0, 0.02, 0.1, 0.3][random.below(4)] as number) : 0;
    if (this.#planted.audited?.reliable) client.trouble = 0;
    const taskMs = 200 * (1 + random.below(40));
    const { audited } = this.#planted;
    const signer = cheapSigner(this.#seed, i);
    const lies = this.#liars.includes(i) ? liar(audited?.lying ?? 'always', this.#seed, signer.key) : undefined;
    const ended = new AbortController();
    const store = new ClusterStore({
      engine: client,
      shape: this.#shape,
      id: `p${i}-${this.#started}`,
      name: `process ${i}`,
      clock: process,
      signal: ended.signal,
      nodes: this.#nodes,
      expected: (task) => ({ bytes: OUTPUT_BYTES, steps: task.chapter }),
      audits: audited && {
        context: 'simulated',
        rate: audited.rate,
        auditors: audited.auditors && new Set(audited.auditors.map((each) => cheapSigner(this.#seed, each).key)),
        verify: cheapVerify,
        signer,
      },
    });
    const entry = { process, client, store, finished: false };
    this.#alive.set(i, entry);
    this.#stores.push(store);
    const ready = store.ready();
    const run = async (task: Task): Promise<void> => {
      const inputs = [];
      for (const need of needs(this.#shape, task)) inputs.push(await ready.fetch(need, store.signal));
      await process.sleep(taskMs);
      const times = (this.#done.get(taskKey(task)) ?? 0) + 1;
      this.#done.set(taskKey(task), times);
      const doings = this.#doings.get(store.id) ?? [];
      this.#doings.set(store.id, doings);
      doings.push({ chapter: task.chapter, check: store.isChecking(task) });
      const lie = lies?.(task, store) ?? false;
      const salt = lie ? 'lie' : this.#planted.impure && times > 1 ? 'again' : '';
      const buffers = inputs.map(({ buffer }) => buffer);
      const output = { steps: task.chapter, buffer: outputOf(task, buffers, salt) };
      if (lie && !store.isChecking(task)) {
        const told = this.#lies.get(taskKey(task)) ?? new Set();
        this.#lies.set(taskKey(task), told.add(digestOf(task, output.buffer)));
      }
      await ready.publish(task, output);
    };
    const live = async (): Promise<void> => {
      await store.open();
      await workOnRun({
        store,
        executor: { run, reset: () => Promise.resolve() },
        clock: process,
        shape: this.#shape,
        variant: this.#variant,
        nodes: this.#nodes,
        name: `process ${i}`,
        leaseMs: LEASE_MS,
      });
      entry.finished = true;
      // A process that has left says nothing any more.
      if (audited) ended.abort(new Error('left'));
    };
    live().catch((error: unknown) => {
      // Whoever finds that it was refuted leaves.
      ended.abort(new Error('left'));
      if (lies && store.audits?.book.refused.has(signer.key)) entry.finished = true;
      else this.#problems.push(`process ${i} failed: ${messageOf(error)}`);
    });
  }

  #kill(i: number): void {
    const entry = this.#alive.get(i);
    if (!entry) return;
    entry.process.dead = true;
    this.#server.clients.delete(entry.client);
    this.#alive.delete(i);
  }

  #scheduleFaults(processes: number): void {
    const random = this.#random;
    const faults = random.below(8);
    for (let f = 0; f < faults; f++) {
      const i = random.below(processes);
      const length = 500 + random.below(15_000);
      const kind = random.below(9);
      this.#time.after(random.below(FAULTS_END_MS - 20_000), () => this.#fault(kind, i, length));
    }
    for (let at = 0; at < FAULTS_END_MS; at += 7000) this.#time.after(at, () => this.#server.flush());
    this.#time.after(FAULTS_END_MS, () => {
      this.#server.full = false;
      if (this.#server.down) this.#server.restart();
      for (const { client } of this.#alive.values()) {
        client.trouble = 0;
        client.cut = false;
      }
      for (let i = 0; i < processes; i++) if (!this.#alive.has(i)) this.#start(i);
    });
  }

  #fault(kind: number, i: number, length: number): void {
    const entry = this.#alive.get(i);
    // What is damaged after the run's end nobody is there to mend; it shows when the model is fetched.
    const over = this.#server.exists && this.#server.stored.records.has(keys.finished);
    const later = (work: () => void): void => this.#time.after(length, work);
    if (kind === 0 || kind === 1) {
      this.#kill(i);
      later(() => this.#alive.has(i) || this.#start(i));
    } else if (kind === 2 && entry) entry.process.frozenUntil = this.#time.now + length;
    else if (kind === 3 && entry) {
      entry.client.cut = true;
      later(() => {
        entry.client.cut = false;
        entry.client.hint('reset');
      });
    } else if (kind === 4 || kind === 5) {
      const loss = (['nothing', 'unflushed', 'everything'] as const)[length % 3] as 'nothing';
      this.#server.crash(over ? 'nothing' : loss);
      later(() => this.#server.restart());
    } else if (kind === 6) {
      this.#server.full = true;
      later(() => {
        this.#server.full = false;
      });
    } else if (this.#server.exists && !over) {
      if (kind === 7) this.#damage();
      else if (!this.#server.full) this.#hostile();
    }
  }

  /** The disk loses or changes a chunk. */
  #damage(): void {
    const { chunks } = this.#server.stored;
    const key = [...chunks.keys()][this.#random.below(Math.max(1, chunks.size))];
    const chunk = key === undefined ? undefined : chunks.get(key);
    if (key === undefined || !chunk) return;
    this.#damagedAt = this.#time.now;
    if (this.#random.below(2) === 0) chunks.delete(key);
    else
      chunks.set(
        key,
        Uint8Array.from(chunk, (byte) => byte ^ 1),
      );
  }

  /** Somebody writes what no node would. */
  #hostile(): void {
    this.#damagedAt = this.#time.now;
    const tasks = [...allTasks(this.#shape)];
    const task = tasks[this.#random.below(tasks.length)] as Task;
    const done = {
      v: 2,
      state: 'done',
      by: 'mallory',
      digest: 'f'.repeat(64),
      steps: task.chapter,
      bytes: OUTPUT_BYTES,
      chunkBytes: 6,
    };
    const texts = [
      '{',
      '{"v":2,"state":"claimed","by":"x"}',
      JSON.stringify({ ...done, bytes: 1e12 }),
      JSON.stringify(done),
      JSON.stringify({ v: 1, state: 'claimed', by: 'mallory' }),
    ];
    if (this.#planted.audited && this.#random.below(3) === 0) {
      // What was said is removed again.
      const empty = ['{}', '{"v":1,"statements":[],"draws":[]}'][this.#random.below(2)] as string;
      this.#server.write(keys.audit(task), Buffer.from(empty), undefined);
      return;
    }
    const key = this.#random.below(4) === 0 ? `node.${this.#random.below(3)}` : keys.task(task);
    this.#server.write(key, Buffer.from(texts[this.#random.below(texts.length)] as string), undefined);
  }

  #check(): void {
    const expected = expectedOutputs(this.#shape);
    const { records, chunks } = this.#server.stored;
    for (const task of allTasks(this.#shape)) {
      const key = taskKey(task);
      const entry = records.get(keys.task(task));
      const decoded = entry && decodeEntry(entry.key, entry.value);
      const record = decoded?.type === 'task' ? decoded.record : undefined;
      const good = digestOf(task, expected.get(key) as ArrayBuffer);
      const mayBeWrong = this.#planted.audited !== undefined && (!isResult(this.#shape, task) || this.#lies.size > 0);
      if (record?.state === 'done' && !mayBeWrong && !record.digest.startsWith('ffff') && record.digest !== good)
        this.#problems.push(`${key} was published with another digest`);
      if (!isResult(this.#shape, task) || ((this.#planted.audited?.rate ?? 1) < 1 && this.#lies.size > 0)) continue;
      const found = [0, 1, 2].map((n) => chunks.get(`${chunkPrefix(key, good)}.${n}`));
      const bytes = Buffer.concat(found.filter((chunk) => chunk !== undefined));
      // Damage just before the end may have come after the node that verified the results.
      if ((this.#finishedAt ?? 0) - this.#damagedAt < 20_000) continue;
      if (record?.state !== 'done' || record.digest !== good) this.#problems.push(`${key} is not published at the end`);
      else if (!bytes.equals(new Uint8Array(expected.get(key) as ArrayBuffer)))
        this.#problems.push(`${key} has other bytes`);
    }
    const conflicts = this.#stores.reduce((sum, store) => sum + store.conflicts, 0);
    if (conflicts > 0) this.#problems.push(`${conflicts} results differed from those published first`);
  }
}

function digestOf(task: Task, output: ArrayBufferLike): string {
  return createHash('sha256')
    .update(`pff output 2, ${task.chapter} steps\n`)
    .update(new Uint8Array(output))
    .digest('hex');
}

function expectedDigests(shape: GraphShape): Map<string, string> {
  const outputs = expectedOutputs(shape);
  return new Map(
    [...allTasks(shape)].map((task) => [taskKey(task), digestOf(task, outputs.get(taskKey(task)) as ArrayBufferLike)]),
  );
}

/** The stand-in for training: finite f32 values made from the task's name and all that it needs. */
function outputOf(task: Task, inputs: readonly ArrayBufferLike[], salt: string): SharedArrayBuffer {
  const hash = createHash('sha256').update(taskKey(task)).update(salt);
  for (const input of inputs) hash.update(new Uint8Array(input));
  const digest = hash.digest();
  const values = new Float32Array(new SharedArrayBuffer(OUTPUT_BYTES));
  for (let i = 0; i < values.length; i++) values[i] = digest.readInt32LE(4 * i);
  return values.buffer;
}

function expectedOutputs(shape: GraphShape): Map<string, ArrayBufferLike> {
  const outputs = new Map<string, ArrayBufferLike>();
  for (const task of allTasks(shape))
    outputs.set(
      taskKey(task),
      outputOf(
        task,
        needs(shape, task).map((need) => outputs.get(taskKey(need)) as ArrayBufferLike),
        '',
      ),
    );
  if (outputs.size < trainedLayers(shape)) throw new Error('the graph lacks tasks');
  return outputs;
}
