/** The page of many runs: filter, group, pick, and compare any number of them in the same charts. */
import type { CurvePoint, RunsSummary, RunSummary } from '../../src/page/runs/run-summary.js';
import { exactClock, figure, percent } from '../../src/report/units.js';
import { chart, plain, share, type Line } from '../chart.js';
import { h, put, say } from '../dom.js';
import { runColour } from '../names.js';
import { card } from '../section.js';
import { differingFields, filtered, grouped, sorted, type SortBy } from './choose.js';
import { runsTable } from './runs-table.js';

const POLL_MS = 3000;
/** More columns of fields do not fit beside the rest. */
const MOST_FIELDS = 4;
/** Colours that are told apart; after them, lines are dashed. */
const COLOURS = 8;

const AXES = {
  chapter: 'chapter',
  share: 'share of the training',
  seconds: 'wall clock since the start (min:s)',
} as const;
type Axis = keyof typeof AXES;

export interface RunsPage {
  readonly element: HTMLElement;
  redraw(): void;
}

export function runsPage(): RunsPage {
  let runs: readonly RunSummary[] = [];
  let sortBy: SortBy = 'run';
  let descending = false;
  /** Runs that are not drawn; all others are, those that come later as well. */
  const unpicked = new Set<string>();
  const title = h('h1', {}, 'Runs');
  const counts = h('p', { class: 'explain', role: 'status' });
  const filter = h('input', { type: 'search', id: 'filter', placeholder: 'mnist batch=64 …', autocomplete: 'off' });
  const group = h('select', { id: 'group' });
  const axis = h(
    'select',
    { id: 'axis' },
    ...Object.entries(AXES).map(([value, name]) => h('option', { value }, name)),
  );
  const x = (value: number): string => {
    const by = axis.value as Axis;
    return by === 'seconds'
      ? exactClock(value)
      : by === 'share'
        ? percent(value, 0)
        : Number.isInteger(value)
          ? String(value)
          : '';
  };
  const charts = {
    accuracy: chart({
      title: 'Accuracy on held-out samples',
      explanation: 'Measured while each run went on; a point alone is its evaluation at the end.',
      x,
      y: (value) => percent(value, 2),
      tick: share,
      named: true,
    }),
    loss: chart({
      title: 'Loss in training',
      explanation: 'Mean over the samples of a chapter and over the layers.',
      x,
      y: figure,
      tick: plain,
      named: true,
    }),
  };
  const table = runsTable(
    (by) => {
      descending = JSON.stringify(by) === JSON.stringify(sortBy) ? !descending : by === 'accuracy' || by === 'changed';
      sortBy = by;
      draw();
    },
    (ids, picked) => {
      for (const id of ids)
        if (picked) unpicked.delete(id);
        else unpicked.add(id);
      draw();
    },
  );
  for (const element of [filter, group, axis]) element.addEventListener('input', () => draw());
  const label = (text: string, control: HTMLElement): HTMLElement =>
    h('label', { class: 'field' }, h('span', {}, text), control);
  const element = h(
    'div',
    { class: 'many' },
    h('header', {}, title, counts),
    h(
      'div',
      { class: 'tools', role: 'search', 'aria-label': 'Choose runs' },
      label('filter', filter),
      label('group by', group),
      label('along the bottom', axis),
    ),
    card(
      'curves',
      'Curves',
      'Runs with a tick in the table, each over the others.',
      h('div', { class: 'charts' }, charts.accuracy.element, charts.loss.element),
    ),
    card(
      'runs',
      'Runs',
      'A click on a heading sorts; a name opens the page of its run. Tags and notes come from pff tag.',
      table.element,
    ),
  );

  function draw(): void {
    const found = filtered(runs, filter.value);
    const differing = differingFields(runs);
    const choices = ['', 'tag', 'data', 'state', ...differing];
    if (choices.join() !== [...group.options].map(({ value }) => value).join()) {
      const before = group.value;
      put(group, ...choices.map((value) => h('option', { value }, value || 'nothing')));
      group.value = choices.includes(before) ? before : '';
    }
    const groups = grouped(sorted(found, sortBy, descending), group.value);
    // Colours are of the group where there is one, else of the run, and stay when others are picked.
    const places = new Map(runs.map(({ id }, i) => [id, i]));
    if (group.value !== '') groups.forEach((each, i) => each.runs.forEach(({ id }) => places.set(id, i)));
    const placeOf = (id: string): number => places.get(id) ?? 0;
    const drawn = groups.flatMap((each) => each.runs).filter(({ id }) => !unpicked.has(id));
    say(counts, `${runs.length} runs in the folder, ${found.length} shown, ${drawn.length} drawn`);
    table.show({
      groups,
      fields: differing.slice(0, MOST_FIELDS),
      sortBy,
      descending,
      picked: (id) => !unpicked.has(id),
      colour: (id) => runColour(placeOf(id)),
    });
    const by = axis.value as Axis;
    const lines = (points: (run: RunSummary) => readonly CurvePoint[]): Line[] =>
      drawn.map((run) => ({
        name: run.id,
        colour: runColour(placeOf(run.id)),
        dashed: Math.floor(placeOf(run.id) / COLOURS) % 2 === 1,
        points: points(run).map((point) => [placeAlong(run, point, by), point.value] as const),
      }));
    charts.accuracy.set(
      lines((run) => run.accuracies),
      AXES[by],
    );
    charts.loss.set(
      lines((run) => run.losses),
      AXES[by],
    );
  }

  follow(
    (summary) => {
      runs = summary.runs;
      say(title, summary.folder);
      document.title = `${summary.folder} · pff`;
      draw();
    },
    (text) => say(counts, text),
  );
  return {
    element,
    redraw: () => {
      for (const each of Object.values(charts)) each.redraw();
    },
  };
}

function placeAlong({ fields }: RunSummary, { chapter, seconds }: CurvePoint, by: Axis): number {
  if (by === 'seconds') return seconds;
  return by === 'chapter' ? chapter : chapter / Number(fields['splits'] ?? 1);
}

/** Asks for the runs now and then; the server says if nothing has changed. */
function follow(onChange: (summary: RunsSummary) => void, onTrouble: (text: string) => void): void {
  let etag = '';
  const ask = async (): Promise<void> => {
    try {
      const answer = await fetch('runs.json', { headers: etag === '' ? {} : { 'If-None-Match': etag } });
      if (answer.status === 200) {
        etag = answer.headers.get('etag') ?? '';
        onChange((await answer.json()) as RunsSummary);
      }
    } catch {
      onTrouble('The page’s server is away; trying again …');
      etag = '';
    }
    window.setTimeout(() => void ask(), POLL_MS);
  };
  void ask();
}
