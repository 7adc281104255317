/** What follows from what several keys say about one task. */
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/audit/judge.js';

/** Keys a, b, c … say these outputs. */
function said(...outputs: string[]): Map<string, string> {
  return new Map(outputs.map((output, i) => ['abcdefg'[i] as string, output]));
}

describe('judge', () => {
  it.each([
    ['one alone', ['x'], { kind: 'alone' }],
    ['two that agree', ['x', 'x'], { kind: 'agrees', output: 'x' }],
    ['two that differ: nobody can tell', ['x', 'y'], { kind: 'unclear' }],
    ['a third decides, against the first', ['y', 'x', 'x'], { kind: 'refuted', output: 'x', refuted: ['a'] }],
    ['a third decides, against the auditor', ['x', 'y', 'x'], { kind: 'refuted', output: 'x', refuted: ['b'] }],
    ['three that all differ', ['x', 'y', 'z'], { kind: 'unclear' }],
    ['two against two', ['x', 'x', 'y', 'y'], { kind: 'unclear' }],
    ['three against two', ['x', 'y', 'x', 'y', 'x'], { kind: 'refuted', output: 'x', refuted: ['b', 'd'] }],
    // What is not promised: two that agree on the same wrong result outvote one that is honest.
    ['two colluders against one', ['wrong', 'right', 'wrong'], { kind: 'refuted', output: 'wrong', refuted: ['b'] }],
  ])('%s', (_, outputs, expected) => {
    expect(judge(said(...outputs))).toEqual(expected);
  });

  it('where the run names auditors, only their word counts, and one is enough against many', () => {
    const auditors = new Set(['c']);
    expect(judge(said('x', 'x'), auditors)).toEqual({ kind: 'alone' });
    expect(judge(said('x', 'y'), auditors)).toEqual({ kind: 'unclear' });
    expect(judge(said('x', 'x', 'x'), auditors)).toEqual({ kind: 'agrees', output: 'x' });
    const verdict = { kind: 'refuted', output: 'right', refuted: ['a', 'b'] };
    expect(judge(said('wrong', 'wrong', 'right'), auditors)).toEqual(verdict);
    expect(judge(said('x', 'y', 'z'), new Set(['b', 'c']))).toEqual({ kind: 'unclear' });
  });
});
