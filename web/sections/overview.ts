/** The head of a run: what it is, how far it is, and its main figures. */
import { elapsed, shownLook, tasksDone, trainingSeconds, utilisation, type RunView } from '../../src/page/run-view.js';
import { bytes, count, duration, percent } from '../../src/report/units.js';
import { h, say, styled, sync } from '../dom.js';
import type { Section } from '../section.js';

const STATUS = {
  waiting: 'waiting for the log',
  training: 'training',
  evaluating: 'evaluating',
  finished: 'finished',
  interrupted: 'stopped',
} as const;

export function overview(): Section {
  const title = h('h1', { id: 'run-name' });
  const status = h('span', { class: 'status', role: 'status' });
  const about = h('p', { class: 'about' });
  const bar = h('div', {
    class: 'bar',
    role: 'progressbar',
    'aria-label': 'tasks done',
    'aria-valuemin': 0,
    'aria-valuemax': 100,
  });
  const filled = h('div', { class: 'filled' });
  bar.append(filled);
  const place = h('p', { class: 'place' });
  const tiles = h('dl', { class: 'tiles' });
  const remarks = h('ul', { class: 'remarks' });
  const element = h(
    'header',
    { id: 'overview', class: 'overview' },
    h('div', { class: 'title' }, title, status),
    about,
    bar,
    place,
    tiles,
    remarks,
  );
  return {
    element,
    update(view) {
      say(title, view.name || 'pff');
      say(status, STATUS[view.status]);
      status.dataset['status'] = view.status;
      say(about, aboutOf(view));
      const all = view.started?.tasks ?? 0;
      const share = view.status === 'finished' ? 1 : all > 0 ? Math.min(1, tasksDone(view) / all) : 0;
      bar.setAttribute('aria-valuenow', String(Math.round(100 * share)));
      styled(filled, 'width', `${100 * share}%`);
      bar.hidden = view.status === 'finished';
      say(place, placeOf(view, all));
      place.hidden = place.textContent === '';
      sync(tiles, ...tilesOf(view).map(tile));
      sync(remarks, ...remarksOf(view).map((text) => h('li', {}, text)));
      remarks.hidden = remarks.childElementCount === 0;
    },
  };
}

function aboutOf({ started }: RunView): string {
  if (!started) return '';
  const { spec, execution, dataset, kernels } = started;
  const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  const negatives = spec.negatives === 'none' ? '' : `, ${spec.negatives} negatives`;
  return [
    `${dataset.name}, ${count(dataset.trainSamples)} images`,
    `layers ${started.network ?? spec.layers.map((each) => JSON.stringify(each)).join('-')}`,
    `${spec.objective}${negatives}`,
    `${plural(spec.epochs, 'epoch')} in ${plural(spec.splits, 'chapter')}`,
    `${execution.variant} on ${plural(execution.nodes, 'node')}`,
    kernels,
    `seed ${spec.seed}`,
  ].join(' · ');
}

function placeOf(view: RunView, all: number): string {
  if (view.status === 'evaluating' && view.evaluating)
    return `evaluating: ${count(view.evaluating.done)} of ${count(view.evaluating.samples)} images`;
  if (view.status !== 'training' || all === 0) return '';
  const done = tasksDone(view);
  const left = done > 0 ? (elapsed(view) * (all - done)) / done : undefined;
  const rest = left === undefined ? '' : `, about ${duration(left)} to go`;
  return `${done} of ${all} tasks done${rest}`;
}

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

function tilesOf(view: RunView): Tile[] {
  const { result, started, bound } = view;
  const tiles: Tile[] = [];
  const pipeline = result?.pipeline;
  const seconds = trainingSeconds(view);
  const nodes = started?.execution.nodes ?? 1;
  if (result)
    tiles.push({
      name: `${result.evaluatedOn === 'test' ? 'Test' : 'Validation'} accuracy`,
      value: percent(result.testAccuracy),
      note: `share of ${count(started?.dataset.testSamples ?? 0)} held-out images predicted right`,
    });
  else {
    const measured = view.validations.at(-1);
    const look = shownLook(view);
    if (measured)
      tiles.push({
        name: 'Accuracy so far',
        value: percent(measured.accuracy, 1),
        note: `of ${count(measured.samples)} ${measured.on} samples, after chapter ${measured.chapter + 1}`,
      });
    else if (look)
      tiles.push({
        name: 'Accuracy so far',
        value: percent(look.analysis.accuracy, 1),
        note: `of ${look.analysis.samples} held-out images, after chapter ${look.chapter + 1}`,
      });
  }
  if (!started) return tiles;
  tiles.push({ name: 'Training time', value: duration(seconds), note: 'wall clock, from the first task on' });
  const limit = pipeline?.boundSeconds ?? bound?.seconds;
  if (limit !== undefined)
    tiles.push({
      name: 'Bound of the graph',
      value: duration(limit),
      note: view.trainSeconds
        ? `the schedule allows no less; reached ${percent(Math.min(1, pipeline?.reached ?? limit / seconds), 1)} of it, ${(pipeline?.speedUp ?? (bound?.alone ?? 0) / seconds).toFixed(2)}x one node alone`
        : 'the schedule allows no less, with what tasks took so far',
    });
  const spent = elapsed(view);
  if (spent > 0)
    tiles.push({
      name: 'Utilisation',
      value: percent(utilisation(view), 1),
      note: nodes > 1 ? `of the time of ${nodes} nodes spent computing` : 'of the time spent computing',
    });
  const samples = view.nodes.reduce((sum, node) => sum + node.samples, 0);
  if (spent > 0 && samples > 0)
    tiles.push({
      name: 'Throughput',
      value: `${count(samples / spent)}/s`,
      note: 'samples trained in a layer, all nodes',
    });
  const memory = result?.peakRssBytes ?? Math.max(0, ...view.nodes.map((node) => node.processBytes ?? 0));
  if (memory > 0)
    tiles.push({
      name: 'Memory',
      value: bytes(memory),
      note: result
        ? `peak of this process; bound ${bytes(result.memoryBoundBytes)}`
        : 'resident, of the largest process',
    });
  return tiles;
}

function tile({ name, value, note }: Tile): HTMLElement {
  return h(
    'div',
    { class: 'tile' },
    h('dt', {}, name),
    h('dd', { class: 'value' }, value),
    h('dd', { class: 'note' }, note),
  );
}

function remarksOf(view: RunView): string[] {
  const remarks = [...view.remarks];
  if (view.started?.kernelsReason) remarks.push(`slow reference kernels are used: ${view.started.kernelsReason}`);
  if (view.unreadable > 0)
    remarks.push(
      `${view.unreadable} ${view.unreadable === 1 ? 'line of the log is' : 'lines of the log are'} unreadable and left out`,
    );
  return remarks;
}
