/**
 * A timeline as text: a row for each node, chapter numbers in boxes coloured by layer. Without colour a second row tells
 * the layer of each box. Waiting is shown as dots, a node without work as nothing.
 */
import { type Timeline, fromItsBeginning, makespanOf, summarise } from '../schedule/timeline.js';
import { boundReached, figure, percent, seconds, ticks } from './gantt-axis.js';
import { harmless } from './harmless.js';
import { type Box, boxesOf, colourOf, layerName, layersOf, symbolOf } from './gantt-boxes.js';

export interface TerminalGanttOptions {
  /** Columns; no line is longer. At least 40. */
  readonly width: number;
  /** ANSI colours (256); default no. */
  readonly color?: boolean;
  readonly title?: string;
  /** Seconds: the shortest makespan the schedule allows. */
  readonly bound?: number;
  /** Draw only this part of the run, seconds; default all of it. */
  readonly from?: number;
  readonly to?: number;
}

/** What one column of a node's row shows: the box that fills most of it, a wait, or nothing. */
type Cell = Box | 'wait' | 'idle';

const shareColumns = ' 100.0 %'.length;

export function ganttTerminal(recorded: Timeline, options: TerminalGanttOptions): string {
  const timeline = fromItsBeginning(recorded);
  const width = Math.max(40, Math.floor(options.width));
  const color = options.color ?? false;
  const makespan = makespanOf(timeline);
  const from = Math.max(0, options.from ?? 0);
  const to = options.to ?? Math.max(makespan, options.bound ?? 0);
  const gutter = `node ${timeline.nodes} `.length;
  const columns = width - gutter - shareColumns;
  const scale: Scale = { from, to: to > from ? to : from + 1, columns };

  const summary = summarise(timeline);
  const boxes = Array.from({ length: timeline.nodes }, (): Box[] => []);
  for (const box of boxesOf(timeline)) boxes[box.node]?.push(box);

  const lines: string[] = [];
  if (options.title !== undefined) lines.push(clip(harmless(options.title), width));
  for (const [node, own] of boxes.entries()) {
    const cells = cellsOf(own, scale);
    const busy = summary.makespan > 0 ? (summary.nodes[node]?.busy ?? 0) / summary.makespan : 0;
    const name = `node ${node + 1}`.padEnd(gutter);
    const share = percent(busy).padStart(shareColumns);
    if (color) {
      lines.push(name + colouredRow(cells) + share);
    } else {
      lines.push(name + chapterRow(cells).join('') + share);
      lines.push((' '.repeat(gutter) + cells.map(symbolOfCell).join('')).trimEnd());
    }
  }
  lines.push(...axis(scale, gutter, options.bound));
  lines.push(...wrap(legend(timeline, color), width));
  lines.push(...wrap(figures(timeline, options.bound), width).map((line) => clip(line, width)));
  return `${lines.join('\n')}\n`;
}

interface Scale {
  readonly from: number;
  readonly to: number;
  readonly columns: number;
}

function columnOf({ from, to, columns }: Scale, time: number): number {
  return Math.min(columns - 1, Math.max(0, Math.floor(((time - from) / (to - from)) * columns)));
}

function cellsOf(boxes: readonly Box[], scale: Scale): Cell[] {
  const { from, to, columns } = scale;
  const lastEnd = boxes.at(-1)?.end ?? 0;
  const step = (to - from) / columns;
  /** Seconds of the fullest box, and of all boxes, in each column. */
  const most = Array.from({ length: columns }, () => 0);
  const all = Array.from({ length: columns }, () => 0);
  const cells = Array.from({ length: columns }, (_, column): Cell =>
    from + (column + 0.5) * step < lastEnd ? 'wait' : 'idle',
  );
  for (const box of boxes) {
    if (box.end <= from || box.start >= to) continue;
    for (let column = columnOf(scale, box.start); column <= columnOf(scale, box.end); column++) {
      const left = from + column * step;
      const inside = Math.min(box.end, left + step) - Math.max(box.start, left);
      all[column] = (all[column] ?? 0) + inside;
      if (inside <= (most[column] ?? 0) + 1e-9 * step) continue;
      most[column] = inside;
      cells[column] = box;
    }
  }
  // A column shows computing where that is at least half of it.
  return cells.map((cell, column) => {
    if (typeof cell === 'string' || (all[column] ?? 0) >= step * (0.5 - 1e-9)) return cell;
    return from + (column + 0.5) * step < lastEnd ? 'wait' : 'idle';
  });
}

function symbolOfCell(cell: Cell): string {
  if (cell === 'wait') return '·';
  return cell === 'idle' ? ' ' : symbolOf(cell.task.layer);
}

