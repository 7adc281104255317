/** The what-if table over numbers of nodes, as text for a terminal. */
import type { WhatIf, WhatIfRow } from '../simulate/what-if.js';
import { percent, seconds } from './gantt-axis.js';
import { harmless } from './harmless.js';
import { tableLines } from './table.js';
import { bytes } from './units.js';

const headings = ['nodes', 'time', 'bound', 'speed-up', 'efficiency', 'busy', 'moved', 'what limits it'] as const;
const last = headings.length - 1;

/** One line a row, figures right-aligned; then where more nodes stop helping. */
export function simulationTable(table: WhatIf): string {
  const columns = headings.map((title, i) => ({ title, align: i === last ? ('left' as const) : ('right' as const) }));
  return [...tableLines(columns, table.rows.map(cellsOf)), '', enoughText(table), ''].join('\n');
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
