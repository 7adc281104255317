/**
 * All that a process knows to have been said in an audited run, and what follows from it: which results stand, which are still
 * to be checked, which keys are refused. A set that only grows: whoever knows the same says the same, in whatever order it
 * came. A result stands if a key that is not refused says so, on inputs that stand: so what was built on a refuted result
 * falls with it, and nothing has to be told to anybody.
 */
import { needs, parseTaskKey, taskKey } from '../schedule/tasks.js';
import type { GraphShape } from '../schedule/shape.js';
import { boundedDraws, boundedStatements } from './bounded.js';
import type { Verify } from './identity.js';
import { judge, type Verdict } from './judge.js';
import { isDrawn, rateOf } from './rate.js';
import {
  FAILED,
  inputsText,
  isDraw,
  isStatement,
  statementId,
  type Draw,
  type Evidence,
  type Inputs,
  type Statement,
} from './statement.js';

export interface AuditRules {
  /** Digest of all that a statement is about besides its task: spec, data, numerics. */
  readonly context: string;
  /** The run's rate: above 0, up to 1. */
  readonly rate: number;
  /** Keys whose word decides; every key's unless given. */
  readonly auditors?: ReadonlySet<string> | undefined;
  /** Keys that count for nothing from the beginning, as the run's submitter does not trust them. */
  readonly distrusted?: ReadonlySet<string> | undefined;
  readonly shape: GraphShape;
  readonly verify: Verify;
}

/** `undrawn`: nobody has drawn yet whether it is checked. `open`: it is to be checked. */
export type AuditState = 'undrawn' | 'open' | 'settled';

/** What keys say about one task on the same inputs. */
interface Group {
  readonly task: string;
  readonly inputs: Inputs;
  readonly statements: Statement[];
  /** Keys of which a result was checked here, with success; as counted in `#agreed`. */
  counted: readonly string[];
  /** The same, whoever checked; as counted in `#everAgreed`. */
  everCounted: readonly string[];
}

interface TaskBook {
  readonly statements: Statement[];
  draws: Draw[];
  readonly groups: Map<string, Group>;
}

export class AuditBook {
  readonly #rules: AuditRules;
  readonly #tasks = new Map<string, TaskBook>();
  /** Groups in which outputs differ. */
  readonly #disputes = new Set<Group>();
  /** Keys that said two different things on the same inputs. */
  readonly #doubleTongued = new Set<string>();
  #refused: ReadonlySet<string> = new Set();
  /** By key: results of it that were checked and agreed. */
  readonly #agreed = new Map<string, number>();
  /** The same, with checks by keys that were refused later: a draw stays valid, whoever is refused after it. */
  readonly #everAgreed = new Map<string, number>();
  /** Results that stand, by task and output; only those that do. */
  readonly #standing = new Set<string>();
  /** Changes when a key is refused (or is so no more): then anything may have fallen. */
  epoch = 0;

  constructor(rules: AuditRules) {
    this.#rules = rules;
    this.#refused = new Set(rules.distrusted);
  }

  /** Keys that the submitter does not trust, whatever they say. */
  get distrusted(): ReadonlySet<string> {
    return this.#rules.distrusted ?? new Set();
  }

  /** Keys that were refuted, and those that are not trusted. */
  get refused(): ReadonlySet<string> {
    return this.#refused;
  }

  /** Names of the tasks that something was said about. */
  get tasks(): IterableIterator<string> {
    return this.#tasks.keys();
  }

  /** Adds what is new and was really said by its keys. Returns whether anything was. */
  add(task: string, evidence: Pick<Evidence, 'statements' | 'draws'>): boolean {
    const book = this.#tasks.get(task) ?? { statements: [], draws: [], groups: new Map() };
    let news = false;
    for (const statement of evidence.statements) news = this.#addStatement(task, book, statement) || news;
    for (const draw of evidence.draws) news = this.#addDraw(task, book, draw) || news;
    if (!news) return false;
    this.#tasks.set(task, book);
    this.#review(book);
    return true;
  }

