/** Two to eight runs side by side: results, curves over each other, and how their specs differ. */
import { bytesMoved, trainingSeconds, utilisation, type RunView } from '../../src/page/run-view.js';
import { bytes, duration, figure, percent } from '../../src/report/units.js';
import { axisChoice, X_NAMES } from '../axis-choice.js';
import { chart, plain, share, type Line } from '../chart.js';
import { h, put, styled, table } from '../dom.js';
import { layerName, layerOrder, runColour } from '../names.js';
import { card } from '../section.js';
import { evaluation, networkAccuracy, pointsOf } from './curves.js';
import { valueText } from './spec.js';

export interface Comparison {
  readonly element: HTMLElement;
  draw(): void;
}

export function comparison(views: readonly RunView[]): Comparison {
  const axis = axisChoice('axis-compare', () => draw(false));
  const layers = [...new Set(views.flatMap(({ trained }) => trained.map(({ task }) => task.layer)))].toSorted(
    layerOrder,
  );
  const choice = h(
    'select',
    { id: 'compared-layer' },
    ...layers.map((layer, i) => h('option', { value: i }, layerName(layer))),
  );
  choice.addEventListener('change', () => draw(false));
  const charts = {
    accuracy: chart({
      title: 'Accuracy on held-out images',
      explanation:
        'Share predicted right by the whole network: a line where a run was looked into on a small sample, a ring for its evaluation at the end.',
      x: axis.text,
      y: (value) => percent(value, 1),
      tick: share,
    }),
    loss: chart({
      title: 'Loss of the layer',
      explanation: 'Mean over the samples of a chapter, while it trained.',
      x: axis.text,
      y: figure,
      tick: plain,
    }),
    correct: chart({
      title: 'Told right in training',
      explanation: 'Share of training samples that the layer tells right by itself.',
      x: axis.text,
      y: (value) => percent(value, 1),
      tick: share,
    }),
    gap: chart({
      title: 'Goodness gap',
      explanation: 'Mean goodness of positive samples less that of negative ones, in training.',
      x: axis.text,
      y: figure,
      tick: plain,
    }),
  };
  const resumed = views.some(({ offset }) => offset > 0);
  const element = h(
    'div',
    { class: 'comparison' },
    card(
      'results',
      'Results',
      `One row a run.${resumed ? ' Time, utilisation and bytes of a resumed run (†) are those of all its parts; what was lost when it stopped is not counted.' : ''}`,
      resultsTable(views),
    ),
    card(
      'curves',
      'Curves',
      'The runs over each other.',
      h('div', { class: 'row' }, axis.element, h('label', {}, 'layer ', choice)),
      h(
        'div',
        { class: 'charts' },
        charts.accuracy.element,
        charts.loss.element,
        charts.correct.element,
        charts.gap.element,
      ),
    ),
    card(
      'differences',
      'How their specs differ',
      'The fields of the specs, and the ways of running, in which the runs are not all the same.',
      differences(views),
    ),
  );
  function draw(again: boolean): void {
    const layer = layers[Number(choice.value) || 0] ?? 0;
    const lines = (points: (view: RunView) => [number, number][]): Line[] =>
      views.map((view, run) => ({ name: view.name, colour: runColour(run), points: points(view), dots: true }));
    const name = X_NAMES[axis.value];
    const looked = lines((view) => networkAccuracy(view, axis.value));
    const evaluated = lines((view) => evaluation(view, axis.value)).map((line): Line => ({
      ...line,
      name: `${line.name}, evaluation`,
      ring: true,
    }));
    charts.accuracy.set([...looked, ...evaluated], name);
    charts.loss.set(
      lines((view) => pointsOf(view, layer, axis.value, ({ loss }) => loss)),
      name,
    );
    charts.correct.set(
      lines((view) => pointsOf(view, layer, axis.value, ({ correct }) => correct)),
      name,
    );
    const gaps = lines((view) => pointsOf(view, layer, axis.value, ({ positive, negative }) => positive - negative));
    charts.gap.set(
      gaps.map((line): Line => ({ ...line, points: line.points.filter(([, gap]) => gap !== 0) })),
      name,
    );
    if (again) for (const each of Object.values(charts)) each.redraw();
  }
  return { element, draw: () => draw(true) };
}

export function swatchOf(run: number): HTMLElement {
  return styled(h('span', { class: 'swatch' }), 'background', runColour(run));
}

function resultsTable(views: readonly RunView[]): HTMLElement {
  const number = (text: string): { text: string; number: true } => ({ text, number: true });
  // Only what was measured on the same samples can be compared.
  const kinds = new Set(views.flatMap(({ result }) => (result ? `${result.evaluatedOn} ${result.dataDigest}` : [])));
  const best = kinds.size > 1 ? Number.NaN : Math.max(...views.map(({ result }) => result?.testAccuracy ?? -1));
  return table(
    'Results',
    [
      'run',
      number('accuracy'),
      'measured on',
      number('training time'),
      number('nodes'),
      number('utilisation'),
      number('of the bound'),
      number('bytes moved'),
      'model digest',
    ],
    views.map((view, run) => {
      const { result, bound, started } = view;
      const accuracy = result ? percent(result.testAccuracy) : view.status;
      const seconds = trainingSeconds(view);
      const reached =
        result?.pipeline?.reached ?? (bound && view.trainSeconds ? Math.min(1, bound.seconds / seconds) : undefined);
      return [
        h('span', {}, swatchOf(run), view.offset > 0 ? `${view.name} †` : view.name),
        result?.testAccuracy === best ? h('b', {}, accuracy) : accuracy,
        result?.evaluatedOn ?? '–',
        duration(seconds),
        `${started?.execution.nodes ?? '–'}`,
        view.now > 0 ? percent(utilisation(view), 1) : '–',
        reached === undefined ? '–' : percent(reached, 1),
        result ? bytes(bytesMoved(view)) : '–',
        h('code', {}, result ? result.modelDigest.slice(0, 12) : '–'),
      ];
    }),
  );
}

/** Field by field: layers, kinds, numbers; and how it was carried out. */
function differences(views: readonly RunView[]): HTMLElement {
  const told = views.map((view): Readonly<Record<string, string>> => {
    const { started } = view;
    if (!started) return {};
    const fields: [string, unknown][] = [
      ...Object.entries(started.spec),
      ['variant *', started.execution.variant],
      ['nodes *', started.execution.nodes],
      ['threads per node *', started.execution.threadsPerNode],
      ['kernels *', started.kernels],
      ['dataset digest', started.dataset.digest.slice(0, 12)],
    ];
    return Object.fromEntries(fields.map(([name, value]) => [name, valueText(value)]));
  });
  const names = [...new Set(told.flatMap((fields) => Object.keys(fields)))];
  const differing = names.filter((name) => new Set(told.map((fields) => fields[name])).size > 1);
  const place = h('div', {});
  if (differing.length === 0) put(place, h('p', {}, 'Nothing differs: the same spec, carried out in the same way.'));
  else {
    const rows = table(
      'Differences',
      ['field', ...views.map(({ name }) => name)],
      differing.map((name) => [name, ...told.map((fields) => h('code', {}, fields[name] ?? '–'))]),
    );
    // Values are long, so that two runs are too wide for a narrow screen already.
    rows.querySelector('table')?.classList.add('wide');
    put(
      place,
      rows,
      h(
        'p',
        { class: 'when' },
        `${names.length - differing.length} more fields are the same in all. Fields with * change the time, not the bits.`,
      ),
    );
  }
  return place;
}
