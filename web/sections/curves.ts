/** How the network learns: loss, accuracy and goodness of each layer, by chapter or wall clock. */
import { lastChapter, type Look, type RunView, type TrainedTask } from '../../src/page/run-view.js';
import { count, figure, percent } from '../../src/report/units.js';
import type { TaskRef } from '../../src/schedule/timeline.js';
import { axisChoice, X_NAMES, type XAxis } from '../axis-choice.js';
import { chart, plain, share, type Line } from '../chart.js';
import { h, themeColour } from '../dom.js';
import { layerColour, layerName, layerOrder } from '../names.js';
import { card, type Section } from '../section.js';

export function curves(id: string): Section {
  let view: RunView | undefined;
  let seen = '';
  const axis = axisChoice(`axis-${id}`, () => {
    seen = '';
    if (view) update(view);
  });
  const charts = {
    accuracy: chart({
      title: 'Accuracy on held-out images',
      explanation:
        'Share predicted right by the network, and by each layer alone, on one small fixed sample; the ring is the evaluation at the end.',
      x: axis.text,
      y: (value) => percent(value, 1),
      tick: share,
    }),
    loss: chart({
      title: 'Loss',
      explanation: 'Mean loss of each layer over the samples of a chapter, while it trained.',
      x: axis.text,
      y: figure,
      tick: plain,
    }),
    correct: chart({
      title: 'Told right in training',
      explanation:
        'Share of training samples that a layer tells right by itself: more goodness for the positive than the negative one, or its head’s first choice.',
      x: axis.text,
      y: (value) => percent(value, 1),
      tick: share,
    }),
    goodness: chart({
      title: 'Goodness in training',
      explanation: 'Mean goodness of positive samples (solid) and negative samples (dashed) of each layer.',
      x: axis.text,
      y: figure,
      tick: plain,
    }),
  };
  const all = Object.values(charts);
  const element = card(
    'learning',
    'Learning',
    'Whether a layer still learns. Layers are trained one after the other in each chapter, by objectives of their own.',
    axis.element,
    h('div', { class: 'charts' }, ...all.map((each) => each.element)),
  );

  function update(next: RunView): void {
    const key = `${next.trained.length} ${next.looks.length} ${next.status} ${axis.value}`;
    if (next === view && key === seen) return;
    view = next;
    seen = key;
    element.hidden = next.trained.length === 0;
    const name = X_NAMES[axis.value];
    charts.accuracy.set(accuracyLines(next, axis.value), name);
    charts.loss.set(
      linesOf(next, axis.value, ({ loss }) => loss),
      name,
    );
    charts.correct.set(
      linesOf(next, axis.value, ({ correct }) => correct),
      name,
    );
    charts.goodness.set(goodnessLines(next, axis.value), name);
  }
  return {
    element,
    update,
    redraw: () => {
      for (const each of all) each.redraw();
    },
  };
}

/** A line for each layer. */
export function linesOf(view: RunView, axis: XAxis, value: (task: TrainedTask) => number): Line[] {
  const layers = [...new Set(view.trained.map(({ task }) => task.layer))].toSorted(layerOrder);
  return layers.map((layer) => ({
    name: layerName(layer),
    colour: layerColour(layer),
    points: pointsOf(view, layer, axis, value),
    dots: view.started !== undefined && view.started.spec.splits <= 20,
  }));
}

/** A chapter that was done twice counts once. */
export function pointsOf(
  view: RunView,
  layer: TaskRef['layer'],
  axis: XAxis,
  value: (task: TrainedTask) => number,
): [number, number][] {
  const byChapter = new Map<number, TrainedTask>();
  for (const task of view.trained) if (task.task.layer === layer) byChapter.set(task.task.chapter, task);
  return [...byChapter.values()]
    .map((task): [number, number] => [axis === 'chapter' ? task.task.chapter + 1 : task.end, value(task)])
    .toSorted((a, b) => a[0] - b[0]);
}

function goodnessLines(view: RunView, axis: XAxis): Line[] {
  const has = view.trained.filter(({ positive, negative }) => positive !== 0 || negative !== 0);
  const layers = [...new Set(has.map(({ task }) => task.layer))].toSorted(layerOrder);
  return layers.flatMap((layer) => [
    {
      name: `${layerName(layer)}, positive`,
      colour: layerColour(layer),
      points: pointsOf(view, layer, axis, ({ positive }) => positive),
    },
    {
      name: `${layerName(layer)}, negative`,
      colour: layerColour(layer),
      dashed: true,
      points: pointsOf(view, layer, axis, ({ negative }) => negative),
    },
  ]);
}

/** The looks on one sample throughout: those with as many images as the first. */
function comparableLooks(view: RunView): Look[] {
  return view.looks.filter(({ analysis }) => analysis.samples === view.looks[0]?.analysis.samples);
}

function placeOf({ chapter, at }: Look, axis: XAxis): number {
  return axis === 'chapter' ? chapter + 1 : at;
}

/** Accuracy of the whole network over chapters: as it was measured, or else looked at. */
export function networkAccuracy(view: RunView, axis: XAxis): [number, number][] {
  const { validations } = view;
  if (validations.length > 0)
    return validations.map(({ chapter, at, accuracy }) => [axis === 'chapter' ? chapter + 1 : at, accuracy]);
  return comparableLooks(view).map((look) => [placeOf(look, axis), look.analysis.accuracy]);
}

/** The evaluation at the end, a point. */
export function evaluation(view: RunView, axis: XAxis): [number, number][] {
  const { started, result } = view;
  if (!started || !result) return [];
  return [[axis === 'chapter' ? lastChapter(view) + 1 : view.now, result.testAccuracy]];
}

function accuracyLines(view: RunView, axis: XAxis): Line[] {
  const looks = comparableLooks(view);
  const layers = Math.max(0, ...looks.map(({ analysis }) => analysis.layers.length));
  const { validations } = view;
  const measured = validations[0];
  const own = Array.from({ length: measured?.layerAccuracy.length ?? layers }, (_, layer): Line => {
    const points = (measured ? [] : looks).flatMap((look): [number, number][] => {
      const accuracy = look.analysis.layers[layer]?.accuracy;
      return accuracy === undefined ? [] : [[placeOf(look, axis), accuracy]];
    });
    for (const { chapter, at, layerAccuracy } of validations)
      points.push([axis === 'chapter' ? chapter + 1 : at, layerAccuracy[layer] ?? Number.NaN]);
    return { name: `${layerName(layer)} alone`, colour: layerColour(layer), points, dots: true };
  });
  const ink = themeColour('ink');
  const sample = measured
    ? `network, on ${count(measured.samples)} ${measured.on} samples`
    : looks[0]
      ? `network, on ${count(looks[0].analysis.samples)} images`
      : 'network';
  const all = view.started ? `evaluation, on ${count(view.started.dataset.testSamples)} images` : 'evaluation';
  return [
    { name: sample, colour: ink, points: networkAccuracy(view, axis), dots: true, wide: true },
    ...own,
    { name: all, colour: themeColour('accent'), points: evaluation(view, axis), ring: true },
  ];
}
