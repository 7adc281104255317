/** Feature maps of convolutions: what each layer makes of a few images. */
import { imageSize } from '../../src/data/dataset.js';
import type { FeatureMaps, LayerMaps } from '../../src/model/analysis/analysis.js';
import { h, put } from '../dom.js';
import { bytesOf, image, photo } from '../images.js';
import { layerName } from '../names.js';
import { card, type Section } from '../section.js';

export function maps(): Section {
  const when = h('p', { class: 'when' });
  const choice = h('select', { id: 'maps-image' });
  const place = h('div', {});
  let shown: unknown;
  let found: FeatureMaps | undefined;
  let classes: readonly string[] = [];
  const element = card(
    'maps',
    'Feature maps',
    'What each layer of convolutions makes of an image, one picture a channel: the brighter, the stronger its response there, beside the strongest one of the layer.',
    when,
    h('p', { class: 'choice' }, h('label', { for: 'maps-image' }, 'Image '), choice),
    place,
  );
  const nameOf = (i: number): string => {
    const { sample = 0, truth = 0 } = found?.samples[i] ?? {};
    return `image ${sample}: ${classes[truth] ?? String(truth)}`;
  };
  const draw = (): void => {
    if (!found) return;
    const at = Math.max(0, choice.selectedIndex);
    const bytes = bytesOf(found.images);
    const own = image(found.shape, nameOf(at), photo(bytes, at * imageSize(found.shape), found.shape));
    put(place, group('Image', nameOf(at), [own]), ...found.layers.map((layer) => layerGroup(layer, at)));
  };
  choice.addEventListener('change', draw);
  return {
    element,
    update(view) {
      const look = view.looks.findLast(({ analysis }) => analysis.featureMaps);
      element.hidden = !look;
      if (!look || look === shown) return;
      shown = look;
      found = look.analysis.featureMaps;
      classes = view.started?.dataset.classes ?? [];
      // The image that was chosen stays so: all looks of a run have the same.
      const before = Math.max(0, choice.selectedIndex);
      put(choice, ...(found?.samples ?? []).map((_, i) => h('option', { selected: i === before }, nameOf(i))));
      put(when, `After chapter ${look.chapter + 1}.`);
      draw();
    },
  };
}

function layerGroup({ layer, width, height, channels, of, maps: base64 }: LayerMaps, at: number): HTMLElement {
  const bytes = bytesOf(base64);
  const shape = { width, height, channels: 1 };
  const size = imageSize(shape);
  const name = layerName(layer);
  return group(
    name,
    `${channels.length} of ${of} channels, ${width} x ${height}`,
    channels.map((channel, i) =>
      image(shape, `${name}, channel ${channel + 1}`, photo(bytes, (at * channels.length + i) * size, shape)),
    ),
  );
}

function group(name: string, what: string, pictures: readonly HTMLElement[]): HTMLElement {
  return h(
    'div',
    { role: 'group', 'aria-label': `${name}: ${what}` },
    h('h3', {}, name, ' ', h('span', { class: 'aside' }, what)),
    h('div', { class: 'images maps' }, ...pictures),
  );
}
