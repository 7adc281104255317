/** The book of audits: what stands, what falls, who is refused, whatever the order in which things were said. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuditBook, type AuditRules } from '../../src/audit/book.js';
import { signerFromSeed, verifySignature, type Signer } from '../../src/audit/identity.js';
import { drawnNumber, isDrawn, rateOf } from '../../src/audit/rate.js';
import { missProbability } from './miss-probability.js';
import {
  evidenceSchema,
  FAILED,
  makeDraw,
  makeStatement,
  statementId,
  type Draw,
  type Evidence,
  type Statement,
} from '../../src/audit/statement.js';
import { cheapSigner, cheapVerify } from '../faults/liars.js';

const shape = { layers: 2, head: false, splits: 3, predictedLabels: 'none', labelLag: 1 } as const;
const digest = (text: string): string => Buffer.from(text.padEnd(32, '.')).toString('hex').slice(0, 64);
const [A, B, C, D] = [0, 1, 2, 3].map((i) => cheapSigner(1, i)) as [Signer, Signer, Signer, Signer];

function bookOf(rules: Partial<AuditRules> = {}): AuditBook {
  return new AuditBook({ context: 'test', rate: 1, shape, verify: cheapVerify, ...rules });
}

/** `key` says that the first layer of the first chapter, which needs nothing, is `output`. */
const first = (signer: Signer, output: string): Statement => makeStatement(signer, 'test', 'c0.l0', {}, digest(output));
const second = (signer: Signer, input: string, output: string): Statement =>
  makeStatement(signer, 'test', 'c0.l1', { 'c0.l0': digest(input) }, digest(output));

function say(book: AuditBook, task: string, ...statements: Statement[]): boolean {
  return book.add(task, { statements, draws: [] });
}

describe('a statement', () => {
  it('counts if it is signed by its key, over the run, the task, the inputs and the output, with Ed25519', () => {
    const signer = signerFromSeed(new Uint8Array(32).fill(7));
    const book = bookOf({ verify: verifySignature });
    const good = makeStatement(signer, 'test', 'c0.l0', {}, digest('x'));
    expect(say(book, 'c0.l0', { ...good, output: digest('y') })).toBe(false);
    expect(say(book, 'c0.l0', { ...good, key: digest('k') })).toBe(false);
    expect(say(book, 'c1.l0', good)).toBe(false);
    expect(say(book, 'c0.l0', makeStatement(signer, 'another run', 'c0.l0', {}, digest('x')))).toBe(false);
    expect(say(book, 'c0.l0', good)).toBe(true);
    expect(say(book, 'c0.l0', good)).toBe(false);
    expect(book.stands('c0.l0', digest('x'))).toBe(true);
    expect(book.stands('c0.l0', digest('y'))).toBe(false);
  });

  it('names exactly the inputs that the task needs', () => {
    const book = bookOf();
    expect(say(book, 'c0.l1', makeStatement(A, 'test', 'c0.l1', {}, digest('x')))).toBe(false);
    const more = { 'c0.l0': digest('a'), 'c1.l0': digest('b') };
    expect(say(book, 'c0.l1', makeStatement(A, 'test', 'c0.l1', more, digest('x')))).toBe(false);
  });

  it('of a key that says two things about the same refutes that key', () => {
    const book = bookOf();
    say(book, 'c0.l0', first(A, 'x'), first(A, 'y'));
    expect([...book.refused]).toEqual([A.key]);
  });
});

