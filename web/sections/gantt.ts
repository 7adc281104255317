/** The pipeline: which node did what when. Zooms and scrolls; arrow keys walk from task to task. */
import { elapsed, utilisation, type RunView } from '../../src/page/run-view.js';
import { duration, bytes, percent } from '../../src/report/units.js';
import { isComputing, type Span, type TaskRef } from '../../src/schedule/timeline.js';
import { asTable, h, put, styled, sync, table } from '../dom.js';
import { layerColour, layerName, layerOrder } from '../names.js';
import { card, type Section } from '../section.js';
import { AXIS, drawGantt, TOP, timeOf, type Frame } from './gantt-draw.js';

const MOST_ROWS_IN_TABLE = 600;
const HINT = 'Point at a box, or walk with the arrow keys; + and − zoom, dragging moves.';

export function gantt(): Section {
  const canvas = h('canvas', { class: 'gantt', tabindex: 0, role: 'img', 'aria-describedby': 'pipeline-info' });
  const info = h('p', { id: 'pipeline-info', class: 'info', 'aria-live': 'polite' }, HINT);
  const legend = h('ul', { class: 'legend' });
  const faults = h('ul', { class: 'marks' });
  const button = (text: string, label: string, act: () => void): HTMLElement => {
    const made = h('button', { type: 'button', 'aria-label': label, title: label }, text);
    made.addEventListener('click', act);
    return made;
  };
  const controls = h(
    'div',
    { class: 'controls' },
    button('−', 'zoom out', () => zoom(2)),
    button('+', 'zoom in', () => zoom(0.5)),
    button('whole run', 'show the whole run', () => fit()),
  );
  const element = card(
    'pipeline',
    'Pipeline',
    'Each row is a node, over seconds since the start. A box is a layer in training (its number is the chapter), pale while data passes through it; a thin grey line is waiting, the strip below are outputs fetched and published.',
    h('div', { class: 'row' }, legend, controls),
    canvas,
    info,
    faults,
    asTable(() => tasksTable()),
  );

  let view: RunView | undefined;
  let rows: Span[][] = [];
  let drawn = 0;
  let legendOf = -1;
  /** What is in the drawing, so that nothing is painted again while nothing has come. */
  let content = '';
  /** What is shown, in seconds; the whole run while undefined. */
  let shown: { from: number; to: number } | undefined;
  let selected: Span | undefined;

  /** Nothing is drawn of the time in which the run waited for its first node. */
  const first = (): number => (view && Number.isFinite(view.begun) ? view.begun : 0);
  const limit = (): number | undefined => {
    const bound = view && boundOf(view);
    return bound === undefined ? undefined : first() + bound;
  };
  const last = (): number => first() + 1.015 * (Math.max(view?.now ?? 0, limit() ?? 0, first() + 1e-3) - first());
  function frame(): Frame {
    const width = canvas.clientWidth;
    const nodes = Math.max(1, view?.nodes.length ?? 1);
    const row = nodes <= 4 ? 34 : nodes <= 10 ? 26 : 20;
    const { from, to } = shown ?? { from: first(), to: last() };
    return { width, height: TOP + nodes * row + AXIS, left: width < 560 ? 18 : 56, row, from, to };
  }
  function draw(): void {
    const current = frame();
    if (!view || current.width === 0) return;
    content = contentOf(view);
    const scale = window.devicePixelRatio || 1;
    styled(canvas, 'height', `${current.height}px`);
    const [width, height] = [Math.round(current.width * scale), Math.round(current.height * scale)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext('2d');
    if (!context) return;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const end = view.trainSeconds === undefined ? undefined : view.now;
    drawGantt(context, current, { rows, marks: view.marks, bound: limit(), begun: first(), end, selected });
  }
  function show(from: number, to: number): void {
    const most = last() - first();
    const length = Math.min(most, Math.max(1e-3, to - from));
    const start = Math.min(Math.max(first(), from), last() - length);
    shown = length >= most ? undefined : { from: start, to: start + length };
    draw();
  }
  function zoom(factor: number, around?: number): void {
    const { from, to } = frame();
    const centre = around ?? (selected ? (selected.start + selected.end) / 2 : (from + to) / 2);
    show(centre - (centre - from) * factor, centre + (to - centre) * factor);
  }
  function fit(): void {
    shown = undefined;
    draw();
  }
  function select(span: Span | undefined): void {
    selected = span;
    put(info, span ? described(span) : HINT);
    const { from, to } = frame();
    if (span && (span.end < from || span.start > to)) show(span.start - (to - from) / 2, span.start + (to - from) / 2);
    else draw();
  }
  function at(event: MouseEvent): Span | undefined {
    const box = canvas.getBoundingClientRect();
    const current = frame();
    const seconds = timeOf(current, event.clientX - box.left);
    const row = rows[Math.floor((event.clientY - box.top - TOP) / current.row)] ?? [];
    const slack = (2 / (current.width - current.left)) * (current.to - current.from);
    const hits = row.filter(({ start, end }) => start - slack <= seconds && seconds <= end + slack);
    return hits.find(({ phase }) => isComputing(phase)) ?? hits[0];
  }

  let dragged: { x: number; from: number; to: number } | undefined;
  canvas.addEventListener('pointerdown', (event) => {
    if (shown) dragged = { x: event.clientX, ...shown };
  });
  window.addEventListener('pointerup', () => {
    dragged = undefined;
  });
  canvas.addEventListener('pointermove', (event) => {
    if (dragged) {
      const { width, left } = frame();
      const moved = ((event.clientX - dragged.x) / (width - left)) * (dragged.to - dragged.from);
      show(dragged.from - moved, dragged.to - moved);
    } else {
      const found = at(event);
      if (found !== selected) select(found);
    }
  });
  canvas.addEventListener('dblclick', (event) =>
    zoom(0.5, timeOf(frame(), event.clientX - canvas.getBoundingClientRect().left)),
  );
  canvas.addEventListener(
    'wheel',
    (event) => {
      // Without a key the wheel scrolls the page.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, timeOf(frame(), event.clientX - canvas.getBoundingClientRect().left));
    },
    { passive: false },
  );
  canvas.addEventListener('keydown', (event) => {
    const node = selected?.node ?? 0;
    const computing = (rows[node] ?? []).filter(({ phase }) => isComputing(phase));
    const index = selected ? computing.indexOf(selected) : -1;
    const other = (to: number): Span | undefined =>
      (rows[to] ?? []).find(({ phase, end }) => isComputing(phase) && end >= (selected?.start ?? 0));
    const actions: Record<string, () => void> = {
      ArrowRight: () => select(computing[Math.min(computing.length - 1, index + 1)]),
      ArrowLeft: () => select(computing[Math.max(0, index - 1)]),
      ArrowDown: () => select(other(Math.min(rows.length - 1, node + 1)) ?? selected),
      ArrowUp: () => select(other(Math.max(0, node - 1)) ?? selected),
      Home: () => select(computing[0]),
      End: () => select(computing.at(-1)),
      '+': () => zoom(0.5),
      '=': () => zoom(0.5),
      '-': () => zoom(2),
      '0': () => fit(),
    };
    const act = actions[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });

  function tasksTable(): Node {
    const found = new Map<string, { span: Span; end: number; busy: number; waited: number }>();
    for (const span of view?.spans ?? []) {
      if (span.phase === 'fetch' || span.phase === 'publish') continue;
      const key = `${span.node}:${span.task.chapter}:${span.task.layer}`;
      const entry = found.get(key) ?? { span, end: span.end, busy: 0, waited: 0 };
      entry.end = Math.max(entry.end, span.end);
      if (span.phase === 'wait') entry.waited += span.end - span.start;
      else entry.busy += span.end - span.start;
      found.set(key, entry);
    }
    const tasks = [...found.values()].toSorted((a, b) => a.span.start - b.span.start);
    const note = tasks.length > MOST_ROWS_IN_TABLE ? `, the first ${MOST_ROWS_IN_TABLE} of ${tasks.length}` : '';
    return table(
      `Tasks in order of their start${note}`,
      ['task', number('node'), number('start'), number('end'), number('computing'), number('waiting')],
      tasks
        .slice(0, MOST_ROWS_IN_TABLE)
        .map(({ span, end, busy, waited }) => [
          `chapter ${span.task.chapter + 1}, ${layerName(span.task.layer)}`,
          String(span.node + 1),
          `${span.start.toFixed(2)} s`,
          `${end.toFixed(2)} s`,
          duration(busy),
          duration(waited),
        ]),
    );
  }

  return {
    element,
    update(next) {
      if (next !== view) {
        rows = [];
        drawn = 0;
        legendOf = -1;
        content = '';
        shown = undefined;
        selected = undefined;
      }
      view = next;
      element.hidden = !view.started;
      const fresh = view.spans.slice(drawn);
      drawn = view.spans.length;
      while (rows.length < view.nodes.length) rows.push([]);
      for (const span of fresh) rows[span.node]?.push(span);
      if (contentOf(view) === content) return;
      for (const row of rows) row.sort((a, b) => a.start - b.start);
      const layers = new Set(view.spans.filter(({ phase }) => isComputing(phase)).map(({ task }) => task.layer));
      if (layers.size !== legendOf) {
        legendOf = layers.size;
        put(legend, ...[...layers].toSorted(layerOrder).map(legendEntry));
      }
      sync(faults, ...marksOf(view).map((text) => h('li', {}, text)));
      faults.hidden = faults.childElementCount === 0;
      canvas.setAttribute('aria-label', summaryOf(view));
      draw();
    },
    redraw: draw,
  };
}

function contentOf(view: RunView): string {
  const { spans, marks, nodes, trainSeconds } = view;
  return `${spans.length} ${marks.length} ${nodes.length} ${boundOf(view)} ${trainSeconds}`;
}

/** Of a large run, the result alone has it; a resumed one's is of its last part and stands nowhere in the drawing. */
function boundOf({ bound, result, offset }: RunView): number | undefined {
  return bound?.seconds ?? (offset > 0 ? undefined : result?.pipeline?.boundSeconds);
}

function number(text: string): { text: string; number: true } {
  return { text, number: true };
}

function legendEntry(layer: TaskRef['layer']): HTMLElement {
  return h('li', {}, styled(h('span', { class: 'swatch' }), 'background', layerColour(layer)), layerName(layer));
}

const VERBS = {
  wait: 'waits',
  fetch: 'fetches',
  pass: 'passes data on for',
  train: 'trains',
  labels: 'predicts',
  publish: 'publishes',
} as const;

function described({ node, task, phase, start, end, bytes: moved, waitedFor }: Span): string {
  const name = (ref: TaskRef): string => `chapter ${ref.chapter + 1}, ${layerName(ref.layer)}`;
  const what = phase === 'wait' && waitedFor ? `waits for ${name(waitedFor)}` : `${VERBS[phase]} ${name(task)}`;
  const size = moved > 0 ? `, ${bytes(moved)}` : '';
  return `node ${node + 1} ${what}: ${duration(end - start)}, from ${start.toFixed(2)} s to ${end.toFixed(2)} s${size}`;
}

function marksOf({ marks }: RunView): string[] {
  const shown = marks.slice(-12);
  const rest = marks.length - shown.length;
  return [
    ...(rest > 0 ? [`${rest} earlier events`] : []),
    ...shown.map(({ at, kind, text }) => `${kind === 'fault' ? '▼ ' : ''}${at.toFixed(1)} s: ${text}`),
  ];
}

function summaryOf(view: RunView): string {
  return `Timeline of ${view.nodes.length} nodes over ${duration(elapsed(view))}: ${percent(utilisation(view), 1)} of their time computing. Arrow keys walk through the tasks, plus and minus zoom, 0 shows all.`;
}
