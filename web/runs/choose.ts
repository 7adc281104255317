/** Which runs are shown, in which order and groups: pure, from their summaries and what the reader asked for. */
import type { RunSummary } from '../../src/page/runs/run-summary.js';

export type SortBy = 'run' | 'data' | 'accuracy' | 'time' | 'changed' | { readonly field: string };

export interface Group {
  /** Empty where runs are not grouped. */
  readonly name: string;
  readonly runs: readonly RunSummary[];
  /** Mean accuracy of those that are finished. */
  readonly mean: number | undefined;
}

/** Fields of the specs in which the runs are not all the same. */
export function differingFields(runs: readonly RunSummary[]): string[] {
  const names = Object.keys(runs[0]?.fields ?? {});
  return names.filter((name) => new Set(runs.map(({ fields }) => fields[name])).size > 1);
}

/** Runs in which every word of `text` is found: in name, data, tags, note, state, or a field as `name=value`. */
export function filtered(runs: readonly RunSummary[], text: string): RunSummary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...runs];
  return runs.filter(({ id, dataset, tags, note, state, fields }) => {
    const named = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
    const all = [id, dataset, ...tags, note, state, ...named].join('\n').toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** Ascending, numbers by their value; of a field, by its text where it is no number. */
export function sorted(runs: readonly RunSummary[], by: SortBy, descending: boolean): RunSummary[] {
  const value = (run: RunSummary): string | number => {
    if (typeof by === 'object') {
      const text = run.fields[by.field] ?? '';
      return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    }
    const of = {
      run: run.id,
      data: run.dataset,
      accuracy: run.accuracy ?? -1,
      time: run.trainSeconds ?? -1,
      changed: run.changed,
    };
    return of[by];
  };
  const order = (a: string | number, b: string | number): number =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
  return runs.toSorted((a, b) => (descending ? -1 : 1) * order(value(a), value(b)));
}

/** By `''` (not at all), `tag`, `data`, `state`, or a field of the specs. A run of several tags is in the group of all of them. */
export function grouped(runs: readonly RunSummary[], by: string): Group[] {
  const nameOf = ({ tags, dataset, state, fields }: RunSummary): string => {
    if (by === '') return '';
    if (by === 'tag') return tags.join(', ') || 'no tags';
    if (by === 'data') return dataset;
    return by === 'state' ? state : `${by} ${fields[by] ?? ''}`;
  };
  const groups = new Map<string, RunSummary[]>();
  for (const run of runs) groups.set(nameOf(run), [...(groups.get(nameOf(run)) ?? []), run]);
  return [...groups].map(([name, all]) => {
    const known = all.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]));
    // Of test and of validation samples together it would say nothing.
    const kinds = new Set(all.flatMap(({ measuredOn }) => measuredOn ?? []));
    return {
      name,
      runs: all,
      mean:
        known.length === 0 || kinds.size > 1 ? undefined : known.reduce((sum, each) => sum + each, 0) / known.length,
    };
  });
}
