/** `pff compare`: in what finished runs differ. */
import { isDeepStrictEqual } from 'node:util';
import { PffError } from '../../errors.js';
import { balancedAccuracy } from '../../model/class-measures.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { localRun, type LocalRun } from '../../run/list-runs.js';
import { allTrainSeconds } from '../../run/result.js';
import { fieldText, specFields, type SpecField } from '../../spec/spec.js';
import { defineCommand } from '../command.js';
import { DONE } from '../exit-codes.js';
import { jsonFlag } from '../flags/common-flags.js';

export const compareCommand = defineCommand({
  name: 'compare',
  usage: ['pff compare RUN RUN… [options]'],
  words: ['folder'],
  about: [
    'The fields of the specs in which the runs are not all the same, and what came out. pff report shows two to eight runs as one page.',
  ],
  flags: { json: jsonFlag },
  examples: [['pff compare pff-runs/A pff-runs/B', 'a column for each run']],
  run: ({ flags, words }, { out }) => {
    if (words.length < 2)
      throw new PffError('usage', `pff compare takes two runs or more, but was given ${words.length}`, {
        hint: 'Write pff compare RUN RUN…; pff list shows which there are.',
      });
    const runs = words.map((word) => localRun(word));
    const fields = (Object.keys(specFields) as SpecField[]).filter(
      (field) => !runs.every(({ spec }) => isDeepStrictEqual(spec[field], runs[0]?.spec[field])),
    );
    if (flags.json)
      out.line(
        JSON.stringify(
          runs.map(({ name, spec, result }) => ({
            run: name,
            fields: Object.fromEntries(fields.map((field) => [field, spec[field]])),
            result,
          })),
        ),
      );
    else for (const line of lines(runs, fields)) out.line(line);
    return Promise.resolve(DONE);
  },
});

function lines(runs: readonly LocalRun[], fields: readonly SpecField[]): string[] {
  const row = (title: string, of: (run: LocalRun) => string | undefined): string[] => [
    title,
    ...runs.map((run) => of(run) ?? '–'),
  ];
  const rows = [
    ...fields.map((field) => row(field, ({ spec }) => fieldText(field, spec))),
    row('accuracy', ({ result, state }) => (result ? units.percent(result.testAccuracy) : state)),
    ...(runs.some(({ tags }) => tags.length > 0) ? [row('tags', ({ tags }) => tags.join(', ') || undefined)] : []),
    row('balanced accuracy', ({ result }) => result && units.percent(balancedAccuracy(result.confusion))),
    row('measured on', ({ result }) => result?.evaluatedOn),
    row('training time', ({ result }) => result && units.duration(allTrainSeconds(result))),
    row('run on', ({ result }) => result && `${result.variant}, ${result.nodes}`),
    row('data digest', ({ result }) => result?.dataDigest.slice(0, 12)),
    row('model digest', ({ result }) => result?.modelDigest.slice(0, 12)),
  ];
  return tableLines([{ title: '', align: 'left' }, ...runs.map(({ name }) => ({ title: name }))], rows);
}
