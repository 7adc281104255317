/**
 * What a process of an audited run says and hears: the book of audits (audit/book.ts) on the run's records. Evidence of a task is
 * one record, to which statements and draws are added by compare-and-set; what a server lost, those who know it write again.
 */
import { AuditBook, type AuditRules } from '../../audit/book.js';
import type { Chain } from '../../audit/chain.js';
import { isDifference, makeDifference, measureDifference, type Difference } from '../../audit/difference.js';
import { identityText, stopText, type Signer } from '../../audit/identity.js';
import { FAILED, makeDraw, makeStatement, type Evidence, type Inputs } from '../../audit/statement.js';
import type { GraphShape } from '../../schedule/shape.js';
import { needs, parseTaskKey, taskKey, type Task } from '../../schedule/tasks.js';
import type { Output } from '../store.js';
import type { Clock } from './clock.js';
import type { Sources } from './record-keeper.js';
import type { RecordTable } from './record-table.js';
import { keys, type NodeRecord, type NoteRecord } from './records.js';

export interface AuditOptions extends Omit<AuditRules, 'shape'> {
  /** Whose key signs what this process says; without one it only looks on. */
  readonly signer?: Signer | undefined;
  /** Key of the submitter, who alone may stop the run; anybody may unless given. */
  readonly owner?: string | undefined;
}

/** A result, and its digest. */
interface Found {
  readonly output: Output;
  readonly digest: string;
}

/** When things in the background go on, and until when. */
interface Pace {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Whoever says something writes it himself; and somebody may remove it again and again. */
const BEFORE_MENDING_MS = 300;

export class StoreAudits {
  readonly book: AuditBook;
  readonly signer: Signer | undefined;
  readonly #options: AuditOptions;
  readonly #shape: GraphShape;
  readonly #pace: Pace;
  readonly #records: () => RecordTable;
  readonly #proofs = new WeakMap<NodeRecord, boolean>();
  #isRestoring = false;
  /** Names of tasks whose evidence is being put right. */
  readonly #mending = new Set<string>();

  constructor(options: AuditOptions, shape: GraphShape, pace: Pace, records: () => RecordTable) {
    this.#options = options;
    this.#pace = pace;
    this.#shape = shape;
    this.#records = records;
    this.signer = options.signer;
    this.book = new AuditBook({ ...options, shape });
  }

  /** Whether a node's record is that of a key which takes part and was not refuted. */
  isMember(record: NodeRecord): boolean {
    const { id, key, proof } = record;
    if (key === undefined || proof === undefined || this.book.refused.has(key)) return false;
    let proved = this.#proofs.get(record);
    if (proved === undefined) {
      proved = this.#options.verify(key, identityText(this.#options.context, id), proof);
      this.#proofs.set(record, proved);
    }
    return proved;
  }

