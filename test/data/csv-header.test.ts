/** Whether the first row of a table has the names of its columns. */
import { expect, it } from 'vitest';
import { guessHeader } from '../../src/data/readers/csv-header.js';

const guess = (text: string, label?: number): boolean =>
  guessHeader(
    text.split('\n').map((row) => row.split(',')),
    label,
  ).hasHeader;

it.each([
  ['texts above numbers', 'a,b,class\n1,2,x\n3,4,y', true],
  ['a text above numbers and a mistake among them', 'a,class\n1,x\n?,y\nb,x\n2,y', true],
  ['texts above texts, none of which is among them', 'colour,form,class\nred,round,x\nblue,square,y', true],
  ['texts that come again', 'red,round,x\nblue,square,y\nred,square,x', false],
  ['texts and a number that come again', 'high,2,small,no\nlow,4,big,yes\nhigh,4,big,yes\nlow,2,small,no', false],
  ['a text of its own under a label that comes again', 'Smith,x\nJones,y\nBrown,x', false],
  ['an empty cell among numbers', '1,,x\n2,3,y\n4,5,x', false],
  ['NA among numbers', '1,NA,x\n2,3,y\n4,5,x', false],
  ['numbers that go up, under a label that no row has', '400,402.5,404,class\n0.1,0.2,0.3,rye\n0.3,0.1,0.2,oat', true],
  ['numbers that go up, under one that a row has', '1,2,3,rye\n0.3,0.1,0.2,oat\n0.1,0.2,0.3,rye', false],
  ['numbers in any order, under a usual name of a label', '7,3,5,target\n1,2,3,a\n4,5,6,b', true],
  ['numbers in any order, under another text', '7,3,5,c\n1,2,3,a\n4,5,6,b', false],
  ['no name above a count of the rows', ',0,1,2\n0,5,6,x\n1,7,8,y', true],
])('%s: %s', (_, text, expected) => {
  expect(guess(text)).toBe(expected);
});

it('says what the first row was taken for, where it could be either', () => {
  const note = (text: string): string | undefined => guessHeader(text.split('\n').map((row) => row.split(','))).note;
  expect(note('colour,class\nred,x\nblue,y')).toBe('its first row is taken as the names of the columns: colour, class');
  expect(note('red,x\nblue,y\nred,x')).toBe('its first row is taken as a sample, not as names of columns: red, x');
  expect(note('a,class\n1,x\n2,y')).toBeUndefined();
});
