/** Follows a run over server-sent events; comes back by itself when the server was away. */
import type { PageEvent } from '../src/page/page-event.js';
import { applyEvent, emptyView, type RunView } from '../src/page/run-view.js';
import { clock } from '../src/report/units.js';
import { h } from './dom.js';
import { Pace } from './pace.js';
import type { RunPage } from './run-page.js';

/** What is out of sight is drawn this often, for those who search the page or have it read to them. */
const DRAW_ALL_MS = 15_000;
/** How long a run that was opened comes in pieces. */
const CATCH_UP_MS = 2000;
/** Browsers try again by themselves, but not after every kind of failure. */
const AGAIN_MS = 1500;
const QUIET_MS = 20_000;

export function follow(page: RunPage, onView: (view: RunView) => void): HTMLElement {
  const link = h('p', { class: 'connection', role: 'status', hidden: true });
  let view = emptyView();
  let opened = -Infinity;
  /** When all parts were drawn, with which status, and whether only those in sight were since. */
  let drawnAll = -Infinity;
  let drawnStatus = view.status;
  let partly = false;
  const pace = new Pace(() => {
    const now = performance.now();
    partly = !isNews() && !isOver() && now - drawnAll < DRAW_ALL_MS;
    if (!partly) [drawnAll, drawnStatus] = [now, view.status];
    page.show(view, partly);
    onView(view);
  });
  const isOver = (): boolean => view.status === 'finished' || view.status === 'interrupted';
  /** A run that has just been opened, or goes over to another state, is not kept waiting for. */
  const isNews = (): boolean => view.status !== drawnStatus || performance.now() - opened < CATCH_UP_MS;
  let said = '';
  const say = (text: string, bad = false): void => {
    if (text === said) return;
    said = text;
    link.textContent = text;
    link.hidden = text === '';
    link.classList.toggle('bad', bad);
  };

  /** The last message that came, so that a new connection goes on from there. */
  let last = '';
  let current: EventSource | undefined;
  let again: number | undefined;

  function connect(): void {
    window.clearTimeout(again);
    current?.close();
    current = undefined;
    current = follows(new EventSource(last === '' ? 'events' : `events?since=${encodeURIComponent(last)}`));
  }

  function follows(source: EventSource): EventSource {
    source.addEventListener('open', () => say(''));
    source.addEventListener('reset', (message) => {
      view = emptyView();
      view.name = (JSON.parse((message as MessageEvent<string>).data) as { name: string }).name;
      opened = performance.now();
      pace.changed(true);
    });
    source.addEventListener('events', (message) => {
      last = (message as MessageEvent<string>).lastEventId;
      for (const event of JSON.parse((message as MessageEvent<string>).data) as PageEvent[]) applyEvent(view, event);
      say('');
      pace.changed(isNews());
      rest();
    });
    source.addEventListener('beat', (message) => {
      const { quietMs } = JSON.parse((message as MessageEvent<string>).data) as { quietMs: number };
      const going = view.status === 'training' || view.status === 'evaluating' || view.status === 'waiting';
      say(going && quietMs > QUIET_MS ? `nothing new for ${clock(quietMs / 1000)}: paused, stopped or killed?` : '');
      if (partly) pace.changed(false);
    });
    source.addEventListener('error', () => {
      say(
        isOver()
          ? 'The page’s server has ended; this is the run as it was.'
          : 'The page’s server is away; trying again …',
        !isOver(),
      );
      if (source.readyState === EventSource.CLOSED) again = window.setTimeout(connect, AGAIN_MS);
    });
    return source;
  }
  // Browsers open six connections to a server at most: where nothing more comes, a page that nobody looks at keeps none of them.
  const rest = (): void => {
    if (document.visibilityState === 'hidden' && isOver()) {
      current?.close();
      current = undefined;
    } else if (document.visibilityState === 'visible' && !current) connect();
  };
  document.addEventListener('visibilitychange', rest);
  connect();
  return link;
}
