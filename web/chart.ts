/** Line charts by uPlot, with a legend of their own, a theme, and the figures as a table. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { ChartText, Line } from './chart-line.js';
import { chartSvg } from './chart-svg.js';
import { downloads } from './download.js';
import { asTable, h, put, styled, sync, table, themeColour } from './dom.js';

export type { ChartText, Line };

/** For `tick`: a plain number, or a share in percent. */
export function plain(value: number): string {
  return String(Number(value.toPrecision(4)));
}
export function share(value: number): string {
  return `${Number((100 * value).toPrecision(4))} %`;
}

export interface Chart {
  readonly element: HTMLElement;
  set(lines: readonly Line[], xName: string): void;
  redraw(): void;
}

const HEIGHT = 220;
/** More lines than these are drawn thin, and told by their number. */
const MANY = 16;

export function chart(text: ChartText): Chart {
  const place = h('div', { class: 'plot', role: 'img' });
  const legend = h('ul', { class: 'legend' });
  let lines: readonly Line[] = [];
  let xName = '';
  let plot: uPlot | undefined;
  let shape = '';
  const element = h(
    'figure',
    { class: 'chart' },
    h('figcaption', {}, h('h3', {}, text.title), h('p', { class: 'explain' }, text.explanation)),
    legend,
    place,
    h(
      'div',
      { class: 'under' },
      asTable(() => figures(text, lines, xName)),
      downloads(
        text.title,
        () => chartSvg(text, lines, xName),
        () => {
          const [xs, ...columns] = aligned(lines) as [number[], ...(number | null)[][]];
          return [
            [xName, ...lines.map(({ name }) => name)],
            ...xs.map((x, i) => [x, ...columns.map((column) => column[i] ?? null)]),
          ];
        },
      ),
    ),
  );

  function draw(again: boolean): void {
    const width = place.clientWidth;
    if (width === 0) return;
    const data = aligned(lines);
    const now = `${xName} ${lines.map(({ name, colour }) => name + colour).join()}`;
    if (!again && plot && now === shape) {
      if (plot.width !== width) plot.setSize({ width, height: HEIGHT });
      plot.setData(data);
    } else {
      plot?.destroy();
      plot = new uPlot(options(text, lines, xName, width), data, place);
      shape = now;
    }
    place.setAttribute('aria-label', spoken(text, lines));
  }

  return {
    element,
    set(next, name) {
      lines = next.filter(({ points }) => points.length > 0);
      xName = name;
      element.hidden = lines.length === 0;
      legend.hidden = text.named === true && lines.length > MANY;
      if (!legend.hidden) sync(legend, ...lines.map(entry));
      if (lines.length > 0) draw(false);
    },
    redraw: () => {
      if (lines.length > 0) draw(true);
    },
  };
}

function entry({ name, colour, dashed, ring }: Line): HTMLElement {
  const kind = ring ? 'ring' : dashed ? 'line dashed' : 'line';
  const swatch = styled(h('span', { class: `swatch ${kind}` }), '--colour', colour);
  return h('li', {}, swatch, name);
}

function options(text: ChartText, lines: readonly Line[], xName: string, width: number): uPlot.Options {
  const [faint, line] = [themeColour('faint'), themeColour('line')];
  const axis = {
    stroke: faint,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: '12px system-ui',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: false, range: rangeOf } },
    // Half of the last number stands beyond the plot.
    padding: [8, Math.max(12, 4 * text.x(lastOf(lines)).length), 0, 0],
    hooks: { setCursor: [hint(text, lines)] },
    axes: [
      {
        ...axis,
        label: xName,
        labelSize: 18,
        labelFont: '12px system-ui',
        size: 34,
        values: (_, ticks) => ticks.map(text.x),
      },
      { ...axis, size: 58, values: (_, ticks) => ticks.map(text.tick) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour, dashed, dots, wide, ring, points }, i): uPlot.Series => ({
        label: name,
        stroke: colour,
        // What is drawn first is wider: of lines that lie on each other, all can be seen.
        width: 1.4 + (lines.length > MANY ? 0 : 0.5 * Math.min(4, lines.length - 1 - i)) + (wide ? 0.6 : 0),
        spanGaps: true,
        points: {
          show: dots === true || points.length === 1,
          size: ring ? 11 : wide ? 7 : 5,
          width: ring ? 2 : 1,
          // What lies in a ring shows through.
          fill: ring ? 'transparent' : colour,
          stroke: colour,
        },
        ...(dashed ? { dash: [5, 4] } : {}),
      })),
    ],
  };
}

function lastOf(lines: readonly Line[]): number {
  return lines.reduce((last, { points }) => Math.max(last, points.at(-1)?.[0] ?? 0), 0);
}

/** A single place stands in the middle; for it, uPlot asks with limits of its own. */
function rangeOf({ data: [xs] }: uPlot, min: number, max: number): [number, number] {
  const only = xs.length === 1 ? xs[0] : undefined;
  return only === undefined ? [min, max] : [only - 1, only + 1];
}

/** Values under the pointer, in a box above the plot. */
function hint(text: ChartText, lines: readonly Line[]): (plot: uPlot) => void {
  const box = h('div', { class: 'hint', 'aria-hidden': 'true' });
  return (plot) => {
    const { idx, left = -1 } = plot.cursor;
    const at = idx === null || idx === undefined ? undefined : plot.data[0][idx];
    if (at === undefined || left < 0) {
      box.remove();
      return;
    }
    const rows = lines.flatMap((line, i) => {
      const value = plot.data[i + 1]?.[idx as number];
      return value === null || value === undefined ? [] : [h('div', {}, entry(line), h('b', {}, text.y(value)))];
    });
    const more = rows.length > MANY && h('div', { class: 'at' }, `and ${rows.length - MANY} more`);
    put(box, h('div', { class: 'at' }, text.x(at)), ...rows.slice(0, MANY), more);
    plot.over.append(box);
    box.classList.toggle('right', left < plot.over.clientWidth / 2);
  };
}

/** All x values in order, and each line's y at them; null where it has none. */
function aligned(lines: readonly Line[]): uPlot.AlignedData {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].toSorted((a, b) => a - b);
  const index = new Map(xs.map((x, i) => [x, i]));
  const columns = lines.map(({ points }) => {
    const column: (number | null)[] = xs.map(() => null);
    for (const [x, y] of points) column[index.get(x) as number] = Number.isFinite(y) ? y : null;
    return column;
  });
  return [xs, ...columns];
}

function figures(text: ChartText, lines: readonly Line[], xName: string): Node {
  const [xs, ...columns] = aligned(lines) as [number[], ...(number | null)[][]];
  const number = (name: string): { text: string; number: true } => ({ text: name, number: true });
  return table(
    text.title,
    [number(xName), ...lines.map(({ name }) => number(name))],
    xs.map((x, i) => [
      text.x(x),
      ...columns.map((column) => {
        const value = column[i];
        return value === null || value === undefined ? '' : text.y(value);
      }),
    ]),
  );
}

function spoken(text: ChartText, lines: readonly Line[]): string {
  if (lines.length > MANY) return `${text.title}: ${lines.length} lines. The figures are in the table below.`;
  const last = lines.map(({ name, points }) => `${name} ${text.y(points.at(-1)?.[1] ?? Number.NaN)}`);
  return `${text.title}: lines, at their end ${last.join(', ')}. The figures are in the table below.`;
}
