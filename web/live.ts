/** Follows a run over server-sent events; comes back by itself when the server was away. */
import type { PageEvent } from '../src/page/page-event.js';
import { applyEvent, emptyView, type RunView } from '../src/page/run-view.js';
import { clock } from '../src/report/units.js';
import { h } from './dom.js';
import type { RunPage } from './run-page.js';

/** Between two drawings; drawing takes some milliseconds. */
const DRAW_EVERY_MS = 200;
/** Browsers try again by themselves, but not after every kind of failure. */
const AGAIN_MS = 1500;
const QUIET_MS = 20_000;

export function follow(page: RunPage, onView: (view: RunView) => void): HTMLElement {
  const link = h('p', { class: 'connection', role: 'status' });
  let view = emptyView();
  let drawn = 0;
  let timer: number | undefined;
  const draw = (): void => {
    timer = undefined;
    drawn = performance.now();
    page.show(view);
    onView(view);
  };
  const changed = (): void => {
    timer ??= window.setTimeout(draw, Math.max(0, drawn + DRAW_EVERY_MS - performance.now()));
  };
  const say = (text: string, bad = false): void => {
    link.textContent = text;
    link.hidden = text === '';
    link.classList.toggle('bad', bad);
  };

  function connect(): void {
    const source = new EventSource('events');
    source.addEventListener('open', () => say(''));
    source.addEventListener('reset', (message) => {
      view = emptyView();
      view.name = (JSON.parse((message as MessageEvent<string>).data) as { name: string }).name;
      changed();
    });
    source.addEventListener('events', (message) => {
      for (const event of JSON.parse((message as MessageEvent<string>).data) as PageEvent[]) applyEvent(view, event);
      say('');
      changed();
    });
    source.addEventListener('beat', (message) => {
      const { quietMs } = JSON.parse((message as MessageEvent<string>).data) as { quietMs: number };
      const going = view.status === 'training' || view.status === 'evaluating' || view.status === 'waiting';
      say(going && quietMs > QUIET_MS ? `nothing new for ${clock(quietMs / 1000)}: paused, stopped or killed?` : '');
    });
    source.addEventListener('error', () => {
      const over = view.status === 'finished' || view.status === 'interrupted';
      say(
        over ? 'The page’s server has ended; this is the run as it was.' : 'The page’s server is away; trying again …',
        !over,
      );
      if (source.readyState === EventSource.CLOSED) window.setTimeout(connect, AGAIN_MS);
    });
  }
  connect();
  return link;
}
