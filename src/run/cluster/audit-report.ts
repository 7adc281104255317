/** What became of a run's audits, for people: how much was checked, what was disputed, and how far each key is trusted. */
import { parseTaskKey, taskKey } from '../../schedule/tasks.js';
import type { ClusterStore } from '../../store/cluster/cluster-store.js';

/** How far a node's key is trusted. */
export interface AuditedKey {
  /** 64 hex digits. */
  readonly key: string;
  /** Names of the nodes with this key. */
  readonly nodes: readonly string[];
  /** Results of it that others did again and found the same. */
  readonly agreed: number;
  /** The probability with which its next result is checked. */
  readonly rate: number;
  /** A result of it was refuted: nothing of it counts. */
  readonly refused: boolean;
}

/** A task about which keys say different things. */
export interface Dispute {
  readonly task: string;
  /** `unclear`: one more node has to do it. */
  readonly verdict: 'refuted' | 'unclear';
  readonly said: readonly { readonly key: string; readonly output: string; readonly refuted: boolean }[];
}

/** What became of the audits of a run so far. */
export interface AuditReport {
  /** Results that two keys agree on. */
  readonly checked: number;
  /** Results that wait for an audit, or for a draw. */
  readonly open: readonly string[];
  readonly keys: readonly AuditedKey[];
  readonly disputes: readonly Dispute[];
}

/** Undefined where results are not audited. */
export function auditReport(store: ClusterStore): AuditReport | undefined {
  const { audits, mirror } = store;
  if (!audits) return undefined;
  const { book } = audits;
  const names = new Map<string, Set<string>>();
  for (const { record } of mirror.nodes())
    if (
      record.key !== undefined &&
      !book.distrusted.has(record.key) &&
      (book.refused.has(record.key) || audits.isMember(record))
    )
      names.set(record.key, (names.get(record.key) ?? new Set()).add(record.name));
  let checked = 0;
  const disputes: Dispute[] = [];
  for (const task of book.tasks)
    for (const { statements, verdict } of book.groups(task)) {
      if (verdict.kind === 'agrees' || verdict.kind === 'refuted') checked += 1;
      if (verdict.kind !== 'refuted' && verdict.kind !== 'unclear') continue;
      const refuted = (key: string): boolean => verdict.kind === 'refuted' && verdict.refuted.includes(key);
      const said = statements.map(({ key, output }) => ({ key, output, refuted: refuted(key) }));
      disputes.push({ task, verdict: verdict.kind, said });
    }
  const place = ({ task }: Dispute): number => parseTaskKey(task).chapter;
  return {
    checked,
    open: store.wanted(false).audits().map(taskKey),
    keys: [...new Set([...book.keys(), ...names.keys()])]
      .filter((key) => !book.distrusted.has(key))
      .toSorted()
      .map((key) => ({
        key,
        nodes: [...(names.get(key) ?? [])],
        agreed: book.agreed(key),
        rate: book.rate(key),
        refused: book.refused.has(key),
      })),
    disputes: disputes.toSorted((a, b) => place(a) - place(b)),
  };
}

/** A key as people can tell it from others. */
export function shortKey(key: string): string {
  return key.slice(0, 8);
}