  /** What this process's node record says of its key. */
  identity(id: string): Pick<NodeRecord, 'key' | 'proof'> {
    const { signer } = this;
    return signer ? { key: signer.key, proof: signer.sign(identityText(this.#options.context, id)) } : {};
  }

  /** Whether the submitter says so, where the run names it. */
  mayStop({ sig }: NoteRecord): boolean {
    const { owner, verify, context } = this.#options;
    return owner === undefined || (sig !== undefined && verify(owner, stopText(context), sig));
  }

  stopSignature(): Pick<NoteRecord, 'sig'> {
    return this.signer ? { sig: this.signer.sign(stopText(this.#options.context)) } : {};
  }

  /**
   * Says that `task`, done here from `sources`, has the output with this digest (of one that was only fetched: sees to it that
   * what others say of it is on the server). False if it is of no use: an input of it fell meanwhile, or the published result
   * is another, which is a dispute from now on.
   */
  async attest(task: Task, sources: Sources | undefined, digest: string, chain?: Chain): Promise<boolean> {
    const name = taskKey(task);
    if (sources) {
      const inputs = await this.#inputsOf(task, sources);
      if (!inputs || !this.signer) return false;
      const statement = makeStatement(this.signer, this.#options.context, name, inputs, digest, chain);
      this.book.add(name, { statements: [statement], draws: [] });
    } else if (!this.book.stands(name, digest)) return false;
    await this.#say(task);
    const there = this.#records().mirror.done(task);
    return there === undefined || there.digest === digest;
  }

  /** Says that `task` cannot be done, as its loss is not finite. */
  async attestFailure(task: Task, sources: Sources): Promise<void> {
    await this.attest(task, sources, FAILED);
  }

  /** Measures in what a result of this process's own differs from the published one, and tells it, for people. */
  async tellDifference(task: Task, id: string, own: Found, other: Found): Promise<void> {
    const { signer } = this;
    const [a, b] = [own.output.buffer, other.output.buffer];
    if (!signer || task.kind === 'labels' || a.byteLength !== b.byteLength) return;
    const told = { own: own.digest, other: other.digest, ...measureDifference(a, b) };
    const difference = makeDifference(signer, this.#options.context, taskKey(task), told);
    await this.#records().tell(keys.difference(task, id), { v: 1, by: id, difference });
  }

  /** What was measured of differences between results of `task`, by whoever found them. */
  differences(task: string): Difference[] {
    const { verify, context } = this.#options;
    return [...this.#records().mirror.all()].flatMap(({ entry }) => {
      if (entry?.type !== 'difference' || taskKey(entry.task) !== task) return [];
      const { difference } = entry.record;
      return isDifference(verify, context, task, difference) ? [difference] : [];
    });
  }

  /** Draws whether a result of somebody else's is checked, unless somebody has done so. */
  async draw(task: Task, output: string): Promise<void> {
    const { signer } = this;
    const name = taskKey(task);
    if (!signer) return;
    const records = this.#records();
    for (;;) {
      const undrawn = this.book.undrawn(signer.key, name, output);
      if (!undrawn) return;
      const draw = makeDraw(signer, this.#options.context, name, undrawn.of, undrawn.agreed);
      const revision = records.mirror.get(keys.audit(task))?.revision ?? 0;
      if (await records.swap(keys.audit(task), this.book.evidence(name, draw), revision)) return;
      await records.read(keys.audit(task));
    }
  }

  /** Somebody wrote the evidence of a task: what is missing of it is added again, after a while, in the background. */
  heard(name: string, evidence: Evidence | undefined): void {
    if (!this.signer || this.#mending.has(name) || this.book.isWhole(name, evidence)) return;
    this.#mending.add(name);
    const { clock, signal } = this.#pace;
    clock
      .sleep(BEFORE_MENDING_MS, signal)
      .then(() => (signal.aborted ? undefined : this.#say(parseTaskKey(name))))
      .catch(() => {})
      .finally(() => this.#mending.delete(name));
  }

  /** Writes what is known here and missing on the server, in the background. */
  restore(): void {
    if (!this.signer || this.#isRestoring) return;
    this.#isRestoring = true;
    const all = async (): Promise<void> => {
      for (const name of this.book.tasks) await this.#say(parseTaskKey(name));
    };
    all()
      .catch(() => {})
      .finally(() => {
        this.#isRestoring = false;
      });
  }

  async #say(task: Task): Promise<void> {
    const name = taskKey(task);
    const key = keys.audit(task);
    const records = this.#records();
    for (;;) {
      const there = records.mirror.get(key);
      const evidence: Evidence | undefined = there?.entry?.type === 'audit' ? there.entry.record : undefined;
      if (this.book.isWhole(name, evidence)) return;
      if (await records.swap(key, this.book.evidence(name), there?.revision ?? 0)) return;
      await records.read(key);
    }
  }

  /** The digests of what `task` was made of; undefined if one of them counts no more. */
  async #inputsOf(task: Task, sources: Sources): Promise<Inputs | undefined> {
    const { mirror } = this.#records();
    const inputs: Record<string, string> = {};
    for (const need of needs(this.#shape, task)) {
      const name = taskKey(need);
      const source = sources.get(name);
      if (source === undefined) return undefined;
      if (typeof source !== 'string' && (await source.said) === false) return undefined;
      const digest = typeof source === 'string' ? source : source.digest;
      const now = mirror.done(need)?.digest ?? digest;
      if (digest === undefined || now !== digest || !this.book.stands(name, digest)) return undefined;
      inputs[name] = digest;
    }
    return inputs;
  }
}
