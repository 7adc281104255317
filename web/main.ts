/** The page's beginning: a live run from its server, or the runs that a report carries. */
import type { PageEvent } from '../src/page/page-event.js';
import { viewOf, type RunView } from '../src/page/run-view.js';
import { h } from './dom.js';
import { follow } from './live.js';
import { runPage } from './run-page.js';
import { runsPage } from './runs/runs-page.js';
import { comparison, swatchOf } from './sections/compare.js';
import './style.css';

const root = document.getElementById('page') as HTMLElement;
const carried = document.getElementById('runs')?.textContent;
const footer = h('footer', {}, h('p', {}, 'pff: Pipeline Forward-Forward'));
let redraw: () => void;

if (root.dataset['kind'] === 'runs') redraw = many();
else if (carried === undefined || carried === null) redraw = live();
else {
  const views = (JSON.parse(carried) as PageEvent[][]).map((events) => viewOf(events));
  redraw = views.length === 1 ? single(views[0] as RunView) : several(views);
}

// Canvases have the colours and the width that they were drawn with.
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => redraw());
let width = window.innerWidth;
window.addEventListener('resize', () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  redraw();
});

function many(): () => void {
  const page = runsPage();
  root.append(h('main', {}, page.element), footer);
  return () => page.redraw();
}

function live(): () => void {
  const page = runPage('live');
  const connection = follow(page, (view) => {
    document.title = view.name ? `${view.name} · pff` : 'pff';
  });
  const back =
    root.dataset['kind'] === 'run-of-many' && h('p', { class: 'connection' }, h('a', { href: '../../' }, 'all runs'));
  root.append(...(back ? [back] : []), connection, h('main', {}, page.element), footer);
  return () => page.redraw();
}

function single(view: RunView): () => void {
  const page = runPage('report');
  document.title = `${view.name} · pff`;
  root.append(h('main', {}, page.element), footer);
  page.show(view);
  return () => page.redraw();
}

/** A tab for the comparison, and one for each run; a run's page is made when it is first opened. */
function several(views: readonly RunView[]): () => void {
  document.title = `${views.length} runs · pff`;
  const compared = comparison(views);
  const panels = [h('div', { id: 'panel-0' }, h('h1', {}, `${views.length} runs compared`), compared.element)];
  const draws: (() => void)[] = [() => compared.draw()];
  for (const [i, view] of views.entries()) {
    const panel = h('div', { id: `panel-${i + 1}` });
    panels.push(panel);
    let page: ReturnType<typeof runPage> | undefined;
    draws.push(() => {
      if (!page) {
        page = runPage(`run-${i}`);
        panel.append(page.element);
        page.show(view);
      } else page.redraw();
    });
  }
  const tabs = panels.map((panel, i) => {
    const name = i === 0 ? 'Comparison' : (views[i - 1] as RunView).name;
    const tab = h(
      'button',
      { type: 'button', role: 'tab', id: `tab-${i}`, 'aria-controls': panel.id },
      i > 0 && swatchOf(i - 1),
      name,
    );
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
    tab.addEventListener('click', () => choose(i));
    tab.addEventListener('keydown', (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: panels.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose((to + panels.length) % panels.length);
      tabs[(to + panels.length) % panels.length]?.focus();
    });
    return tab;
  });
  let chosen = 0;
  function choose(index: number): void {
    chosen = index;
    tabs.forEach((tab, i) => {
      tab.setAttribute('aria-selected', String(i === index));
      tab.tabIndex = i === index ? 0 : -1;
      (panels[i] as HTMLElement).hidden = i !== index;
    });
    // Only one run's page is in the document at a time, so that its parts' names are there once.
    panels.forEach((panel, i) => (i === index ? list.append(panel) : panel.remove()));
    draws[index]?.();
  }
  const list = h('main', {});
  root.append(h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Runs' }, ...tabs), list, footer);
  choose(0);
  return () => draws[chosen]?.();
}
