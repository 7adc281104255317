/**
 * A timeline as a self-contained SVG, like the paper's figures 4 to 6: a row for each node, a box for each task, coloured
 * by layer, with its chapter. Waits are empty boxes with a dashed outline. Readable on light and dark pages.
 */
import { type Span, type Timeline, fromItsBeginning, makespanOf, summarise } from '../schedule/timeline.js';
import { boundReached, figure, percent, seconds, ticks } from './gantt-axis.js';
import { harmless } from './harmless.js';
import { type Box, boxesOf, colourOf, layerName, layersOf, taskName } from './gantt-boxes.js';

export interface SvgGanttOptions {
  readonly title?: string;
  /** Seconds: the shortest makespan the schedule allows, drawn as a line. */
  readonly bound?: number;
  /** Width in pixels; default 960. The drawing scales to the page. */
  readonly width?: number;
}

const row = { height: 26, gap: 8, transfers: 4 };
const margin = { left: 64, right: 64, top: 44 };
/** More boxes than this go without tooltips, to keep the file small. */
const mostTooltips = 4000;

/** Plain colours first, for viewers that know no media queries; then those of dark pages. */
const style = `
svg { font: 12px system-ui, sans-serif }
text { fill: #1b1b1b } .quiet { fill: #606060 } .page { fill: #ffffff }
.title { font-size: 15px; font-weight: 600 }
.track, .tick { stroke: #d5d5d5; fill: none }
.wait { stroke: #8a8a8a; fill: none; stroke-dasharray: 3 2 }
.box { stroke: #1b1b1b; stroke-width: 0.5 } .pass { fill: #ffffff; fill-opacity: 0.5 }
.chapter { fill: #1b1b1b; font-size: 11px; text-anchor: middle }
.fetch { fill: #1b1b1b } .publish { fill: #8a8a8a }
.bound { stroke: #b00020; stroke-width: 1.5; stroke-dasharray: 6 3 } .boundtext { fill: #b00020 }
@media (prefers-color-scheme: dark) {
text, .fetch { fill: #ececec } .quiet { fill: #a3a3a3 } .page { fill: #17181a }
.track, .tick { stroke: #444444 }
.chapter { fill: #1b1b1b } .bound { stroke: #ff8a80 } .boundtext { fill: #ff8a80 }
}`;

/** Places in the drawing, in pixels. */
interface Layout {
  readonly width: number;
  readonly x: (time: number) => number;
  readonly y: (node: number) => number;
  readonly bottom: number;
  readonly tooltips: boolean;
}

export function ganttSvg(recorded: Timeline, options: SvgGanttOptions = {}): string {
  const timeline = fromItsBeginning(recorded);
  const width = Math.max(320, options.width ?? 960);
  const makespan = makespanOf(timeline);
  const end = Math.max(makespan, options.bound ?? 0) || 1;
  const boxes = boxesOf(timeline);
  const layout: Layout = {
    width,
    x: (time) => margin.left + (time / end) * (width - margin.left - margin.right),
    y: (node) => margin.top + node * (row.height + row.gap),
    bottom: margin.top + timeline.nodes * (row.height + row.gap),
    tooltips: boxes.length <= mostTooltips,
  };
  const legend = legendOf(timeline, layout);
  const height = legend.bottom + 12;
  const title = options.title ?? 'Schedule';
  const summary = summaryOf(timeline, options.bound);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img" aria-labelledby="gantt-title gantt-summary">`,
    `<title id="gantt-title">${escapeXml(title)}</title><desc id="gantt-summary">${escapeXml(summary)}</desc>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="100%" height="100%"/>`,
    `<text class="title" x="${margin.left}" y="18">${escapeXml(title)}</text>`,
    `<text class="quiet" x="${margin.left}" y="35">${escapeXml(summary)}</text>`,
    ...axis(layout, end),
    ...rows(timeline, layout),
    ...timeline.spans.filter((span) => span.phase === 'wait').flatMap((span) => wait(span, layout)),
    ...boxes.map((box) => drawBox(box, layout)),
    ...timeline.spans.flatMap((span) => transfer(span, layout)),
    ...(options.bound === undefined ? [] : boundLine(options.bound, layout)),
    ...legend.lines,
    '</svg>',
    '',
  ].join('\n');
}

function axis(layout: Layout, end: number): string[] {
  const places = Math.max(2, Math.floor((layout.width - margin.left - margin.right) / 60));
  return ticks(0, end, places).flatMap((tick) => [
    `<line class="tick" x1="${px(layout.x(tick))}" x2="${px(layout.x(tick))}" y1="${margin.top - 4}" y2="${px(layout.bottom)}"/>`,
    `<text class="quiet" text-anchor="middle" x="${px(layout.x(tick))}" y="${px(layout.bottom + 14)}">${figure(tick)} s</text>`,
  ]);
}

function rows(timeline: Timeline, layout: Layout): string[] {
  const { makespan, nodes } = summarise(timeline);
  return nodes.flatMap(({ node, busy }) => {
    const middle = px(layout.y(node) + row.height / 2 + 4);
    const share = percent(makespan > 0 ? busy / makespan : 0);
    return [
      `<text text-anchor="end" x="${margin.left - 8}" y="${middle}">node ${node + 1}</text>`,
      `<line class="track" x1="${margin.left}" x2="${px(layout.width - margin.right)}" y1="${px(layout.y(node) + row.height)}" y2="${px(layout.y(node) + row.height)}"/>`,
      `<text class="quiet" x="${px(layout.width - margin.right + 8)}" y="${middle}">${share}</text>`,
    ];
  });
}

