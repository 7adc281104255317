/** Where positive and negative goodness part: two histograms for each layer. */
import type { GoodnessHistogram } from '../../src/model/analysis/analysis.js';
import { shownLook } from '../../src/page/run-view.js';
import { count, figure, percent } from '../../src/report/units.js';
import { asTable, h, put, svg, table } from '../dom.js';
import { layerName } from '../names.js';
import { card, type Section } from '../section.js';

export function goodness(): Section {
  const grid = h('div', { class: 'histograms' });
  const when = h('p', { class: 'when' });
  let shown: unknown;
  let found: readonly (GoodnessHistogram | undefined)[] = [];
  let threshold: number | undefined;
  const element = card(
    'goodness',
    'Goodness of positive and negative samples',
    'A layer has learned to tell them apart as far as the two do not overlap: positive ones should have much goodness, negative ones little, with θ between.',
    h(
      'ul',
      { class: 'legend' },
      h('li', {}, h('span', { class: 'swatch positive' }), 'positive: image with its true label'),
      h('li', {}, h('span', { class: 'swatch negative' }), 'negative: with a wrong label'),
    ),
    when,
    grid,
    asTable(() => binsTable(found)),
  );
  return {
    element,
    update(view) {
      const look = shownLook(view);
      element.hidden = !look?.analysis.layers.some((layer) => layer.goodness);
      if (!look || look === shown) return;
      shown = look;
      threshold = view.started?.spec.objective === 'goodness' ? view.started.spec.threshold : undefined;
      found = look.analysis.layers.map((layer) => layer.goodness);
      const kind = view.started?.spec.goodness ?? 'mean';
      const ours = kind === 'sum' || kind === 'mean';
      put(
        when,
        `After chapter ${look.chapter + 1}, ${count(look.analysis.samples)} held-out images; goodness is ${ours ? `the ${kind} of squared activations` : `the run’s own function, ${kind}`} (no unit).`,
      );
      put(grid, ...found.flatMap((histogram, layer) => (histogram ? [plot(histogram, layer, threshold)] : [])));
    },
  };
}

const WIDTH = 320;
const HEIGHT = 120;

function plot(histogram: GoodnessHistogram, layer: number, threshold: number | undefined): HTMLElement {
  const { from, to, positive, negative, overlap, positiveBelow, negativeAbove } = histogram;
  const most = Math.max(1, ...positive, ...negative);
  const x = (value: number): number => ((value - from) / (to - from)) * WIDTH;
  const area = (counts: readonly number[]): string => {
    const step = WIDTH / counts.length;
    const points = counts.map((n, i) => {
      const y = (HEIGHT * (1 - n / most)).toFixed(1);
      return `L${(i * step).toFixed(1)} ${y}L${((i + 1) * step).toFixed(1)} ${y}`;
    });
    return `M0 ${HEIGHT}${points.join('')}L${WIDTH} ${HEIGHT}Z`;
  };
  const sides =
    positiveBelow === undefined || negativeAbove === undefined
      ? []
      : [
          h('li', {}, h('b', {}, percent(positiveBelow, 1)), ' of positives at or below θ'),
          h('li', {}, h('b', {}, percent(negativeAbove, 1)), ' of negatives above θ'),
        ];
  const label = `${layerName(layer)}: histograms of positive and negative goodness from ${figure(from)} to ${figure(to)}; they overlap by ${percent(overlap, 1)}`;
  return h(
    'figure',
    { class: 'histogram' },
    h(
      'figcaption',
      {},
      h('h3', {}, layerName(layer)),
      h('span', { class: 'overlap' }, `overlap ${percent(overlap, 1)}`),
    ),
    svg(
      'svg',
      { viewBox: `0 -14 ${WIDTH} ${HEIGHT + 32}`, role: 'img', 'aria-label': label },
      svg('path', { class: 'negative', d: area(negative) }),
      svg('path', { class: 'positive', d: area(positive) }),
      svg('line', { class: 'base', x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }),
      threshold !== undefined &&
        svg('line', { class: 'theta', x1: x(threshold), x2: x(threshold), y1: -2, y2: HEIGHT }),
      threshold !== undefined &&
        svg(
          'text',
          { class: 'theta', x: Math.min(WIDTH - 40, x(threshold) + 4), y: -4 },
          `θ ${figure(threshold).replace(/\.?0+$/, '')}`,
        ),
      svg('text', { x: 0, y: HEIGHT + 15 }, '0'),
      svg('text', { x: WIDTH, y: HEIGHT + 15, 'text-anchor': 'end' }, `${figure(to)} and more`),
    ),
    h('ul', { class: 'facts' }, ...sides),
  );
}

function binsTable(found: readonly (GoodnessHistogram | undefined)[]): Node {
  const number = (text: string): { text: string; number: true } => ({ text, number: true });
  const rows = found.flatMap((histogram, layer) => {
    if (!histogram) return [];
    const step = (histogram.to - histogram.from) / histogram.positive.length;
    return histogram.positive.map((n, bin) => [
      layerName(layer),
      figure(histogram.from + bin * step),
      String(n),
      String(histogram.negative[bin] ?? 0),
    ]);
  });
  return table('Histograms', ['layer', number('goodness from'), number('positives'), number('negatives')], rows);
}
