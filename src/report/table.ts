/** Plain text tables: columns as wide as their widest cell. */

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines of the table, without colour; `rows` hold a cell for each column. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = 'right' }, i) => {
        const cell = cells[i] ?? '';
        return align === 'left' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}
