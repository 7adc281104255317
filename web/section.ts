/** What a part of the page is: an element that follows the view. */
import type { RunView } from '../src/page/run-view.js';
import { h } from './dom.js';

export interface Section {
  readonly element: HTMLElement;
  /** Draws what has changed. Called often; cheap where nothing has. */
  update(view: RunView): void;
  /** Draws all again, for another theme or width. */
  redraw?(): void;
}

/** A titled part with a line that says what it shows. Hidden while it has nothing to show. */
export function card(id: string, title: string, explanation: string, ...body: readonly Node[]): HTMLElement {
  return h(
    'section',
    { id, class: 'card', 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, title),
    h('p', { class: 'explain' }, explanation),
    ...body,
  );
}
