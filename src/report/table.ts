/** Plain text tables: columns as wide as their widest cell. */

import { harmless } from './harmless.js';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines of the table, without colour; `rows` hold a cell for each column. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const texts = rows.map((row) => row.map(harmless));
  // Not by spreading into Math.max: there may be more rows than a call takes.
  const widths = columns.map(({ title }, i) =>
    texts.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = 'right' }, i) => {
        const cell = cells[i] ?? '';
        return align === 'left' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...texts.map(line)];
}
