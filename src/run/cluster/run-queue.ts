/** Which run of a server a node serves next. */
import type { RunIdentity, RunRecord } from '../../store/cluster/run-record.js';
import type { NatsRegistry } from '../../store/nats/registry.js';

/** A run in which nothing goes on is left after so long if there are others, and each time that it is met again later. */
const FIRST_PATIENCE_MS = 10_000;
const LONGEST_PATIENCE_MS = 120_000;
/** A run that has nodes enough is left sooner, but each time for twice as long: to come and go is work, too. */
const FIRST_STANDBY_MS = 1000;

/** Each open run in turn, those that this node is done with left out; another run of the name of one of those is none of them. */
export class RunQueue {
  readonly #registry: Pick<NatsRegistry, 'inOrder'>;
  readonly #done = new Set<string>();
  /** Runs that were left because nothing went on in them: when (a count), and how often. */
  readonly #left = new Map<string, { readonly turn: number; readonly times: number }>();
  #turns = 0;

  constructor(registry: Pick<NatsRegistry, 'inOrder'>) {
    this.#registry = registry;
  }

  async next(): Promise<RunRecord | undefined> {
    const turn = (record: RunRecord): number => this.#left.get(keyOf(record))?.turn ?? 0;
    return (await this.#open()).toSorted((a, b) => turn(a) - turn(b))[0];
  }

  async hasOthers(run: RunIdentity): Promise<boolean> {
    try {
      return (await this.#open()).some((record) => keyOf(record) !== keyOf(run));
    } catch {
      return false;
    }
  }

  patienceMs(run: RunIdentity): number {
    return Math.min(FIRST_PATIENCE_MS * 2 ** this.#timesLeft(run), LONGEST_PATIENCE_MS);
  }

  standbyMs(run: RunIdentity): number {
    return Math.min(FIRST_STANDBY_MS * 2 ** this.#timesLeft(run), LONGEST_PATIENCE_MS);
  }

  later(run: RunIdentity): void {
    this.#left.set(keyOf(run), { turn: ++this.#turns, times: this.#timesLeft(run) + 1 });
  }

  done(run: RunIdentity): void {
    this.#done.add(keyOf(run));
  }

  #timesLeft(run: RunIdentity): number {
    return this.#left.get(keyOf(run))?.times ?? 0;
  }

  async #open(): Promise<RunRecord[]> {
    const all = await this.#registry.inOrder();
    return all.map(({ record }) => record).filter((each) => each.state === 'open' && !this.#done.has(keyOf(each)));
  }
}

function keyOf({ run, id = '' }: RunIdentity): string {
  return `${run} ${id}`;
}
