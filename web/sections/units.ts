/** The units of each layer: how many are dead, saturated and active, and what the layer can do alone. */
import { shownLook } from '../../src/page/run-view.js';
import { count, percent } from '../../src/report/units.js';
import { h, put, styled, table } from '../dom.js';
import { layerColour, layerName } from '../names.js';
import { card, type Section } from '../section.js';

export function units(): Section {
  const place = h('div', {});
  const when = h('p', { class: 'when' });
  let shown: unknown;
  const element = card(
    'units',
    'Layers and their units',
    'Dead units are 0 for every image and say nothing; saturated ones are above 0 for every image, so that the layer is linear in them. Accuracy alone is what the layer predicts by itself.',
    when,
    place,
  );
  return {
    element,
    update(view) {
      const look = shownLook(view);
      element.hidden = !look;
      if (!look || look === shown) return;
      shown = look;
      put(when, `After chapter ${look.chapter + 1}, on ${count(look.analysis.samples)} held-out images.`);
      const number = (text: string): { text: string; number: true } => ({ text, number: true });
      const rows = look.analysis.layers.map(({ units: all, dead, saturated, active, accuracy }, layer) => [
        h('span', {}, styled(h('span', { class: 'swatch' }), 'background', layerColour(layer)), layerName(layer)),
        count(all),
        meter(dead / all, `${count(dead)} (${percent(dead / all, 1)})`, 'bad'),
        meter(saturated / all, `${count(saturated)} (${percent(saturated / all, 1)})`, 'warn'),
        meter(active, percent(active, 1), 'good'),
        accuracy === undefined ? '–' : meter(accuracy, percent(accuracy, 1), 'good'),
      ]);
      const columns = [
        'layer',
        number('units'),
        number('dead'),
        number('saturated'),
        number('active at a time'),
        number('accuracy alone'),
      ];
      put(place, table('Layers and their units', columns, rows));
    },
  };
}

export function meter(share: number, text: string, kind: 'good' | 'warn' | 'bad'): HTMLElement {
  const bar = styled(
    h('span', { class: `meter ${kind}`, 'aria-hidden': 'true' }),
    '--share',
    `${100 * Math.min(1, share)}%`,
  );
  return h('span', { class: 'metered' }, h('span', {}, text), bar);
}