describe('very many keys that say something about one task', () => {
  const keys = Array.from({ length: 200 }, (_, i) => cheapSigner(2, i));
  const said = first(A, 'x');
  const drawsOf = (of: string): Draw[] => keys.map((key) => makeDraw(key, 'test', 'c0.l0', of, 0));

  it('leave a record that can be read, and whoever hears it in another order keeps the same', () => {
    const rate = 0.1;
    const draws = [...drawsOf(statementId('c0.l0', said)), ...drawsOf(digest('of nothing'))];
    const books = [draws, draws.toReversed()].map((all) => {
      const book = bookOf({ rate });
      say(book, 'c0.l0', said, ...keys.map((key) => first(key, 'x')));
      for (const draw of all) book.add('c0.l0', { statements: [], draws: [draw] });
      return book;
    });
    const [one, other] = books.map((book) => book.evidence('c0.l0')) as [Evidence, Evidence];
    expect(
      evidenceSchema.shape.statements.safeParse(one.statements.map((each) => ({ ...each, sig: '0'.repeat(128) })))
        .success,
    ).toBe(true);
    expect(new Set(one.draws.map(({ sig }) => sig))).toEqual(new Set(other.draws.map(({ sig }) => sig)));
    expect(one.statements.map(({ sig }) => sig).toSorted()).toEqual(other.statements.map(({ sig }) => sig).toSorted());
    expect([one.draws.length, one.statements.length]).toEqual([64, 64]);
    for (const book of books) expect(book.isWhole('c0.l0', one)).toBe(true);
  });

  it('push out no word of an auditor, and none of a key that counts by one that is refused', () => {
    const auditor = keys
      .map((_, i) => cheapSigner(3, i))
      .toSorted((a, b) => (first(a, 'x').sig < first(b, 'x').sig ? 1 : -1))[0] as Signer;
    const strangers = keys.map((key) => first(key, 'x'));
    const audited = bookOf({ auditors: new Set([auditor.key]) });
    say(audited, 'c0.l0', ...strangers, first(auditor, 'x'));
    expect(audited.evidence('c0.l0').statements).toContainEqual(first(auditor, 'x'));
    const distrusted = new Set(keys.map(({ key }) => key));
    const open = bookOf({ distrusted });
    say(open, 'c0.l0', ...strangers, first(auditor, 'x'));
    expect(open.evidence('c0.l0').statements).toContainEqual(first(auditor, 'x'));
  });

  it('of many inputs stay below what a record may have', () => {
    const book = bookOf({ shape: { ...shape, layers: 200 } });
    const inputs = Object.fromEntries(
      Array.from({ length: 199 }, (_, layer) => [`c0.l${layer}`, digest(String(layer))]),
    );
    const task = 'c0.l199';
    for (const key of keys.slice(0, 64)) say(book, task, makeStatement(key, 'test', task, inputs, digest('x')));
    const { statements } = book.evidence(task);
    expect(statements.length).toBeGreaterThan(1);
    expect(JSON.stringify(book.evidence(task)).length).toBeLessThan(256 * 1024);
  });

  it('cannot take away a draw by which the result is checked', () => {
    const checking = keys.map((key) => makeDraw(key, 'test', 'c0.l0', statementId('c0.l0', said), 0));
    const drawn = checking.find((draw) => isDrawn(0.02, draw)) as Draw;
    const book = bookOf({ rate: 0.02 });
    say(book, 'c0.l0', said);
    book.add('c0.l0', { statements: [], draws: [drawn] });
    book.add('c0.l0', { statements: [], draws: checking.filter((draw) => !isDrawn(0.02, draw)) });
    book.add('c0.l0', { statements: [], draws: drawsOf(digest('of nothing')) });
    expect(book.evidence('c0.l0').draws).toContainEqual(drawn);
    expect(book.audit('c0.l0', digest('x'))).toBe('open');
  });

  it('take no place from one more draw that is written', () => {
    const book = bookOf({ rate: 0.1 });
    say(book, 'c0.l0', said);
    book.add('c0.l0', { statements: [], draws: drawsOf(digest('of nothing')) });
    const draw = makeDraw(B, 'test', 'c0.l0', statementId('c0.l0', said), 0);
    expect(book.evidence('c0.l0', draw).draws).toContainEqual(draw);
    expect(book.evidence('c0.l0', draw).draws).toHaveLength(64);
  });
});

describe('a key that signs the same twice', () => {
  it('says it once: everybody keeps the same of the two, whatever came first', () => {
    const of = (chain: string): Statement =>
      makeStatement(A, 'test', 'c0.l0', {}, digest('x'), { batches: 1, digests: [digest(chain)] });
    const [one, two] = [of('one'), of('two')];
    const [first_, second_] = [bookOf(), bookOf()];
    say(first_, 'c0.l0', one, two);
    say(second_, 'c0.l0', two);
    say(second_, 'c0.l0', one);
    expect(first_.evidence('c0.l0')).toEqual(second_.evidence('c0.l0'));
    expect(first_.evidence('c0.l0').statements).toHaveLength(1);
    expect(first_.refused.size).toBe(0);
    const changed = { ...one, chain: { batches: 1, digests: [digest('three')] }, sig: `0${one.sig.slice(1)}` };
    expect(say(first_, 'c0.l0', changed)).toBe(false);
  });
});