/** A character for each column: chapter numbers where they fit, each behind a line at the start of its chapter. */
function chapterRow(cells: readonly Cell[]): string[] {
  const row = cells.map((cell): string => (cell === 'wait' ? '·' : ' '));
  for (let start = 0; start < cells.length;) {
    const cell = cells[start];
    let end = start + 1;
    if (typeof cell === 'object') {
      while (sameChapter(cells[end], cell)) end += 1;
      const label = String(cell.task.chapter + 1);
      const text = label.length < end - start ? `▏${label}` : label.length === end - start ? label : '▏';
      write(row, start, text);
    }
    start = end;
  }
  return row;
}

/** Writes `text` into `row` from column `at` on. */
function write(row: string[], at: number, text: string): void {
  for (const [i, character] of Array.from(text).entries()) row[at + i] = character;
}

function sameChapter(cell: Cell | undefined, box: Box): boolean {
  return typeof cell === 'object' && cell.task.chapter === box.task.chapter;
}

function colouredRow(cells: readonly Cell[]): string {
  const text = chapterRow(cells);
  let row = '';
  let present = '';
  for (const [column, cell] of cells.entries()) {
    const code = typeof cell === 'object' ? paint(cell) : cell === 'wait' ? '\u001B[0;2m' : '\u001B[0m';
    if (code !== present) row += code;
    present = code;
    row += text[column] ?? ' ';
  }
  return `${row}\u001B[0m`;
}

function paint(box: Box): string {
  return `\u001B[0;38;5;16;48;5;${colourOf(box.task.layer).ansi}m`;
}

/** A ruler, its figures below, and where the bound is. */
function axis(scale: Scale, gutter: number, bound: number | undefined): string[] {
  const { from, to, columns } = scale;
  const widest = Math.max(figure(from).length, figure(to).length) + 3;
  const ruler = Array.from({ length: columns }, () => '─');
  const figuresRow = Array.from({ length: columns + shareColumns }, () => ' ');
  for (const tick of ticks(from, to, Math.max(1, Math.floor(columns / widest)))) {
    const column = columnOf(scale, tick);
    ruler[column] = '┬';
    write(figuresRow, column, figure(tick));
  }
  const indent = ' '.repeat(gutter);
  const lines = [`${indent}${ruler.join('')} s`, (indent + figuresRow.join('')).trimEnd()];
  if (bound === undefined || bound < from || bound > to) return lines;
  const text = `bound ${seconds(bound)}`;
  const column = columnOf(scale, bound);
  const marker = column >= text.length + 1 ? `${text} ▲`.padStart(column + 1) : `${' '.repeat(column)}▲ ${text}`;
  return [...lines, indent + marker];
}

function legend(timeline: Timeline, color: boolean): string[] {
  const entries = layersOf(timeline).map((layer) =>
    color
      ? `\u001B[0;38;5;16;48;5;${colourOf(layer).ansi}m   \u001B[0m ${layerName(layer)}`
      : `${symbolOf(layer)} ${layerName(layer)}`,
  );
  return [...entries, '▏1 chapter 1', '· waits'];
}

function figures(timeline: Timeline, bound: number | undefined): string[] {
  const { makespan, utilisation } = summarise(timeline);
  const count = timeline.nodes === 1 ? '1 node' : `${timeline.nodes} nodes`;
  const parts = [`${seconds(makespan)} on ${count}`, `${percent(utilisation)} busy`];
  if (bound !== undefined) parts.push(boundReached(bound, makespan));
  return parts;
}

/** Entries side by side, three spaces apart, in as many lines as they need. */
function wrap(entries: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const entry of entries) {
    const joined = line === '' ? entry : `${line}   ${entry}`;
    if (line !== '' && visibleLength(joined) > width) {
      lines.push(line);
      line = entry;
    } else {
      line = joined;
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** Columns that `text` takes on a terminal, colours aside. */
export function visibleLength(text: string): number {
  // oxlint-disable-next-line no-control-regex -- the escape character is what colour codes begin with
  return Array.from(text.replaceAll(/\u001B\[[\d;]*m/g, '')).length;
}

/** No more of `text` than fits `width` columns; East Asian characters and pictures take two. */
function clip(text: string, width: number): string {
  const characters = Array.from(text);
  let used = 0;
  for (const [i, character] of characters.entries()) {
    used += (character.codePointAt(0) ?? 0) >= 0x2e80 ? 2 : 1;
    if (used > width - (i + 1 < characters.length ? 1 : 0)) return `${characters.slice(0, i).join('')}…`;
  }
  return text;
}
