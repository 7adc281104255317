/** What came of audits on a cluster: how far each key is trusted, and every task about which keys said different things. */
import type { RunView } from '../../src/page/run-view.js';
import { count, percent } from '../../src/report/units.js';
import { h, say, sync, table } from '../dom.js';
import { card, type Section } from '../section.js';

type Audits = NonNullable<RunView['audits']>;

export function audits(): Section {
  const place = h('div', {});
  const disputes = h('div', {});
  const summary = h('p', { class: 'when' });
  const element = card(
    'audits',
    'Audits',
    'Results are done again by other nodes and compared. The rate is the probability with which the next result of a key is checked; it falls with each check that agreed. A refuted key is refused: what it did, and what was made of that, is done again.',
    place,
    disputes,
    summary,
  );
  return {
    element,
    update({ audits: seen }) {
      element.hidden = seen === undefined;
      if (!seen) return;
      say(summary, `${count(seen.checked)} results checked, ${count(seen.open.length)} still to check.`);
      sync(place, table('Trust', ['key', 'nodes', { text: 'agreed', number: true }, 'trust'], seen.keys.map(keyRow)));
      if (seen.disputes.length === 0) return sync(disputes);
      sync(disputes, table('Verdicts', ['task', 'verdict', 'said'], seen.disputes.map(disputeRow)));
    },
  };
}

function keyRow({ key, nodes, agreed, rate, refused }: Audits['keys'][number]): string[] {
  const trust = refused ? 'refuted, and refused' : `${percent(rate, 0)} of its results are checked`;
  return [key.slice(0, 8), nodes.join(', ') || 'gone', count(agreed), trust];
}

function disputeRow({ task, verdict, said }: Audits['disputes'][number]): string[] {
  const words = said.map(
    ({ key, output, refuted }) => `${key.slice(0, 8)}: ${output.slice(0, 16)}${refuted ? ' (refuted)' : ''}`,
  );
  return [task, verdict, words.join(', ')];
}
