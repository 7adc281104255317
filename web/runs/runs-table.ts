/** The table of runs: a row each, to be picked, sorted and opened. */
import type { RunSummary } from '../../src/page/runs/run-summary.js';
import { duration, percent } from '../../src/report/units.js';
import { h, put, styled } from '../dom.js';
import type { Group, SortBy } from './choose.js';

export interface TableState {
  readonly groups: readonly Group[];
  /** Fields that have columns of their own. */
  readonly fields: readonly string[];
  readonly sortBy: SortBy;
  readonly descending: boolean;
  readonly picked: (id: string) => boolean;
  readonly colour: (id: string) => string;
}

export interface RunsTable {
  readonly element: HTMLElement;
  show(state: TableState): void;
}

export function runsTable(
  onSort: (by: SortBy) => void,
  onPick: (ids: readonly string[], picked: boolean) => void,
): RunsTable {
  const head = h('tr', {});
  const body = h('tbody', {});
  const element = h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Runs' },
    h('table', { class: 'runs' }, h('caption', { class: 'hidden' }, 'Runs of the folder'), h('thead', {}, head), body),
  );

  function show(state: TableState): void {
    const { groups, fields, sortBy, descending, picked, colour } = state;
    const shown = groups.flatMap(({ runs }) => runs);
    const column = (name: string, by: SortBy, number = false): HTMLElement => {
      const is = JSON.stringify(by) === JSON.stringify(sortBy);
      const button = h(
        'button',
        { type: 'button' },
        name,
        is && h('span', { 'aria-hidden': 'true' }, descending ? ' ↓' : ' ↑'),
      );
      button.addEventListener('click', () => onSort(by));
      return h(
        'th',
        {
          scope: 'col',
          class: number ? 'number' : undefined,
          'aria-sort': is ? (descending ? 'descending' : 'ascending') : 'none',
        },
        button,
      );
    };
    const all = h('input', {
      type: 'checkbox',
      'aria-label': 'Draw all runs that are shown',
      checked: shown.length > 0 && shown.every(({ id }) => picked(id)),
    });
    all.indeterminate = !all.checked && shown.some(({ id }) => picked(id));
    all.addEventListener('change', () =>
      onPick(
        shown.map(({ id }) => id),
        all.checked,
      ),
    );
    const focus = focusedIn(element);
    put(
      head,
      h('th', { scope: 'col' }, all),
      column('run', 'run'),
      column('data', 'data'),
      ...fields.map((field) => column(field, { field })),
      h('th', { scope: 'col' }, 'tags'),
      column('accuracy', 'accuracy', true),
      column('time', 'time', true),
      column('changed', 'changed', true),
    );
    put(
      body,
      ...groups.flatMap((group) => [
        ...(group.name === '' ? [] : [groupRow(group, fields.length + 7)]),
        ...group.runs.map((run) => row(run, fields, picked(run.id), colour(run.id))),
      ]),
    );
    focus();
  }

  function row(run: RunSummary, fields: readonly string[], isPicked: boolean, colour: string): HTMLElement {
    const { id, dataset, tags, note, accuracy, measuredOn, trainSeconds, state, changed } = run;
    const box = h('input', { type: 'checkbox', 'aria-label': `Draw ${id}`, checked: isPicked });
    box.addEventListener('change', () => onPick([id], box.checked));
    const swatch = styled(h('span', { class: 'swatch' }), 'background', isPicked ? colour : 'transparent');
    const link = h('a', { href: `run/${encodeURIComponent(id)}/` }, id);
    const when = changed.slice(0, 16).replace('T', ' ');
    return h(
      'tr',
      {},
      h('td', { class: 'pick' }, box, swatch),
      h('th', { scope: 'row' }, link, note !== '' && h('div', { class: 'note' }, note)),
      h('td', {}, dataset),
      ...fields.map((field) => h('td', {}, h('code', {}, run.fields[field] ?? ''))),
      h('td', {}, ...tags.map((tag) => h('span', { class: 'tag' }, tag))),
      h(
        'td',
        { class: 'number' },
        accuracy === undefined ? state : percent(accuracy),
        measuredOn === 'validation' && h('div', { class: 'note' }, 'validation'),
      ),
      h('td', { class: 'number' }, trainSeconds === undefined ? '' : duration(trainSeconds)),
      h('td', { class: 'number' }, h('time', { datetime: changed }, when)),
    );
  }

  return { element, show };
}

function groupRow({ name, runs, mean }: Group, columns: number): HTMLElement {
  const text = `${name}: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}${mean === undefined ? '' : `, mean accuracy ${percent(mean)}`}`;
  return h('tr', { class: 'group' }, h('th', { scope: 'rowgroup', colspan: columns }, text));
}

/** Rows are made again: whoever was at one with the keyboard stays there. */
function focusedIn(element: HTMLElement): () => void {
  const { activeElement } = document;
  if (!activeElement || !element.contains(activeElement)) return () => {};
  const all = [...element.querySelectorAll('a, button, input')];
  const label = activeElement.getAttribute('aria-label') ?? activeElement.textContent;
  const place = all.indexOf(activeElement);
  return () => {
    const now = [...element.querySelectorAll<HTMLElement>('a, button, input')];
    const nameOf = (text: string | null): string => text?.replace(/ [↓↑]$/, '') ?? '';
    const same = now.find((each) => nameOf(each.getAttribute('aria-label') ?? each.textContent) === nameOf(label));
    (same ?? now[place])?.focus();
  };
}