describe('a key that is not trusted from the beginning', () => {
  it('counts for nothing, whatever it says, and whatever else is found', () => {
    const book = bookOf({ distrusted: new Set([A.key]) });
    say(book, 'c0.l0', first(A, 'x'));
    expect(book.stands('c0.l0', digest('x'))).toBe(false);
    say(book, 'c0.l0', first(B, 'x'), first(C, 'y'), first(D, 'x'));
    expect([...book.refused].toSorted()).toEqual([A.key, C.key].toSorted());
    expect(book.stands('c0.l0', digest('x'))).toBe(true);
  });
});

describe('an audit', () => {
  it('at rate 1 is open until another key agrees', () => {
    const book = bookOf();
    say(book, 'c0.l0', first(A, 'x'));
    expect(book.audit('c0.l0', digest('x'))).toBe('open');
    expect(book.needsWordOf(A.key, 'c0.l0', digest('x'))).toBe(false);
    expect(book.needsWordOf(B.key, 'c0.l0', digest('x'))).toBe(true);
    say(book, 'c0.l0', first(B, 'x'));
    expect(book.audit('c0.l0', digest('x'))).toBe('settled');
    expect(book.agreed(A.key)).toBe(1);
  });

  it('that disagrees needs a third key; the refuted result falls, and all that was made of it', () => {
    const book = bookOf();
    say(book, 'c0.l0', first(A, 'wrong'));
    say(book, 'c0.l1', second(B, 'wrong', 'made of it'));
    say(book, 'c0.l0', first(B, 'right'));
    expect(book.audit('c0.l0', digest('wrong'))).toBe('open');
    expect(book.stands('c0.l1', digest('made of it'))).toBe(true);
    const { epoch } = book;
    say(book, 'c0.l0', first(C, 'right'));
    expect([...book.refused]).toEqual([A.key]);
    expect(book.epoch).toBeGreaterThan(epoch);
    expect(book.stands('c0.l0', digest('wrong'))).toBe(false);
    expect(book.stands('c0.l1', digest('made of it'))).toBe(false);
    // Who honestly built on it is not refused for that.
    say(book, 'c0.l1', second(B, 'right', 'good'));
    expect(book.stands('c0.l1', digest('good'))).toBe(true);
  });

  it('needs a word about the inputs that stand, also of a key that said the same of others', () => {
    const book = bookOf();
    say(book, 'c0.l0', first(D, 'wrong'), first(A, 'right'), first(B, 'right'));
    say(book, 'c0.l1', second(A, 'wrong', 'x'), second(B, 'wrong', 'x'), second(C, 'right', 'x'));
    expect(book.audit('c0.l1', digest('x'))).toBe('open');
    expect([A, B, C, D].map(({ key }) => book.needsWordOf(key, 'c0.l1', digest('x')))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('that a refused key had made counts no more, and results of a refused key stand if another says the same', () => {
    const book = bookOf();
    say(book, 'c0.l0', first(A, 'x'), first(D, 'x'));
    say(book, 'c0.l1', second(D, 'x', 'wrong'), second(B, 'x', 'right'), second(C, 'x', 'right'));
    expect([...book.refused]).toEqual([D.key]);
    expect(book.stands('c0.l0', digest('x'))).toBe(true);
    expect(book.audit('c0.l0', digest('x'))).toBe('open');
  });

  it('is drawn below rate 1, by another key than the maker’s, and for trust that was earned', () => {
    const book = bookOf({ rate: 0.05 });
    const statement = first(A, 'x');
    say(book, 'c0.l0', statement);
    expect(book.audit('c0.l0', digest('x'))).toBe('undrawn');
    expect(book.undrawn(A.key, 'c0.l0', digest('x'))).toBeUndefined();
    const undrawn = book.undrawn(B.key, 'c0.l0', digest('x'));
    expect(undrawn).toEqual({ of: statementId('c0.l0', statement), agreed: 0 });
    const draw = (signer: Signer, agreed: number): void =>
      void book.add('c0.l0', { statements: [], draws: [makeDraw(signer, 'test', 'c0.l0', undrawn?.of ?? '', agreed)] });
    draw(A, 0);
    draw(C, 1000);
    expect(book.audit('c0.l0', digest('x'))).toBe('undrawn');
    draw(B, 0);
    expect(book.audit('c0.l0', digest('x'))).toBe('open');
    // Who only agrees with what is there earns no trust by that.
    say(book, 'c0.l0', first(B, 'x'));
    expect([book.agreed(A.key), book.agreed(B.key)]).toEqual([1, 0]);
    expect(book.rate(A.key)).toBe(0.5);
  });

  it('where the run names auditors is theirs alone', () => {
    const book = bookOf({ auditors: new Set([C.key]) });
    say(book, 'c0.l0', first(A, 'wrong'), first(B, 'wrong'));
    expect(book.audit('c0.l0', digest('wrong'))).toBe('open');
    expect(book.needsWordOf(D.key, 'c0.l0', digest('wrong'))).toBe(false);
    expect(book.needsWordOf(C.key, 'c0.l0', digest('wrong'))).toBe(true);
    say(book, 'c0.l0', first(C, 'right'));
    expect(new Set(book.refused)).toEqual(new Set([A.key, B.key]));
  });

  it('is needed of a failure, too: two keys have to find it', () => {
    const book = bookOf();
    const failed = (signer: Signer): Statement => makeStatement(signer, 'test', 'c0.l0', {}, FAILED);
    say(book, 'c0.l0', failed(A));
    expect([book.failed('c0.l0'), book.saidFailed(A.key, 'c0.l0')]).toEqual([false, true]);
    say(book, 'c0.l0', failed(B));
    expect(book.failed('c0.l0')).toBe(true);
    const other = bookOf();
    say(other, 'c0.l0', failed(A), first(B, 'x'), first(C, 'x'));
    expect([...other.refused]).toEqual([A.key]);
  });
});

describe('the book', () => {
  it('says the same whatever the order in which it was written', () => {
    const outputs = ['x', 'y'];
    const said = [A, B, C, D].flatMap((signer) => [
      ...outputs.map((output) => ['c0.l0', first(signer, output)] as const),
      ...outputs.flatMap((input) => outputs.map((output) => ['c0.l1', second(signer, input, output)] as const)),
    ]);
    const look = (order: readonly (readonly [string, Statement])[]): unknown => {
      const book = bookOf();
      for (const [task, statement] of order) say(book, task, statement);
      const results = ['c0.l0', 'c0.l1'].flatMap((task) => outputs.map((output) => [task, digest(output)] as const));
      return [
        [...book.refused].toSorted(),
        results.map(([task, output]) => [book.stands(task, output), book.audit(task, output)]),
        [A, B, C, D].map(({ key }) => book.agreed(key)),
      ];
    };
    fc.assert(
      fc.property(fc.shuffledSubarray(said), (order) => {
        const sorted = order.toSorted(([, a], [, b]) => (a.sig < b.sig ? -1 : 1));
        expect(look(order)).toEqual(look(sorted));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the rate', () => {
  it('falls with each check that agreed, down to the run’s own', () => {
    expect([0, 1, 3, 19, 1000].map((agreed) => rateOf(0.05, agreed))).toEqual([1, 0.5, 0.25, 0.05, 0.05]);
    expect(rateOf(0.2, 19)).toBe(0.2);
    expect(missProbability(0.05, [19, 19])).toBeCloseTo(0.9025, 10);
    expect(missProbability(0.05, [0])).toBe(0);
  });

  it('is met by the draws of a key, with real signatures: of 4,000 at 0.05', () => {
    const signer = signerFromSeed(new Uint8Array(32).fill(3));
    const draws = Array.from({ length: 4000 }, (_, i) => makeDraw(signer, 'test', 'c0.l0', digest(String(i)), 100));
    const drawn = draws.filter((draw) => isDrawn(0.05, draw)).length;
    // 200, with a standard deviation of 14.
    expect(Math.abs(drawn - 200)).toBeLessThan(56);
    expect(new Set(draws.map(drawnNumber)).size).toBe(4000);
  });

  it('needs the drawer’s secret: nothing of it is known before the draw is made', () => {
    const of = digest('x');
    const [one, other] = [1, 2].map((seed) => signerFromSeed(new Uint8Array(32).fill(seed)));
    const numbers = [one, other].map((signer) => drawnNumber(makeDraw(signer as Signer, 'test', 'c0.l0', of, 0)));
    expect(numbers[0]).not.toBe(numbers[1]);
  });
});
