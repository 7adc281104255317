/**
 * How many wrong results pass until one is found, against the distribution that docs/AUDITS.md predicts. The book of audits with draws
 * as nodes make them, without a server, so that thousands of lies can be told.
 */
import { describe, expect, it } from 'vitest';
import { AuditBook } from '../../src/audit/book.js';
import { isDrawn, rateOf } from '../../src/audit/rate.js';
import { missProbability } from './miss-probability.js';
import { makeDraw, makeStatement, statementId, type Inputs } from '../../src/audit/statement.js';
import { sha256 } from '../../src/platform/node/hash.js';
import { cheapSigner, cheapVerify } from '../faults/liars.js';

const MOST_TASKS = 400;
const shape = { layers: 1, head: false, splits: MOST_TASKS, predictedLabels: 'none', labelLag: 1 } as const;
const digestOf = (...words: string[]): string => sha256().update(words.join('\n')).hex();

interface Found {
  /** Lies until one was checked; undefined if the run was over before. */
  readonly lies: number | undefined;
  /** How many checks had agreed when each lie was told. */
  readonly agreed: readonly number[];
}

/** One run of a liar, an auditor and a third node; the liar does all tasks, and lies where `lies` says so. */
function detect(seed: number, rate: number, lies: (agreed: number, task: number) => boolean): Found {
  const [liar, other, third] = [0, 1, 2].map((i) => cheapSigner(seed, i)) as [Signer, Signer, Signer];
  const book = new AuditBook({ context: 'test', rate, shape, verify: cheapVerify });
  const agreed: number[] = [];
  let input = '';
  for (let chapter = 0; chapter < MOST_TASKS; chapter++) {
    const task = `c${chapter}.l0`;
    const inputs: Inputs = chapter === 0 ? {} : { [`c${chapter - 1}.l0`]: input };
    const right = digestOf('right', String(chapter), input);
    const trust = book.agreed(liar.key);
    const lie = lies(trust, chapter);
    if (lie) agreed.push(trust);
    const said = makeStatement(liar, 'test', task, inputs, lie ? digestOf('wrong', right) : right);
    const draw = makeDraw(other, 'test', task, statementId(task, said), trust);
    book.add(task, { statements: [said], draws: [draw] });
    if (isDrawn(rate, draw))
      for (const checker of lie ? [other, third] : [other])
        book.add(task, { statements: [makeStatement(checker, 'test', task, inputs, right)], draws: [] });
    if (book.refused.has(liar.key)) return { lies: agreed.length, agreed };
    input = said.output;
  }
  return { lies: undefined, agreed };
}

type Signer = ReturnType<typeof cheapSigner>;
/** PFF_AUDIT_TRIALS asks for more runs of each kind. */
const TRIALS = Number(process.env['PFF_AUDIT_TRIALS'] ?? 150);

describe('a liar', () => {
  it.each([
    [0.05, 'once trust is full', (trust: number) => trust >= 19],
    [0.2, 'once trust is full', (trust: number) => trust >= 4],
    [0.05, 'where its results are checked less than half of the time', (trust: number) => trust >= 2],
  ] as const)('at rate %d that lies %s is found as soon as predicted', { timeout: 120_000 }, (rate, _, lies) => {
    const found = Array.from({ length: TRIALS }, (__, seed) => detect(seed, rate, lies)).filter(
      ({ agreed }) => agreed.length > 0,
    );
    // Undetected lies earn no trust: each is checked with the same probability, so that their number is geometric.
    const p = rateOf(rate, found[0]?.agreed[0] ?? 0);
    const bounds = [0.25, 0.5, 0.75, 0.9].map((share) => Math.ceil(Math.log(1 - share) / Math.log(1 - p)));
    const seen = bounds.map((bound) => found.filter((each) => (each.lies ?? Infinity) <= bound).length / found.length);
    const predicted = bounds.map((bound) => 1 - (1 - p) ** bound);
    if (process.env['PFF_AUDIT_TRIALS']) console.log({ rate, runs: found.length, bounds, seen, predicted });
    for (const [i, share] of predicted.entries()) {
      const deviation = Math.sqrt((share * (1 - share)) / found.length);
      expect(Math.abs((seen[i] ?? 0) - share), `within ${bounds[i]} lies`).toBeLessThan(4 * deviation);
    }
  });

  it('that lies once in fifty tasks is missed as often as the rates at its lies say', { timeout: 120_000 }, () => {
    let [missed, expected, variance, told] = [0, 0, 0, 0];
    for (let seed = 0; seed < TRIALS; seed++) {
      const { lies, agreed } = detect(seed, 0.05, (_, task) => task === 49);
      told += agreed.length;
      missed += lies === undefined ? 1 : 0;
      const miss = missProbability(0.05, agreed);
      expected += miss;
      variance += miss * (1 - miss);
    }
    if (process.env['PFF_AUDIT_TRIALS']) console.log({ told, missed, expected, deviation: Math.sqrt(variance) });
    expect(told).toBe(TRIALS);
    expect(Math.abs(missed - expected)).toBeLessThan(4 * Math.sqrt(variance));
    // Else the comparison would say nothing.
    expect(missed).toBeGreaterThan(TRIALS / 3);
  });
});
