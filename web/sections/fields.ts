/** The first layer's receptive fields, or the windows of its channels, as images. */
import { imageSize } from '../../src/data/dataset.js';
import { h, put } from '../dom.js';
import { bytesOf, image, weights } from '../images.js';
import { card, type Section } from '../section.js';

export function fields(): Section {
  const grid = h('div', { class: 'images fields' });
  const when = h('p', { class: 'when' });
  let shown: unknown;
  const element = card(
    'fields',
    'What the first layer looks at',
    'Weights from the image to some units of layer 1, one picture a unit; of a convolution its windows, one a channel: orange raises the unit, blue lowers it, white leaves it. Colour images have their own channels.',
    when,
    grid,
  );
  return {
    element,
    update(view) {
      const look = view.looks.findLast(({ analysis }) => analysis.receptiveFields);
      const found = look?.analysis.receptiveFields;
      element.hidden = !found;
      if (!look || !found || look === shown) return;
      shown = look;
      const { shape, units } = found;
      const bytes = bytesOf(found.weights);
      const size = imageSize(shape);
      const all = found.channels ?? look.analysis.layers[0]?.units ?? units.length;
      const one = found.channels === undefined ? 'unit' : 'channel';
      put(
        when,
        `After chapter ${look.chapter + 1}: ${units.length} of ${all} ${one}s, each scaled to its own largest weight.`,
      );
      put(grid, ...units.map((unit, i) => image(shape, `${one} ${unit + 1}`, weights(bytes, i * size, shape))));
    },
  };
}
