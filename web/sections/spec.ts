/** The spec, which fixes the run's bits, and how to repeat it. */
import { commandLine, openingFlags } from '../../src/command-line.js';
import type { RunView } from '../../src/page/run-view.js';
import { count } from '../../src/report/units.js';
import { h, put, table } from '../dom.js';
import { card, type Section } from '../section.js';

export function spec(): Section {
  const facts = h('div', {});
  const repeat = h('div', {});
  const fields = h('div', {});
  let shown = '';
  const element = card(
    'spec',
    'Spec, and how to repeat the run',
    'The spec alone fixes the bits of the model: on any number of nodes, with any kernels, the digest is the same.',
    repeat,
    facts,
    h('details', {}, h('summary', {}, 'All fields of the spec'), fields),
  );
  return {
    element,
    update(view) {
      const { started, result } = view;
      const key = `${started?.time} ${result?.modelDigest}`;
      element.hidden = !started;
      if (!started || key === shown) return;
      shown = key;
      put(repeat, ...repeatOf(view));
      const rows: [string, string][] = [
        ['started', started.time],
        ['program', `pff ${started.version}`],
        ['kernels', started.kernels],
        [
          'carried out',
          `${started.execution.variant} on ${plural(started.execution.nodes, 'node')}, ${plural(started.execution.threadsPerNode, 'thread')} each`,
        ],
        [
          'dataset',
          `${started.dataset.name}, ${count(started.dataset.trainSamples)} training and ${count(started.dataset.testSamples)} ${started.dataset.evaluatedOn} images`,
        ],
        ['dataset digest', started.dataset.digest],
        ...(result ? ([['model digest', result.modelDigest]] as [string, string][]) : []),
      ];
      put(
        facts,
        table(
          'How it was carried out',
          ['', ''],
          rows.map(([name, text]) => [name, h('code', {}, text)]),
        ),
      );
      put(
        fields,
        table(
          'Spec',
          ['field', 'value'],
          Object.entries(started.spec).map(([name, value]) => [name, h('code', {}, valueText(value))]),
        ),
      );
    },
  };
}

function plural(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

export function valueText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
}

function repeatOf({ started, result }: RunView): Node[] {
  if (!started) return [];
  const { execution } = started;
  const { dataDir, shardDirs } = started;
  const given = [...(dataDir === undefined ? [] : [dataDir]), ...(shardDirs ?? []), ...(execution.plugins ?? [])];
  const command = commandLine([
    'npx',
    'pff',
    'train',
    '--config',
    'spec.json',
    '--variant',
    execution.variant,
    ...(execution.nodes > 1 ? ['--nodes', String(execution.nodes)] : []),
    ...(shardDirs === undefined ? [] : ['--shard-dirs', shardDirs.join(',')]),
    ...openingFlags(started),
  ]);
  const comparable = result?.numerics?.exact ?? true;
  const end = result && comparable ? `, which ends with digest ${result.modelDigest.slice(0, 12)}…` : '';
  const copy = (label: string, text: () => string): HTMLElement => {
    const button = h('button', { type: 'button' }, label);
    const act = async (): Promise<void> => {
      try {
        await navigator.clipboard.writeText(text());
        button.textContent = 'copied';
      } catch {
        button.textContent = 'not allowed to copy';
      }
    };
    button.addEventListener('click', () => void act());
    return button;
  };
  return [
    h(
      'p',
      {},
      `Save the spec as spec.json (the run folder has it, too), and run this${end}${given.length > 0 ? `, with your places of ${given.join(', ')}` : ''}:`,
    ),
    h('pre', { tabindex: 0 }, h('code', {}, command)),
    h(
      'p',
      { class: 'controls' },
      copy('copy the spec', () => JSON.stringify(started.spec, undefined, 2)),
      copy('copy the command', () => command),
    ),
  ];
}
