/** The page of one run: all sections, and links to them. */
import type { RunView } from '../src/page/run-view.js';
import { h } from './dom.js';
import type { Section } from './section.js';
import { confusion } from './sections/confusion.js';
import { curves } from './sections/curves.js';
import { fields } from './sections/fields.js';
import { gantt } from './sections/gantt.js';
import { goodness } from './sections/goodness.js';
import { maps } from './sections/maps.js';
import { audits } from './sections/audits.js';
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
  ['maps', 'Maps'],
  ['errors', 'Errors'],
  ['nodes', 'Nodes'],
  ['spec', 'Spec'],
] as const;

export interface RunPage {
  readonly element: HTMLElement;
  /** `inView`: only what can be seen; the rest follows when it is scrolled to, or with the next call without. */
  show(view: RunView, inView?: boolean): void;
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
    maps(),
    confusion(),
    nodes(),
    audits(),
    spec(),
  ];
  const [head, ...sections] = parts.map((part) => part.element);
  const sectionOf = (name: string): HTMLElement | undefined => sections.find((section) => section.id === name);
  const links = LINKS.map(([to, text]) => [to, h('a', { href: `#${to}` }, text)] as const);
  const element = h(
    'div',
    { class: 'run' },
    head,
    h('nav', { class: 'links', 'aria-label': 'Parts of the page' }, ...links.map(([, link]) => link)),
    ...sections,
  );
  let shown: RunView | undefined;
  const seen = new Set<Element>();
  const behind = new Set<Section>();
  const update = (part: Section, view: RunView): void => {
    behind.delete(part);
    part.update(view);
  };
  // A little more than the window, so that what is scrolled to is there already.
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) seen.add(target);
        else seen.delete(target);
        const part = parts.find((one) => one.element === target);
        if (isIntersecting && shown && part && behind.has(part)) update(part, shown);
      }
    },
    { rootMargin: '100px' },
  );
  for (const part of parts) observer.observe(part.element);
  // A hidden part may have something to show now; one with the focus is being read, wherever it is.
  const watched = ({ element: place }: Section): boolean =>
    seen.has(place) || place.hidden !== false || place.contains(document.activeElement);
  // One node has no pipeline to speak of: how it learns comes first.
  let pipelineFirst = true;
  const arrange = (first: boolean): void => {
    if (first === pipelineFirst) return;
    pipelineFirst = first;
    for (const [one, other] of [
      [sectionOf('pipeline'), sectionOf('learning')],
      [links[0]?.[1], links[1]?.[1]],
    ])
      if (first) other?.before(one as Element);
      else other?.after(one as Element);
  };
  return {
    element,
    show(view, inView = false) {
      shown = view;
      arrange((view.started?.execution.nodes ?? 2) > 1);
      for (const part of parts)
        if (!inView || watched(part)) update(part, view);
        else behind.add(part);
      for (const [to, link] of links) link.hidden = sections.find((section) => section.id === to)?.hidden ?? true;
    },
    redraw: () => {
      for (const part of parts) part.redraw?.();
    },
  };
}
