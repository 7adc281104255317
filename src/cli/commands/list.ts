/** `pff list`: runs of this machine. */
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { describeLayers } from '../../layers/sizes.js';
import { localRuns, type LocalRun } from '../../run/list-runs.js';
import { allTrainSeconds } from '../../run/result.js';
import { PffError } from '../../errors.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { jsonFlag } from '../flags/common-flags.js';
import { choiceFlag, textFlag, textsFlag } from '../flags/flags.js';

const SORTS = ['name', 'accuracy', 'time', 'changed'] as const;

export const listCommand = defineCommand({
  name: 'list',
  usage: ['pff list [FOLDER] [options]'],
  words: ['folder'],
  about: ['The runs in FOLDER and the folders below it: what pff train and pff sweep made there.'],
  flags: {
    sort: { ...choiceFlag(SORTS, 'by what they are ordered; the best or newest come last'), shownDefault: 'name' },
    filter: textFlag('TEXT', 'only runs in whose name, dataset, objective, layers, tags or note the text is found'),
    tag: textsFlag('TAG,…', 'only runs that have all of these tags (pff tag, pff train --tag)'),
    json: jsonFlag,
  },
  examples: [
    ['pff list', 'the runs in pff-runs'],
    ['pff list --tag baseline', 'those with a tag'],
    ['pff list --sort accuracy --filter mnist', 'those on MNIST, the best one last'],
  ],
  run: async ({ flags, words }, { out }) => {
    const [folder = 'pff-runs', more] = words;
    if (more !== undefined)
      throw new PffError('usage', 'pff list takes one folder', { hint: 'Write pff list FOLDER.' });
    const text = flags.filter?.toLowerCase();
    const runs = localRuns(folder)
      .filter((run) => text === undefined || textOf(run).includes(text))
      .filter(({ tags }) => (flags.tag ?? []).every((tag) => tags.includes(tag.trim())))
      .toSorted((a, b) => compare(a, b, flags.sort ?? 'name'));
    if (flags.json) out.line(JSON.stringify(runs.map(short)));
    else if (runs.length === 0) out.line('no runs');
    else for (const line of lines(runs)) out.line(line);
    return Promise.resolve(DONE);
  },
});

function textOf({ name, spec, result, tags, note }: LocalRun): string {
  return [name, result?.dataset ?? spec.dataset, spec.objective, describeLayers(spec.layers), ...tags, note]
    .join(' ')
    .toLowerCase();
}

function compare(a: LocalRun, b: LocalRun, by: (typeof SORTS)[number]): number {
  const value = (run: LocalRun): number | string =>
    by === 'accuracy'
      ? (run.result?.testAccuracy ?? -1)
      : by === 'time'
        ? run.result
          ? allTrainSeconds(run.result)
          : -1
        : by === 'changed'
          ? run.changed
          : run.name;
  const [x, y] = [value(a), value(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function short({ name, state, changed, spec, result, tags, note }: LocalRun): object {
  return {
    run: name,
    state,
    changed,
    tags,
    note,
    dataset: result?.dataset ?? spec.dataset,
    objective: spec.objective,
    layers: spec.layers,
    epochs: spec.epochs,
    seed: spec.seed,
    accuracy: result?.testAccuracy,
    measuredOn: result?.evaluatedOn,
    trainSeconds: result && allTrainSeconds(result),
    modelDigest: result?.modelDigest,
  };
}

function lines(runs: readonly LocalRun[]): string[] {
  const left = { align: 'left' } as const;
  const tagged = runs.some(({ tags }) => tags.length > 0);
  // Accuracy on held-out samples is not that on the test set.
  const measured = new Set(runs.flatMap(({ result }) => result?.evaluatedOn ?? [])).size > 1;
  const columns = [
    { title: 'run', ...left },
    { title: 'data', ...left },
    { title: 'objective', ...left },
    { title: 'layers', ...left },
    { title: 'epochs' },
    { title: 'seed' },
    { title: 'accuracy' },
    ...(measured ? [{ title: 'on', ...left }] : []),
    { title: 'time' },
    { title: 'digest', ...left },
    ...(tagged ? [{ title: 'tags', ...left }] : []),
  ];
  const rows = runs.map(({ name, spec, result, state, tags }) => [
    name,
    result?.dataset ?? spec.dataset,
    spec.objective,
    describeLayers(spec.layers),
    String(spec.epochs),
    String(spec.seed),
    result ? units.percent(result.testAccuracy) : state,
    ...(measured ? [result?.evaluatedOn ?? ''] : []),
    result ? units.duration(allTrainSeconds(result)) : '',
    result?.modelDigest.slice(0, 12) ?? '',
    ...(tagged ? [tags.join(', ')] : []),
  ]);
  return tableLines(columns, rows);
}
