/** The nodes: what each did with its time, and why it did not compute. */
import { elapsed, type NodeView, type RunView } from '../../src/page/run-view.js';
import { WHY } from '../../src/report/ledger.js';
import { bytes, count, duration, percent } from '../../src/report/units.js';
import { h, say, sync, table } from '../dom.js';
import { layerName } from '../names.js';
import { card, type Section } from '../section.js';
import { meter } from './units.js';

export function nodes(): Section {
  const place = h('div', {});
  const why = h('p', { class: 'when' });
  const element = card(
    'nodes',
    'Nodes',
    'Utilisation is the share of the time since the start that a node spent computing. Throughput counts samples trained in a layer. Memory is that of the node’s process, which nodes on threads share.',
    place,
    why,
  );
  return {
    element,
    update(view) {
      element.hidden = view.nodes.length === 0;
      const number = (text: string): { text: string; number: true } => ({ text, number: true });
      const columns = [
        'node',
        number('utilisation'),
        number('computing'),
        number('waiting'),
        number('throughput'),
        number('tasks'),
        number('fetched'),
        number('published'),
        number('memory'),
        number('deaths'),
        ...(view.status === 'training' ? ['now'] : []),
      ];
      sync(
        place,
        table(
          'Nodes',
          columns,
          view.nodes.map((node) => rowOf(view, node)),
        ),
      );
      say(why, whyOf(view));
    },
  };
}

function rowOf(view: RunView, node: NodeView): (string | Node)[] {
  const seconds = elapsed(view);
  const share = seconds > 0 ? node.busy / seconds : 0;
  return [
    `node ${node.node + 1}`,
    meter(share, percent(share, 1), 'good'),
    duration(node.busy),
    duration(node.waiting),
    seconds > 0 ? `${count(node.samples / seconds)}/s` : '–',
    count(node.tasks),
    bytes(node.bytesIn),
    bytes(node.bytesOut),
    node.processBytes === undefined ? '–' : bytes(node.processBytes),
    String(node.deaths),
    ...(view.status === 'training' ? [doing(node)] : []),
  ];
}

function doing({ doing: progress }: NodeView): string {
  if (!progress) return '';
  const { task, batch, batches } = progress;
  return `chapter ${task.chapter + 1}, ${layerName(task.layer)}, ${percent(batch / batches, 0)}`;
}

function whyOf(view: RunView): string {
  const total = view.nodes.length * elapsed(view);
  const reasons = view.idle
    .filter(([, seconds]) => seconds > 0.001 * total)
    .map(
      ([reason, seconds]) =>
        `${(WHY as Readonly<Record<string, string>>)[reason] ?? reason} ${percent(seconds / total, 1)}`,
    );
  return reasons.length > 0 ? `Of the nodes’ time, not computing: ${reasons.join(', ')}.` : '';
}
