/** The demo: trains MNIST in this tab, with live figures, and reads the digits that its user draws. */
import { openModel, train, type BrowserModel, type TrainEvent } from '../../src/in-browser/index.js';
import { duration } from '../../src/report/units.js';
import { h, put, say } from '../dom.js';
import { Figures } from './figures.js';
import { loadMnist } from './mnist.js';
import { pad } from './pad.js';
import { reading } from './reading.js';
import '../style.css';
import './demo.css';

/** Small, and measured after each fifth of an epoch. Each layer learns by a softmax head of its own. */
const SPEC = { layers: [784, 400, 400], objective: 'pred', batch: 32, epochs: 3, splits: 15 };
/** For tests: a shorter training. */
const asked = new URLSearchParams(location.search);
const samples = Number(asked.get('samples') ?? 0);
const kernels = asked.get('kernels') === 'reference' ? 'reference' : 'auto';
const spec = { ...SPEC, ...(samples > 0 ? { trainSamples: samples, testSamples: samples, epochs: 2, splits: 2 } : {}) };

const root = document.getElementById('page') as HTMLElement;
const status = h('p', { class: 'about', role: 'status' }, 'Ready.');
const facts = h('ul', { class: 'demo-facts' });
const warning = h('p', { class: 'connection bad', role: 'alert', hidden: true });
const start = h('button', { type: 'button', class: 'primary' }, 'Train');
const stop = h('button', { type: 'button', hidden: true }, 'Stop');
const save = h('a', { class: 'button', hidden: true, download: 'model.safetensors' }, 'Save the model');
const progress = h('progress', { max: 1, value: 0, 'aria-label': 'Training', hidden: true });
const figures = new Figures();
const read = reading();
let model: BrowserModel | undefined;
let drawn: Uint8Array | undefined;
let leaving: AbortController | undefined;

const drawing = pad((image) => {
  drawn = image;
  void predict();
});

put(
  root,
  h(
    'main',
    { class: 'demo' },
    h(
      'header',
      { class: 'overview' },
      h('h1', {}, 'Train a network in this tab'),
      h(
        'p',
        { class: 'explain' },
        'Forward-Forward: each layer learns by itself, with no backpropagation through the network. All is computed here, in your browser, and the result has the same bits as on any other machine.',
      ),
      h('div', { class: 'demo-buttons' }, start, stop, save),
      progress,
      status,
      warning,
      facts,
    ),
    h(
      'section',
      { 'aria-label': 'Draw a digit' },
      h('h2', {}, 'Draw a digit'),
      h(
        'p',
        { class: 'explain' },
        'The network reads it while it learns. With the keyboard: arrow keys move the pen, the space bar puts it down.',
      ),
      h('div', { class: 'demo-draw' }, drawing.element, read.element),
    ),
    h(
      'section',
      { 'aria-label': 'Figures' },
      h('h2', {}, 'The training'),
      ...figures.charts.map(({ element }) => element),
    ),
  ),
  h('footer', {}, h('p', {}, 'pff: Pipeline Forward-Forward')),
);
for (const { element } of figures.charts) element.hidden = true;
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => figures.redraw());
addEventListener('resize', () => figures.show());
start.addEventListener('click', () => void run());
stop.addEventListener('click', () => leaving?.abort(new Error('stopped')));

async function run(): Promise<void> {
  leaving = new AbortController();
  warning.hidden = true;
  [start.hidden, stop.hidden, progress.hidden] = [true, false, false];
  const begun = performance.now();
  const seconds = (): string => duration((performance.now() - begun) / 1000);
  try {
    say(status, 'Fetching MNIST …');
    const dataset = await loadMnist((received, of) => {
      if (of > 0) progress.value = Math.min(1, received / of);
    });
    progress.value = 0;
    say(status, 'Preparing …');
    figures.begin();
    let first95: string | undefined;
    for await (const event of train({ spec, kernels, models: true, signal: leaving.signal }, dataset)) {
      figures.add(event);
      if (event.type === 'measured' || event.type === 'finished') {
        const { accuracy } = event.evaluation;
        if (accuracy >= 0.95) first95 ??= seconds();
        const text = `${(100 * accuracy).toFixed(2)} % of the test images are read right, after ${seconds()}`;
        say(status, first95 === undefined ? text : `${text} (95 % after ${first95})`);
        figures.show();
      }
      await shown(event);
    }
  } catch (error) {
    say(status, leaving.signal.aborted ? 'Stopped. What was learnt so far goes on reading.' : '');
    if (!leaving.signal.aborted) {
      warning.hidden = false;
      say(warning, `The training failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  [start.hidden, stop.hidden, progress.hidden] = [false, true, true];
}

async function shown(event: TrainEvent): Promise<void> {
  switch (event.type) {
    case 'started': {
      const { kernels: used, kernelsReason, dataset } = event;
      const words =
        used === 'wasm' ? 'WebAssembly' : `slow kernels in JavaScript${kernelsReason ? `: ${kernelsReason}` : ''}`;
      const memory = globalThis.crossOriginIsolated
        ? 'shared between threads'
        : 'not shared (the server sends no COOP and COEP)';
      put(
        facts,
        h('li', {}, `computes with ${words}`),
        h('li', {}, `memory ${memory}`),
        h('li', {}, `${dataset.trainSamples} training images, layers ${spec.layers.join(' – ')}`),
      );
      say(status, 'Training …');
      break;
    }
    case 'progress': {
      const { task, batch, batches } = event;
      const layers = spec.layers.length - 1;
      progress.value = (task.chapter * layers + layerOf(task) + batch / batches) / (spec.splits * layers);
      figures.show();
      break;
    }
    case 'model':
      await use(event.model);
      break;
    case 'finished': {
      await use(event.model);
      if (save.href) URL.revokeObjectURL(save.href);
      save.href = URL.createObjectURL(new Blob([event.model]));
      save.hidden = false;
      document.documentElement.dataset['digest'] = event.modelDigest;
      put(facts, ...facts.childNodes, h('li', {}, 'digest ', h('code', {}, event.modelDigest.slice(0, 16))));
      break;
    }
    default:
  }
}

/** The classifier, which this network has not, comes after the layers. */
function layerOf({ layer }: { readonly layer: number | string }): number {
  return typeof layer === 'number' ? layer : spec.layers.length - 1;
}

async function use(bytes: Uint8Array): Promise<void> {
  const next = await openModel(bytes);
  model?.close();
  model = next;
  await predict();
}

async function predict(): Promise<void> {
  const [image, by] = [drawn, model];
  if (!image || !by) return read.show(undefined, image !== undefined);
  const [prediction] = await by.predict(image);
  if (image === drawn && prediction) read.show(prediction, true);
}
