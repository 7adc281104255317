/** What the tab does: its layers and chapters, its pace, what it moved and contributed; and the ways to pause and leave. */
import { bytes, count, percent } from '../../src/report/units.js';
import { h, say, styled, sync } from '../dom.js';
import { layerName } from '../names.js';
import { card } from '../section.js';
import type { Doing, Status, TabSession } from './session.js';

const DRAW_MS = 500;

const WORDS: Readonly<Record<Status, readonly [pill: string, sentence: string]>> = {
  joining: ['joining', 'Getting ready.'],
  working: ['taking part', 'This browser is a node of the run. You can close the tab at any time.'],
  lost: ['no connection', 'Trying to reach whoever shares the run; it goes on by itself.'],
  leaving: ['leaving', 'Giving tasks back.'],
  paused: ['paused', 'It goes on by itself'],
  left: ['left', 'This browser takes no part now. Its tasks went back to the others.'],
  finished: ['finished', 'The run is finished. Thank you; you can close this tab.'],
  stopped: ['stopped', 'The run was stopped. You can close this tab.'],
  failed: ['cannot go on', ''],
};

/** @param again called when the user wants to choose again how to take part */
export function work(session: TabSession, again: () => void): { readonly element: HTMLElement } {
  const { run } = session.shared.record;
  const status = h('span', { class: 'status', role: 'status' });
  const sentence = h('p', { class: 'about', 'aria-live': 'polite' });
  const bar = h('div', {
    class: 'bar',
    role: 'progressbar',
    'aria-label': 'dataset loaded',
    'aria-valuemin': 0,
    'aria-valuemax': 100,
  });
  const filled = h('div', { class: 'filled' });
  bar.append(filled);
  const tiles = h('dl', { class: 'tiles' });
  const toggle = h('button', { type: 'button', class: 'main' });
  toggle.addEventListener('click', () => (canStart(session) ? session.start() : session.leave()));
  const other = h('button', { type: 'button' }, 'Choose again');
  other.addEventListener('click', () => {
    clearInterval(drawing);
    again();
  });
  const log = h('ol', { class: 'lines', role: 'log', 'aria-label': 'What happened', tabindex: 0 });
  const element = h(
    'div',
    {},
    h(
      'header',
      { class: 'overview' },
      h('div', { class: 'title' }, h('h1', {}, run), status),
      sentence,
      bar,
      h('div', { class: 'controls' }, toggle, other),
      tiles,
    ),
    card('log', 'What happened', 'What this browser did, and whatever kept it from working.', log),
  );
  const draw = (): void => {
    const [pill, text] = WORDS[session.status];
    say(status, pill);
    status.dataset['status'] = STYLES[session.status];
    say(sentence, sentenceOf(session, text));
    sentence.classList.toggle('bad', session.status === 'failed');
    const { loading } = session;
    bar.hidden = !loading;
    if (loading) {
      const share = loading.bytes / loading.of;
      bar.setAttribute('aria-valuenow', String(Math.round(100 * share)));
      styled(filled, 'width', `${100 * share}%`);
    }
    const over = session.status === 'finished' || session.status === 'stopped';
    toggle.hidden = over;
    other.hidden = !canStart(session);
    toggle.disabled = session.status === 'leaving';
    say(toggle, canStart(session) ? 'Join again' : 'Leave the run');
    sync(tiles, ...tilesOf(session));
    sync(log, ...session.lines.map((line) => h('li', {}, line)));
  };
  let due: number | undefined;
  session.follow(() => {
    due ??= window.setTimeout(() => {
      due = undefined;
      draw();
    }, 50);
  });
  // The rate falls by itself.
  const drawing = setInterval(draw, DRAW_MS);
  draw();
  return { element };
}

/** Looks of the status, as those of a run. */
const STYLES: Readonly<Record<Status, string>> = {
  joining: 'waiting',
  working: 'training',
  lost: 'interrupted',
  leaving: 'interrupted',
  paused: 'interrupted',
  left: 'interrupted',
  finished: 'finished',
  stopped: 'interrupted',
  failed: 'failed',
};

function canStart({ status }: TabSession): boolean {
  return status === 'left' || status === 'failed';
}

function sentenceOf({ status, why, loading }: TabSession, text: string): string {
  if (status === 'joining' && loading) return `Loading the dataset: ${bytes(loading.bytes)} of ${bytes(loading.of)}.`;
  if (status === 'paused') return `${text} once ${PAUSE_ENDS[why] ?? 'it can'}.`;
  if (status === 'lost') return `${text} (${why})`;
  if (status === 'left' && why !== '') return why;
  return status === 'failed' ? `This browser cannot go on: ${why}` : text;
}

const PAUSE_ENDS: Readonly<Record<string, string>> = {
  'this tab is in the background': 'this tab is in the foreground',
  'the computer runs on battery': 'the computer is plugged in',
};

function tilesOf(session: TabSession): HTMLElement[] {
  const doing = [...session.doing.entries()].toSorted(([a], [b]) => a - b);
  return [
    tile(
      'Now',
      doing.length > 0 ? doing.map(([, each]) => layerOf(each)).join(', ') : '–',
      doing.map(([, each]) => chapterOf(each)).join('; '),
    ),
    tile('Pace', `${count(session.rate)}/s`, 'samples trained in a layer'),
    tile('Contributed', count(session.tasks), `tasks, ${count(session.samples)} samples`),
    tile('Received', bytes(session.received), 'layers of others'),
    tile('Sent', bytes(session.sent), 'layers trained here'),
    tile(
      'Kernels',
      session.kernels || '–',
      `${session.choice.workers} ${session.choice.workers === 1 ? 'core' : 'cores'}`,
    ),
  ];
}

function layerOf({ task }: Doing): string {
  return layerName(task.layer);
}

function chapterOf({ task, share }: Doing): string {
  return `chapter ${task.chapter + 1}, ${percent(share, 0)}`;
}

function tile(term: string, value: string, note: string): HTMLElement {
  return h(
    'div',
    { class: 'tile' },
    h('dt', {}, term),
    h('dd', { class: 'value' }, value),
    h('dd', { class: 'note' }, note),
  );
}
