/** Cells and tables of the bench's Markdown. */
import type { Summary } from './statistics.js';

/** Median and quartiles. */
export function cell(summary: Summary, digits: number): string {
  return `${summary.median.toFixed(digits)} (${summary.low.toFixed(digits)}–${summary.high.toFixed(digits)})`;
}

/** The first column is text, the others numbers or short. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}
