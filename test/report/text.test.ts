/** Small pieces of text: units, tables, the confusion matrix. */
import { expect, it } from 'vitest';
import { confusionLines } from '../../src/report/confusion.js';
import { tableLines } from '../../src/report/table.js';
import { bytes, clock, count, duration, exactClock, figure, percent } from '../../src/report/units.js';

it('units read as people write them', () => {
  expect([0, 59.6, 754, 3723, Number.POSITIVE_INFINITY].map(clock)).toEqual([
    '0:00',
    '1:00',
    '12:34',
    '1:02:03',
    '–:––',
  ]);
  expect([0, 0.5, 2.25, 61, 3723.1].map(exactClock)).toEqual(['0:00', '0:00.5', '0:02.25', '1:01', '1:02:03.1']);
  expect([0.45, 0.9999, 12.34, 119.94, 200, 7260].map(duration)).toEqual([
    '450 ms',
    '1.0 s',
    '12.3 s',
    '119.9 s',
    '3 min 20 s',
    '2 h 1 min',
  ]);
  expect([0, 999, 1000, 4_560_000, 31_000_000, 999_600].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '4.6 MB',
    '31.0 MB',
    '1.0 MB',
  ]);
  expect([0, 12, 1234, 1_234_567].map(count)).toEqual(['0', '12', '1,234', '1,234,567']);
  expect([0.12345, 1.2345, 12.345, 123.45, 1234.5].map(figure)).toEqual(['0.1235', '1.234', '12.35', '123.5', '1235']);
  expect(percent(0.98314)).toBe('98.31 %');
});

it('a table may have more rows than a call takes arguments', () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i)]);
  expect(tableLines([{ title: 'n' }], rows)).toHaveLength(200_001);
});

it('a table is as wide as its cells', () => {
  const columns = [{ title: 'name', align: 'left' }, { title: 'n' }] as const;
  expect(
    tableLines(columns, [
      ['a', '100'],
      ['longer', '1'],
    ]),
  ).toEqual(['name      n', 'a       100', 'longer    1']);
});

it('names from data reach no terminal as they are where it would act on them', () => {
  const name = 'a\u001b[2Jb\nc';
  const lines = [
    ...tableLines([{ title: 'class' }], [[name]]),
    ...confusionLines(
      [
        [1, 0],
        [0, 1],
      ],
      [name, 'd'],
    ),
    ...confusionLines({ classes: 300, pairs: [[0, 1, 5]] }, [name, 'd']),
  ];
  expect(lines.join('').match(/\p{Cc}/gu)).toBeNull();
  expect(lines.join('\n').split('\n')).toHaveLength(lines.length);
});

it('the confusion matrix has class names, dots for zeros, and numbered columns for long names', () => {
  expect(
    confusionLines(
      [
        [9, 1],
        [0, 10],
      ],
      ['0', '1'],
    ),
  ).toEqual(['    0   1    right     F1', '0   9   1   90.0 %  0.947', '1   ·  10  100.0 %  0.952']);
  const long = confusionLines(
    [
      [9, 1],
      [0, 0],
    ],
    ['Ankle boot', 'Bag'],
  );
  expect(long[1]).toBe(' 0 Ankle boot   9   1   90.0 %  0.947');
  expect(long[2]).toBe(' 1 Bag          ·   ·        –  0.000');
  const many = Array.from({ length: 20 }, (_, i) =>
    Array.from({ length: 20 }, (_each, j) => (i === j ? 5 : j === i + 1 ? i : 0)),
  );
  expect(
    confusionLines(
      many,
      many.map((_, i) => `c${i}`),
    )[0],
  ).toBe('c18 taken for c19: 18');
});
