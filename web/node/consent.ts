/** What the user is asked before anything runs: what it is, what is loaded, what leaves the browser, what stays; and how much it may take. */
import { describeLayers } from '../../src/layers/sizes.js';
import type { SharedRun } from '../../src/page/share/shared-run.js';
import { bytes, count } from '../../src/report/units.js';
import { plainText } from '../../src/store/cluster/plain-text.js';
import { h } from '../dom.js';
import { card } from '../section.js';
import { arithmeticChoice } from './arithmetic.js';
import { keepChoice, keptChoice, mostWorkers, type Choice, type Given } from './choice.js';
import { picker } from './picker.js';

/** @param join called when the user agrees */
export function consent(shared: SharedRun, join: (choice: Choice, given: Given) => void): HTMLElement {
  const { record } = shared;
  const usual = keptChoice();
  const isFederated = record.variant === 'federated';
  const own = isFederated ? picker(record) : undefined;
  const workers = h('input', {
    type: 'number',
    id: 'workers',
    min: 1,
    max: mostWorkers(),
    value: usual.workers,
    required: true,
  });
  const name = h('input', {
    type: 'text',
    id: 'name',
    maxlength: 60,
    value: usual.name,
    required: true,
    autocomplete: 'off',
  });
  const hidden = check('pause-hidden', usual.pauseHidden);
  const battery = check('pause-battery', usual.pauseOnBattery);
  const arithmetic = arithmeticChoice(usual.kernels);
  const form = h(
    'form',
    { class: 'join' },
    own?.element,
    // One slot, one node: whose data it is.
    !isFederated && row('workers', 'Processor cores to use', workers, `of ${mostWorkers()}`),
    arithmetic.element,
    row('name', 'Name that others see', name),
    h('label', { class: 'check' }, hidden, 'Pause while this tab is in the background'),
    'getBattery' in navigator && h('label', { class: 'check' }, battery, 'Pause while the computer runs on battery'),
    h('button', { type: 'submit', class: 'main' }, 'Join the run'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const choice = {
      workers: isFederated ? 1 : workers.valueAsNumber,
      kernels: arithmetic.chosen(),
      name: plainText(name.value, 60) || usual.name,
      pauseHidden: hidden.checked,
      pauseOnBattery: battery.checked,
    };
    keepChoice({ ...choice, kernels: arithmetic.toKeep() });
    join(choice, own?.given() ?? { files: [], slot: undefined });
  });
  return h(
    'div',
    {},
    h(
      'header',
      { class: 'overview' },
      h('h1', {}, `Take part in the training “${record.run}”`),
      h(
        'p',
        { class: 'about' },
        `${shared.host} trains a neural network and asks for your browser’s help. Nothing runs until you join. Closing the tab ends it at any time; the training goes on without it.`,
      ),
    ),
    card(
      'what',
      'What will run',
      'Your browser trains single layers of this network and hands them back.',
      facts(runOf(shared)),
    ),
    card('data', 'What comes, goes and stays', 'Only this page’s own server is spoken to.', facts(dataOf(shared))),
    card('how', 'How much it may use', 'You can pause and leave at any time.', ...isolation(), form),
  );
}

function runOf({ record }: SharedRun): [string, string][] {
  const { spec, dataset } = record;
  return [
    ['Network', `layers of ${describeLayers(spec.layers, ', ')}`],
    ['Method', `${spec.objective}, ${count(spec.splits)} chapters, ${count(spec.epochs)} epochs`],
    ['Data', `${dataset.name}, ${count(dataset.classes.length)} classes`],
    ['Arithmetic', `${record.numerics.id}: every node computes the same bits`],
    ...(record.audit
      ? ([['Checks', 'others do some of this browser’s tasks again and compare']] as [string, string][])
      : []),
  ];
}

function dataOf({ record, host, dataBytes = 0, memoryBytes }: SharedRun): [string, string][] {
  if (record.variant === 'federated')
    return [
      ['Is loaded', 'layers that others trained'],
      [
        'Leaves this browser',
        'layers that it trained on your files, their loss and times, the name below, and a digest of the files. Layers can reveal something of what they were trained on',
      ],
      ['Stays in this browser', 'your files: they are read here and never sent'],
    ];
  return [
    ['Is loaded', `the dataset (${bytes(dataBytes)}) from ${host}, checked by its digest; layers that others trained`],
    ['Leaves this browser', 'layers that it trained, their loss and times, and the name below'],
    [
      'Stays in this browser',
      `the dataset and your settings${record.audit ? ', and a key that signs its results' : ''}; clear the site’s data to remove them`,
    ],
    ...(memoryBytes === undefined
      ? []
      : ([['Memory', `up to ${bytes(memoryBytes)} with one core`]] as [string, string][])),
  ];
}

/** Without it each worker has a copy of the data. */
function isolation(): HTMLElement[] {
  if (globalThis.crossOriginIsolated) return [];
  return [
    h(
      'p',
      { class: 'remark', role: 'note' },
      'This page came over plain HTTP, where browsers let workers share no memory: each core needs its own copy of the data. It works all the same.',
    ),
  ];
}

function facts(rows: readonly (readonly [string, string])[]): HTMLElement {
  return h('dl', { class: 'known' }, ...rows.map(([term, text]) => h('div', {}, h('dt', {}, term), h('dd', {}, text))));
}

function row(id: string, label: string, field: HTMLElement, after = ''): HTMLElement {
  return h('p', { class: 'field' }, h('label', { for: id }, label), field, after);
}

function check(id: string, checked: boolean): HTMLInputElement {
  return h('input', { type: 'checkbox', id, checked });
}
