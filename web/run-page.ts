/** The page of one run: all sections, and links to them. */
import type { RunView } from '../src/page/run-view.js';
import { h } from './dom.js';
import type { Section } from './section.js';
import { confusion } from './sections/confusion.js';
import { curves } from './sections/curves.js';
import { fields } from './sections/fields.js';
import { gantt } from './sections/gantt.js';
import { goodness } from './sections/goodness.js';
import { nodes } from './sections/nodes.js';
import { overview } from './sections/overview.js';
import { spec } from './sections/spec.js';
import { units } from './sections/units.js';

const LINKS = [
  ['pipeline', 'Pipeline'],
  ['learning', 'Learning'],
  ['goodness', 'Goodness'],
  ['units', 'Units'],
  ['fields', 'Weights'],
  ['errors', 'Errors'],
  ['nodes', 'Nodes'],
  ['spec', 'Spec'],
] as const;

export interface RunPage {
  readonly element: HTMLElement;
  show(view: RunView): void;
  redraw(): void;
}

export function runPage(id: string): RunPage {
  const parts: readonly Section[] = [
    overview(),
    gantt(),
    curves(id),
    goodness(),
    units(),
    fields(),
    confusion(),
    nodes(),
    spec(),
  ];
  const [head, ...sections] = parts.map((part) => part.element);
  const links = LINKS.map(([to, text]) => [to, h('a', { href: `#${to}` }, text)] as const);
  const element = h(
    'div',
    { class: 'run' },
    head,
    h('nav', { class: 'links', 'aria-label': 'Parts of the page' }, ...links.map(([, link]) => link)),
    ...sections,
  );
  return {
    element,
    show(view) {
      for (const part of parts) part.update(view);
      for (const [to, link] of links) link.hidden = sections.find((section) => section.id === to)?.hidden ?? true;
    },
    redraw: () => {
      for (const part of parts) part.redraw?.();
    },
  };
}