function drawBox(box: Box, layout: Layout): string {
  const left = layout.x(box.start);
  const width = layout.x(box.end) - left;
  const top = layout.y(box.node);
  const rect = (kind: string, start: number, end: number, fill: string): string =>
    `<rect class="${kind}" x="${px(layout.x(start))}" y="${px(top)}" width="${px(layout.x(end) - layout.x(start))}" height="${row.height - row.transfers}"${fill}/>`;
  const label = String(box.task.chapter + 1);
  const parts = [rect('box', box.start, box.end, ` fill="${colourOf(box.task.layer).css}"`)];
  for (const { phase, start, end } of box.parts) if (phase === 'pass') parts.push(rect('pass', start, end, ''));
  if (width > 7 * label.length + 3)
    parts.push(`<text class="chapter" x="${px(left + width / 2)}" y="${px(top + 15)}">${label}</text>`);
  if (layout.tooltips) parts.push(tooltip(`${taskName(box.task)} on node ${box.node + 1}`, box));
  return `<g>${parts.join('')}</g>`;
}

function wait(span: Span, layout: Layout): string[] {
  const width = layout.x(span.end) - layout.x(span.start);
  if (width < 1.5) return [];
  const what = span.waitedFor === undefined ? 'waits' : `waits for ${taskName(span.waitedFor)}`;
  return [
    `<rect class="wait" x="${px(layout.x(span.start) + 0.5)}" y="${px(layout.y(span.node) + 0.5)}" width="${px(width - 1)}" height="${row.height - row.transfers - 1}">${layout.tooltips ? tooltip(`node ${span.node + 1} ${what}`, span) : ''}</rect>`,
  ];
}

/** A thin bar below the boxes for what is being fetched or published meanwhile. */
function transfer(span: Span, layout: Layout): string[] {
  const { phase, node, start, end } = span;
  if ((phase !== 'fetch' && phase !== 'publish') || layout.x(end) - layout.x(start) < 0.25) return [];
  const half = row.transfers / 2;
  const top = layout.y(node) + row.height - row.transfers + (phase === 'publish' ? half : 0);
  return [
    `<rect class="${phase}" x="${px(layout.x(start))}" y="${px(top)}" width="${px(layout.x(end) - layout.x(start))}" height="${half}"/>`,
  ];
}

function boundLine(bound: number, layout: Layout): string[] {
  const x = px(layout.x(bound));
  return [
    `<line class="bound" x1="${x}" x2="${x}" y1="${margin.top - 8}" y2="${px(layout.bottom + 18)}"/>`,
    `<text class="boundtext" text-anchor="end" x="${px(layout.x(bound) - 4)}" y="${px(layout.bottom + 30)}">bound ${escapeXml(seconds(bound))}</text>`,
  ];
}

function legendOf(timeline: Timeline, layout: Layout): { readonly lines: string[]; readonly bottom: number } {
  const phases = new Set(timeline.spans.map((span) => span.phase));
  const entries = layersOf(timeline).map((layer) => ({
    kind: 'box',
    fill: colourOf(layer).css,
    text: layerName(layer),
  }));
  if (phases.has('pass')) entries.push({ kind: 'pass', fill: '', text: 'passing the data on (paler)' });
  if (phases.has('wait')) entries.push({ kind: 'wait', fill: '', text: 'waits' });
  if (phases.has('fetch')) entries.push({ kind: 'fetch', fill: '', text: 'fetches' });
  if (phases.has('publish')) entries.push({ kind: 'publish', fill: '', text: 'publishes' });
  const lines: string[] = [];
  let x = margin.left;
  let y = layout.bottom + 46;
  for (const { kind, fill, text } of entries) {
    const width = 36 + 6.4 * text.length;
    if (x > margin.left && x + width > layout.width - 8) {
      x = margin.left;
      y += 20;
    }
    const bar = kind === 'fetch' || kind === 'publish';
    const shape = `x="${px(x)}" y="${px(bar ? y - 5 : y - 10)}" width="14" height="${bar ? 3 : 12}"`;
    const drawn =
      kind === 'pass'
        ? `<rect class="box" fill="#909090" ${shape}/><rect class="pass" ${shape}/>`
        : `<rect class="${kind}"${fill === '' ? '' : ` fill="${fill}"`} ${shape}/>`;
    lines.push(`${drawn}<text x="${px(x + 20)}" y="${px(y)}">${escapeXml(text)}</text>`);
    x += width;
  }
  return { lines, bottom: y };
}

function summaryOf(timeline: Timeline, bound: number | undefined): string {
  const { makespan, utilisation } = summarise(timeline);
  const count = timeline.nodes === 1 ? '1 node' : `${timeline.nodes} nodes`;
  const reached = bound === undefined ? '' : ` · ${boundReached(bound, makespan)}`;
  return `${seconds(makespan)} on ${count} · ${percent(utilisation)} busy${reached} · the number in a box is its chapter`;
}

function tooltip(text: string, { start, end }: { readonly start: number; readonly end: number }): string {
  return `<title>${escapeXml(`${text}, ${seconds(start)} – ${seconds(end)}`)}</title>`;
}

/** Pixels to two decimals. */
function px(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export function escapeXml(text: string): string {
  return harmless(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