  /** All that is known of `task`, and one draw more, as far as a record takes it. */
  evidence(task: string, draw?: Draw): Evidence {
    const { statements = [], draws = [] } = this.#tasks.get(task) ?? {};
    const all = draw ? this.#bounded(task, statements, [...draws, draw]) : [...draws];
    const { auditors } = this.#rules;
    const standing = (key: string): 0 | 1 | 2 => (this.#refused.has(key) ? 2 : auditors?.has(key) ? 0 : 1);
    return { v: 1, statements: boundedStatements(statements, standing), draws: all };
  }

  /** Whether `evidence` has all that is known here of `task`: a record of it is whole then. */
  isWhole(task: string, evidence: Evidence | undefined): boolean {
    const { statements, draws } = this.evidence(task);
    const there = new Set([...(evidence?.statements ?? []), ...(evidence?.draws ?? [])].map(({ sig }) => sig));
    return [...statements, ...draws].every(({ sig }) => there.has(sig));
  }

  /** Whether `output` counts as the task's: somebody who is not refused says so, on inputs that stand. */
  stands(task: string, output: string): boolean {
    const name = `${task} ${output}`;
    if (this.#standing.has(name)) return true;
    const stands = this.#groupsOf(task, output).some(({ inputs }) => this.inputsStand(inputs));
    if (stands) this.#standing.add(name);
    return stands;
  }

  inputsStand(inputs: Inputs): boolean {
    return Object.entries(inputs).every(([need, output]) => this.stands(need, output));
  }

  /** How far the audit of a result is that stands. */
  audit(task: string, output: string): AuditState {
    const groups = this.#groupsOf(task, output).filter(({ inputs }) => this.inputsStand(inputs));
    const states = groups.map((group) => this.#stateOf(group, output));
    return states.find((state) => state === 'open') ?? states.find((state) => state === 'settled') ?? 'undrawn';
  }

  /** What follows from all that was said about a result that stands. */
  verdict(task: string, output: string): Verdict {
    const group = this.#groupsOf(task, output).find(({ inputs }) => this.inputsStand(inputs));
    return group ? this.#judge(group) : { kind: 'alone' };
  }

  /** Whether a result of `task` still needs the word of `key`: as that of an auditor, or of one more where two differ. */
  needsWordOf(key: string, task: string, output: string): boolean {
    const { auditors } = this.#rules;
    if (this.#refused.has(key) || (auditors && !auditors.has(key))) return false;
    // What the key said about the same output of other inputs, which fell, is no word about this.
    return this.#groupsOf(task, output).some(
      (group) =>
        this.inputsStand(group.inputs) &&
        this.#stateOf(group, output) === 'open' &&
        !group.statements.some((each) => each.key === key),
    );
  }

  /** The statement about a result for which `key` may draw whether it is checked; undefined where there is no need. */
  undrawn(key: string, task: string, output: string): { readonly of: string; readonly agreed: number } | undefined {
    if (this.#refused.has(key) || this.audit(task, output) !== 'undrawn') return undefined;
    const { auditors } = this.#rules;
    if (auditors && !auditors.has(key)) return undefined;
    for (const { statements, inputs } of this.#groupsOf(task, output))
      for (const statement of statements)
        if (statement.key !== key && !this.#refused.has(statement.key) && this.inputsStand(inputs))
          return { of: statementId(task, statement), agreed: this.agreed(statement.key) };
    return undefined;
  }

  /** Checks of this key's results that agreed. */
  agreed(key: string): number {
    return this.#agreed.get(key) ?? 0;
  }

  /** The probability with which the next result of this key is checked. */
  rate(key: string): number {
    return rateOf(this.#rules.rate, this.agreed(key));
  }

  /** Whether it is established that the task cannot be done, as its loss is no longer finite. */
  failed(task: string): boolean {
    return this.#groupsOf(task, FAILED).some((group) => {
      const verdict = this.#judge(group);
      return this.inputsStand(group.inputs) && 'output' in verdict && verdict.output === FAILED;
    });
  }

  /** Whether `key` itself found that the task cannot be done on these inputs. */
  saidFailed(key: string, task: string): boolean {
    return this.#groupsOf(task, FAILED).some(
      ({ statements, inputs }) =>
        this.inputsStand(inputs) && statements.some((each) => each.key === key && each.output === FAILED),
    );
  }

  /** Every statement that was made about `task`, with what follows for those on the same inputs. */
  *groups(task: string): Generator<{ readonly statements: readonly Statement[]; readonly verdict: Verdict }> {
    for (const group of this.#tasks.get(task)?.groups.values() ?? [])
      yield { statements: group.statements, verdict: this.#judge(group, new Set()) };
  }

  /** Every key that said anything. */
  keys(): Set<string> {
    const keys = new Set<string>();
    for (const { statements, draws } of this.#tasks.values())
      for (const { key } of [...statements, ...draws]) keys.add(key);
    return keys;
  }

  #addStatement(task: string, book: TaskBook, statement: Statement): boolean {
    const { context, verify, shape } = this.#rules;
    const name = inputsText(statement.inputs);
    const known = book.groups.get(name);
    const before = known?.statements.find(({ key, output }) => key === statement.key && output === statement.output);
    if ((before && before.sig <= statement.sig) || !namesInputs(shape, task, statement.inputs)) return false;
    if (!isStatement(verify, context, task, statement)) return false;
    if (known && before) {
      // A key may sign the same twice, or say another chain: all keep the same one of them.
      for (const all of [book.statements, known.statements]) all[all.indexOf(before)] = statement;
      return true;
    }
    book.statements.push(statement);
    const group = known ?? {
      task,
      inputs: statement.inputs,
      statements: [],
      counted: [],
      everCounted: [],
    };
    book.groups.set(name, group);
    if (group.statements.some((each) => each.key === statement.key)) this.#doubleTongued.add(statement.key);
    group.statements.push(statement);
    if (group.statements.some(({ output }) => output !== statement.output)) this.#disputes.add(group);
    return true;
  }

  #addDraw(task: string, book: TaskBook, draw: Draw): boolean {
    const { context, verify, auditors } = this.#rules;
    const before = book.draws.find(({ key, of }) => key === draw.key && of === draw.of);
    if ((before && before.sig <= draw.sig) || (auditors && !auditors.has(draw.key))) return false;
    if (!isDraw(verify, context, task, draw)) return false;
    if (before) {
      book.draws[book.draws.indexOf(before)] = draw;
      return true;
    }
    book.draws = this.#bounded(task, book.statements, [...book.draws, draw]);
    return book.draws.includes(draw);
  }

  #bounded(task: string, statements: readonly Statement[], draws: readonly Draw[]): Draw[] {
    const made = new Set(statements.map((statement) => statementId(task, statement)));
    return boundedDraws(this.#rules.rate, draws, made);
  }

  /** After something was added about a task: who is refused, and what was checked with success. */
  #review(book: TaskBook): void {
    if (this.#disputes.size > 0 || this.#doubleTongued.size > 0) {
      const refused = this.#allRefused();
      if (refused.size !== this.#refused.size || [...refused].some((key) => !this.#refused.has(key))) {
        this.#refused = refused;
        this.#fall();
        return;
      }
    }
    for (const group of book.groups.values()) this.#count(group);
  }

  /** From nothing, so that it depends on what was said and not on the order. */
  #allRefused(): ReadonlySet<string> {
    const refused = new Set([...this.distrusted, ...this.#doubleTongued]);
    for (let before = -1; before !== refused.size;) {
      before = refused.size;
      const found = [...this.#disputes].flatMap((group) => {
        const verdict = this.#judge(group, refused);
        return verdict.kind === 'refuted' ? verdict.refuted : [];
      });
      for (const key of found) refused.add(key);
    }
    return refused;
  }

  #fall(): void {
    this.epoch += 1;
    this.#standing.clear();
    this.#agreed.clear();
    // In the order of the graph, so that what a result was made of is known before the result.
    const order = [...this.#tasks].map(([name, book]) => ({ task: parseTaskKey(name), book }));
    const layer = ({ task }: (typeof order)[number]): number => (task.kind === 'labels' ? -1 : task.layer);
    order.sort((a, b) => a.task.chapter - b.task.chapter || layer(a) - layer(b));
    for (const { task, book } of order) {
      for (const { output } of book.statements) this.stands(taskKey(task), output);
      for (const group of book.groups.values()) {
        group.counted = [];
        this.#count(group);
      }
    }
  }

  #count(group: Group): void {
    const verdict = this.#judge(group);
    const agreed = 'output' in verdict ? verdict.output : undefined;
    const checked = group.statements.filter((statement) => this.#wasChecked(group, statement));
    const counted = this.#honest(checked).filter(({ output }) => output === agreed);
    group.counted = recount(this.#agreed, group.counted, counted);
    const others = ({ key, output }: Statement): boolean =>
      group.statements.some((each) => each.key !== key && each.output === output);
    group.everCounted = recount(this.#everAgreed, group.everCounted, checked.filter(others));
  }

  /** Else it was its maker who checked, which earns no trust: to agree with what is there takes no work. */
  #wasChecked({ task }: Group, statement: Statement): boolean {
    const { rate } = this.#rules;
    if (rate >= 1) return true;
    const id = statementId(task, statement);
    const draws = this.#tasks.get(task)?.draws ?? [];
    return draws.some((draw) => draw.of === id && draw.key !== statement.key && isDrawn(rate, draw));
  }

  #stateOf(group: Group, output: string): AuditState {
    const { rate } = this.#rules;
    const verdict = this.#judge(group);
    if (verdict.kind === 'unclear') return 'open';
    if (verdict.kind !== 'alone') return 'settled';
    if (rate >= 1) return 'open';
    const draws = this.#honest(group.statements)
      .filter((statement) => statement.output === output)
      .flatMap((statement) => this.#drawsOf(group.task, statementId(group.task, statement), statement.key));
    if (draws.length === 0) return 'undrawn';
    return draws.some((draw) => isDrawn(rate, draw)) ? 'open' : 'settled';
  }

  /** Draws for one statement of `maker`'s that count: of others, and none that trusts the maker more than is earned. */
  #drawsOf(task: string, id: string, maker: string): Draw[] {
    const draws = this.#tasks.get(task)?.draws ?? [];
    return draws.filter(
      ({ of, key, agreed }) =>
        of === id &&
        key !== maker &&
        !this.#refused.has(key) &&
        (agreed === 0 || agreed <= (this.#everAgreed.get(maker) ?? 0)),
    );
  }

  #judge(group: Group, refused: ReadonlySet<string> = this.#refused): Verdict {
    const said = new Map(
      group.statements.filter(({ key }) => !refused.has(key)).map(({ key, output }) => [key, output]),
    );
    return judge(said, this.#rules.auditors);
  }

  #honest(statements: readonly Statement[]): Statement[] {
    return statements.filter(({ key }) => !this.#refused.has(key));
  }

  #groupsOf(task: string, output: string): Group[] {
    return [...(this.#tasks.get(task)?.groups.values() ?? [])].filter(({ statements }) =>
      this.#honest(statements).some((each) => each.output === output),
    );
  }
}

/** Whether exactly what the task needs is named. */
function namesInputs(shape: GraphShape, task: string, inputs: Inputs): boolean {
  const needed = needs(shape, parseTaskKey(task));
  return needed.length === Object.keys(inputs).length && needed.every((need) => inputs[taskKey(need)] !== undefined);
}

/** Counts the makers of `now` instead of `before` in `counts`. Returns them. */
function recount(counts: Map<string, number>, before: readonly string[], now: readonly Statement[]): string[] {
  const keys = now.map(({ key }) => key);
  for (const key of before) counts.set(key, (counts.get(key) ?? 0) - 1);
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return keys;
}
