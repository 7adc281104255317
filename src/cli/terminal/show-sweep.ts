/** Shows a sweep as it goes, and its table at the end. */
import type { RunResult } from '../../run/events.js';
import { allTrainSeconds } from '../../run/result.js';
import type { SweepEvent, SweepRow } from '../../reproduce/sweep.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { fieldText, type SpecField } from '../../spec/spec.js';
import { interruptible } from './interrupt.js';
import type { Output } from './output.js';
import { ProgressDisplay } from './show-progress.js';

interface SweepShown {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Which command goes on with it. */
  readonly again: string;
}

/** Follows a sweep to its end. */
export async function showSweep(
  open: (signal: AbortSignal) => AsyncIterable<SweepEvent>,
  { json, quiet, again }: SweepShown,
  { out, err }: Output,
): Promise<void> {
  let display = new ProgressDisplay(err, quiet);
  let [trainings, begun, parallel] = [0, 0, 1];
  try {
    await interruptible(
      () => display.note(`stopping; ${again} goes on with the sweep`),
      async (signal) => {
        for await (const event of open(signal)) {
          if (event.type === 'planned') {
            ({ trainings, parallel } = event);
            const at = parallel > 1 ? `, ${parallel} at once` : '';
            if (!quiet) err.line(`${event.trials} settings, ${trainings} trainings${at}, in ${event.out}`);
          } else if (event.type === 'training') {
            display.end();
            display = new ProgressDisplay(err, quiet);
            begun++;
            if (!quiet)
              err.line(`training ${begun} of ${trainings}: ${event.name}${event.done ? ' (done before)' : ''}`);
          } else if (event.type === 'run') {
            // Of several at once only what is worth a line.
            if (parallel === 1) display.show(event.event);
            else if (event.event.type === 'notice' && !quiet) display.note(`${event.name}: ${event.event.text}`);
          } else if (event.type === 'trained') {
            if (parallel > 1 && !quiet) err.line(`${event.name}: ${resultLine(event.result)}`);
          } else if (json) out.line(JSON.stringify(event.rows));
          else for (const line of sweepLines(event.rows)) out.line(line);
        }
      },
    );
  } finally {
    display.end();
  }
}

function resultLine(result: RunResult): string {
  const { evaluatedOn, testAccuracy } = result;
  return `${evaluatedOn} accuracy ${units.percent(testAccuracy)} after ${units.duration(allTrainSeconds(result))}`;
}

function sweepLines(rows: readonly SweepRow[]): string[] {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row.fields)))] as SpecField[];
  const [first] = rows.map(({ measuredOn }) => measuredOn);
  // Settings may differ in what samples they set aside.
  const measured = first !== undefined && rows.every(({ measuredOn }) => measuredOn === first) ? first : 'accuracy';
  const columns = [
    { title: 'setting' },
    ...fields.map((title) => ({ title })),
    { title: 'epochs' },
    { title: 'seeds' },
    { title: measured },
    { title: '± 95 %' },
    ...(measured === 'test' ? [] : [{ title: 'test' }]),
    { title: 'digest', align: 'left' as const },
  ];
  const table = rows.map((row) => [
    String(row.trial + 1),
    ...fields.map((field) => fieldText(field, row.fields)),
    String(row.epochs),
    String(row.count),
    units.percent(row.mean),
    row.halfWidth === undefined ? '' : units.percent(row.halfWidth),
    ...(measured === 'test' ? [] : [meanText(row.testAccuracies)]),
    (row.digests[0] ?? '').slice(0, 12),
  ]);
  const [best] = rows;
  return [...tableLines(columns, table), '', `best: setting ${(best?.trial ?? 0) + 1}, run ${best?.runs[0]}`];
}

/** Nothing where nothing was measured. */
function meanText(accuracies: readonly number[]): string {
  return accuracies.length === 0
    ? ''
    : units.percent(accuracies.reduce((sum, each) => sum + each, 0) / accuracies.length);
}
