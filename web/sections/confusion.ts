/** What is taken for what: the confusion matrix, and the images that the network is most wrong about. */
import type { RunView } from '../../src/page/run-view.js';
import { imageSize } from '../../src/data/dataset.js';
import { isMatrix, mistakesIn, type Confusion } from '../../src/model/confusion.js';
import { count, figure, percent } from '../../src/report/units.js';
import { h, put, styled } from '../dom.js';
import { bytesOf, image, photo } from '../images.js';
import { card, type Section } from '../section.js';

export function confusion(): Section {
  const matrix = h('div', {});
  const worst = h('div', {});
  let shown = '';
  const element = card(
    'errors',
    'Errors',
    'Rows are true classes, columns what the network predicted, in numbers of held-out images; blue is right, and orange is wrong: the stronger, the more often, beside the most frequent mistake.',
    matrix,
    worst,
  );
  return {
    element,
    update(view) {
      const { result, started } = view;
      const look = view.looks.findLast(({ analysis }) => analysis.confused);
      const key = `${view.name} ${look?.chapter} ${look?.at} ${result?.modelDigest}`;
      element.hidden = !result && !look;
      if (key === shown) return;
      shown = key;
      const classes = started?.dataset.classes ?? [];
      put(
        matrix,
        result
          ? matrixOf(result.confusion, classes)
          : h('p', { class: 'when' }, 'The matrix comes with the evaluation at the end of the run.'),
      );
      put(worst, ...worstOf(look, classes));
    },
  };
}

/** Classes beyond this do not fit side by side. */
const MOST_CLASSES = 20;

function matrixOf(found: Confusion, classes: readonly string[]): HTMLElement {
  const name = (i: number): string => classes[i] ?? String(i);
  if (!isMatrix(found) || found.length > MOST_CLASSES) return pairs(found, name);
  const most = Math.max(1, ...found.flatMap((row, truth) => row.filter((_, predicted) => predicted !== truth)));
  const long = found.some((_, i) => name(i).length > 3);
  const rows = found.map((row, truth) => {
    const all = row.reduce((sum, n) => sum + n, 0);
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, name(truth)),
      ...row.map((n, predicted) => {
        const share = all > 0 ? n / all : 0;
        const title = `${name(truth)} taken for ${name(predicted)}: ${count(n)} of ${count(all)}`;
        const cell = h('td', { class: truth === predicted ? 'right' : 'wrong', title }, n === 0 ? '·' : count(n));
        // Errors are rare: beside the right ones they would all look alike. What is there at all has a colour that can be told.
        const strength = n === 0 ? 0 : truth === predicted ? 0.15 + 0.5 * share ** 3 : 0.1 + 0.6 * (n / most);
        return styled(cell, '--strength', `${Math.round(100 * strength)}%`);
      }),
      h('td', { class: 'share' }, all > 0 ? percent((row[truth] ?? 0) / all, 1) : '–'),
    );
  });
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Confusion matrix' },
    h(
      'table',
      { class: long ? 'matrix long' : 'matrix' },
      h('caption', { class: 'hidden' }, 'Confusion matrix: rows are true classes, columns predicted ones'),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'true \\ predicted'),
          ...found.map((_, i) => h('th', { scope: 'col', class: 'class' }, h('span', {}, name(i)))),
          h('th', { scope: 'col' }, 'right'),
        ),
      ),
      h('tbody', {}, ...rows),
    ),
  );
}

function pairs(found: Confusion, name: (i: number) => string): HTMLElement {
  const list = mistakesIn(found).slice(0, 20);
  return h(
    'ul',
    { class: 'facts' },
    ...list.map(({ truth, predicted, n }) => h('li', {}, `${name(truth)} taken for ${name(predicted)}: ${count(n)}`)),
  );
}

function worstOf(look: RunView['looks'][number] | undefined, classes: readonly string[]): Node[] {
  const confused = look?.analysis.confused;
  if (!look || !confused || confused.samples.length === 0) return [];
  const { shape, samples } = confused;
  const bytes = bytesOf(confused.images);
  const size = imageSize(shape);
  const name = (i: number): string => classes[i] ?? String(i);
  return [
    h('h3', {}, 'Worst confused'),
    h(
      'p',
      { class: 'explain' },
      `Of ${count(look.analysis.samples)} held-out images, after chapter ${look.chapter + 1}, those for which the wrong class won by the most. Below each: the true class, and what it was taken for.`,
    ),
    h(
      'div',
      { class: 'images confused' },
      ...samples.map(({ sample, truth, predicted, margin }, i) => {
        const label = `image ${sample}: ${name(truth)}, taken for ${name(predicted)} by a margin of ${figure(margin)}`;
        return h(
          'figure',
          {},
          image(shape, label, photo(bytes, i * size, shape)),
          h('figcaption', { 'aria-hidden': 'true' }, `${name(truth)} → `, h('b', {}, name(predicted))),
        );
      }),
    ),
  ];
}
