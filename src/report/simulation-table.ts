/** The what-if table over numbers of nodes, as text for a terminal and as Markdown. */
import type { WhatIf, WhatIfRow } from '../schedule/what-if.js';
import { harmless, percent, seconds } from './gantt-axis.js';

const headings = ['nodes', 'time', 'bound', 'speed-up', 'efficiency', 'busy', 'moved', 'what limits it'] as const;

/** One line a row, figures right-aligned; then where more nodes stop helping. */
export function simulationTable(table: WhatIf): string {
  const rows = [[...headings], ...table.rows.map(cellsOf)];
  const last = headings.length - 1;
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === last ? cell : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, '', enoughText(table), ''].join('\n');
}

export function simulationTableMarkdown(table: WhatIf): string {
  const last = headings.length - 1;
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  const rule = `| ${headings.map((_, column) => (column === last ? '---' : '--:')).join(' | ')} |`;
  return [
    line(headings),
    rule,
    ...table.rows.map((row) => line(cellsOf(row))),
    '',
    escapeMarkdown(enoughText(table)),
    '',
  ].join('\n');
}

/** Where adding nodes stops helping, and why. */
export function enoughText({ rows, enough }: WhatIf): string {
  const speedUp = `${enough.speedUp.toFixed(2)}x`;
  if (enough.nodes === rows.at(-1)?.nodes)
    return `More nodes helped up to the last row: ${speedUp} on ${nodesOf(enough.nodes)}.`;
  return harmless(`More than ${nodesOf(enough.nodes)} (${speedUp}) would bring less than 1 %: ${enough.limit.text}.`);
}

function nodesOf(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}

function cellsOf(row: WhatIfRow): string[] {
  return [
    String(row.nodes),
    seconds(row.makespan),
    seconds(row.bound),
    `${row.speedUp.toFixed(2)}x`,
    percent(row.efficiency),
    percent(row.utilisation),
    bytes(row.bytes),
    harmless(row.limit.text),
  ];
}

/** Decimal units: 1.2 GB. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = count;
  let unit = 0;
  for (; value >= 999.5 && unit + 1 < units.length; unit++) value /= 1000;
  return `${unit === 0 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))} ${units[unit] ?? ''}`;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\|<>*_`]/g, String.raw`\$&`);
}
