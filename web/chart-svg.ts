/** A chart as a drawing of its own: title, axes, lines and legend in one SVG, which also becomes a PNG. */
import type { ChartText, Line } from './chart-line.js';
import { svg, themeColour } from './dom.js';

const WIDTH = 900;
const PLOT = { left: 70, top: 40, width: 800, height: 340 };
const LINE_HEIGHT = 18;
const COLUMNS = 3;

/** Steps between ticks: 1, 2 or 5 times a power of ten, about `count` of them. */
export function ticksOf(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function rangeOf(values: readonly number[]): [number, number] {
  const finite = values.filter((value) => Number.isFinite(value));
  if (finite.length === 0) return [0, 1];
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  return low === high ? [low - 1, high + 1] : [low, high];
}

export function chartSvg(text: ChartText, lines: readonly Line[], xName: string): SVGSVGElement {
  const [ink, faint, grid, surface] = ['ink', 'faint', 'line', 'surface'].map(themeColour) as [
    string,
    string,
    string,
    string,
  ];
  const [x0, x1] = rangeOf(lines.flatMap(({ points }) => points.map(([x]) => x)));
  const [y0, y1] = rangeOf(lines.flatMap(({ points }) => points.map(([, y]) => y)));
  const { left, top, width, height } = PLOT;
  const x = (value: number): number => left + ((value - x0) / (x1 - x0)) * width;
  const y = (value: number): number => top + height - ((value - y0) / (y1 - y0)) * height;
  const label = (at: [number, number], words: string, more: Record<string, string | number> = {}): SVGElement =>
    svg('text', { x: at[0], y: at[1], fill: faint, 'font-size': 12, ...more }, words);
  const below = top + height + 50;
  const total = below + Math.ceil(lines.length / COLUMNS) * LINE_HEIGHT + 10;
  const drawing = svg('svg', {
    xmlns: 'http://www.w3.org/2000/svg',
    width: WIDTH,
    height: total,
    viewBox: `0 0 ${WIDTH} ${total}`,
    'font-family': 'system-ui, sans-serif',
  });
  drawing.append(
    svg('rect', { width: WIDTH, height: total, fill: surface }),
    label([left, 24], text.title, { fill: ink, 'font-size': 15, 'font-weight': 600 }),
    label([left + width / 2, top + height + 34], xName, { 'text-anchor': 'middle' }),
    ...ticksOf(x0, x1, 8).flatMap((value) => [
      svg('line', { x1: x(value), x2: x(value), y1: top, y2: top + height, stroke: grid }),
      label([x(value), top + height + 16], text.x(value), { 'text-anchor': 'middle' }),
    ]),
    ...ticksOf(y0, y1, 6).flatMap((value) => [
      svg('line', { x1: left, x2: left + width, y1: y(value), y2: y(value), stroke: grid }),
      label([left - 8, y(value) + 4], text.tick(value), { 'text-anchor': 'end' }),
    ]),
    ...lines.flatMap((line) => drawn(line, x, y)),
    ...lines.flatMap(({ name, colour, dashed }, i) => {
      const [at, row] = [left + (i % COLUMNS) * (width / COLUMNS), below + Math.floor(i / COLUMNS) * LINE_HEIGHT];
      return [
        svg('line', {
          x1: at,
          x2: at + 18,
          y1: row - 4,
          y2: row - 4,
          stroke: colour,
          'stroke-width': 3,
          ...(dashed ? { 'stroke-dasharray': '5 4' } : {}),
        }),
        label([at + 24, row], name.length > 36 ? `${name.slice(0, 35)}…` : name),
      ];
    }),
  );
  return drawing;
}

function drawn(
  { points, colour, dashed }: Line,
  x: (value: number) => number,
  y: (value: number) => number,
): SVGElement[] {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  const path = finite.map(([a, b]) => `${x(a).toFixed(2)},${y(b).toFixed(2)}`).join(' ');
  const line = svg('polyline', {
    points: path,
    fill: 'none',
    stroke: colour,
    'stroke-width': 1.6,
    ...(dashed ? { 'stroke-dasharray': '5 4' } : {}),
  });
  const [only] = finite;
  return finite.length === 1 && only ? [svg('circle', { cx: x(only[0]), cy: y(only[1]), r: 4, fill: colour })] : [line];
}
