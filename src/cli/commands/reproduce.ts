/** `pff reproduce`. */
import path from 'node:path';
import { PffError } from '../../errors.js';
import { precisions } from '../../kernels/numerics.js';
import { describeLayers } from '../../layers/sizes.js';
import { tableLines } from '../../report/table.js';
import * as units from '../../report/units.js';
import { fullLengthRuns, fullLengthText } from '../../reproduce/full-length.js';
import { isTrained, LINE_SCHEDULES, type Recipes } from '../../reproduce/manifest.js';
import { markdownOf } from '../../reproduce/markdown.js';
import type { Report } from '../../reproduce/report.js';
import { listRecipes, reproduce, type ReproduceEvent } from '../../reproduce/reproduce.js';
import { defineCommand } from '../command.js';
import { askedKernels, jsonFlag, kernelsFlags } from '../flags/common-flags.js';
import { DONE, FAILED } from '../exit-codes.js';
import { choiceFlag, flag, listFlag, numberFlag, numbersFlag, textFlag } from '../flags/flags.js';
import { interruptible } from '../terminal/interrupt.js';
import type { Output, TextStream } from '../terminal/output.js';
import { ProgressDisplay } from '../terminal/show-progress.js';

const DEFAULT_OUT = path.join('pff-runs', 'reproduce');
/** Those of runs/manifest.json, for completion. */
const TABLES = ['all', 'table1', 'table2', 'table3', 'table4', 'table5', 'best'];
const smaller = { group: 'Shorter, smaller and coarser (printed with each result)' };

const flags = {
  list: flag('show the tables, their rows and their recipes, and do nothing'),
  rows: textFlag('ROW,…', 'only these rows of the tables'),
  schedules: listFlag(LINE_SCHEDULES, 'NAME,…', 'only what these schedules of the rows need'),
  seeds: { ...numberFlag('N', 'train with seeds 1 to N', { whole: true, least: 1 }), shownDefault: '1' },
  nodes: {
    ...numberFlag('N', 'nodes that train and are measured here; changes no bit', { whole: true, least: 1 }),
    shownDefault: 'one a core, 2 to 4',
  },
  'timing-rounds': {
    ...numberFlag('N', 'how often speeds are measured, each against Sequential; 0: not at all', {
      whole: true,
      least: 0,
    }),
    shownDefault: '3; 1 for shorter or smaller rows',
  },
  epochs: { ...numberFlag('N', 'at most N epochs a row', { whole: true, least: 1 }), ...smaller },
  'train-samples': { ...numberFlag('N', 'only the first N training samples', { whole: true, least: 1 }), ...smaller },
  'test-samples': { ...numberFlag('N', 'only the first N test samples', { whole: true, least: 1 }), ...smaller },
  layers: { ...numbersFlag('U,U,…', 'units of each layer above the input, such as 500,500,500,500'), ...smaller },
  precision: {
    ...choiceFlag(
      precisions,
      'arithmetic of the products: bf16 where a CPU multiplies it fast, bf16-tile where it has AMX',
    ),
    shownDefault: "the row's own, f32",
    ...smaller,
  },
  ...kernelsFlags(),
  'data-dir': textFlag(
    'DIR',
    "folder of the datasets' files, or with a folder of each, in place of the usual one; MNIST comes with pff",
  ),
  out: { ...textFlag('DIR', 'results folder, made or gone on with'), shownDefault: DEFAULT_OUT },
  json: jsonFlag,
  quiet: flag('show no progress'),
};

export const reproduceCommand = defineCommand({
  name: 'reproduce',
  usage: ['pff reproduce TABLE… [options]', 'pff reproduce all [options]', 'pff reproduce --list'],
  words: [TABLES],
  about: [
    'Trains every row of a table as its recipe in runs/ says, measures and simulates how much faster its schedules are than Sequential, and writes results.md and results.json after each step. At full length a row takes hours. After any stop, the same command continues: finished rows are not trained again, and an unfinished row continues from its checkpoint.',
  ],
  flags,
  examples: [
    ['pff reproduce all --epochs 2 --train-samples 6000', 'every row, much too short, in minutes'],
    ['pff reproduce table3', 'Performance-Optimized at full length'],
    ['pff reproduce table1 --rows mnist-random-goodness --seeds 3', 'one row with three seeds'],
    ['pff reproduce table2 --precision bf16', 'a table at full length, in half the time on a CPU with AVX512-BF16'],
    ['pff train --config runs/mnist-random-goodness.json', 'the same row as an ordinary run'],
  ],
  run: async ({ flags: given, words }, output) => {
    const recipes = listRecipes();
    if (given.list) {
      showList(recipes, output.out);
      return DONE;
    }
    if (words.length === 0)
      throw new PffError('usage', 'pff reproduce needs the tables to reproduce', {
        hint: `Name one or more of ${recipes.manifest.tables.map(({ name }) => name).join(', ')}, or all.`,
      });
    const out = given.out ?? DEFAULT_OUT;
    const display = new Display(output.err, given.quiet ?? false);
    let failed = 0;
    let done: Extract<ReproduceEvent, { type: 'reproduced' }> | undefined;
    try {
      await interruptible(
        () => display.note('stopping; Ctrl-C again ends at once'),
        async (signal) => {
          const events = reproduce({
            tables: words,
            rows: given.rows?.split(',').filter(Boolean) ?? [],
            schedules: given.schedules,
            out,
            dataDir: given['data-dir'],
            seeds: given.seeds,
            nodes: given.nodes,
            timingRounds: given['timing-rounds'],
            kernels: askedKernels(given),
            scale: {
              epochs: given.epochs,
              trainSamples: given['train-samples'],
              testSamples: given['test-samples'],
              layers: wholeUnits(given.layers),
              precision: given.precision,
            },
            signal,
          });
          for await (const event of events) {
            display.show(event);
            if (event.type === 'reproduced') [done, failed] = [event, event.failed];
          }
        },
      );
    } catch (error) {
      if (!(error instanceof PffError) || error.code !== 'interrupted') throw error;
      throw new PffError('interrupted', 'interrupted; what is done is kept', {
        hint: `The same command goes on where it was; the tables so far are in ${path.join(out, 'results.md')}.`,
      });
    } finally {
      display.end();
    }
    if (done) showReport(done.report, done.files, given.json ?? false, output);
    return failed > 0 ? FAILED : DONE;
  },
});

function wholeUnits(layers: readonly number[] | undefined): readonly number[] | undefined {
  const wrong = layers?.find((each) => !Number.isSafeInteger(each));
  if (wrong !== undefined) throw new PffError('usage', `--layers must be whole numbers, but has ${wrong}`);
  return layers;
}

function showReport(report: Report, files: readonly string[], json: boolean, { out, err }: Output): void {
  if (json) out.line(JSON.stringify(report));
  else out.write(markdownOf(report));
  for (const file of files) err.line(file);
}

function showList({ manifest, specs }: Recipes, out: TextStream): void {
  const atFullLength = fullLengthRuns();
  for (const { name, title, rows, extra } of manifest.tables) {
    out.line(`${out.paint.bold(name)}: ${title}${extra ? ' (not in all)' : ''}`);
    const cells = rows.filter(isTrained).map((row) => {
      const { dataset, layers, epochs } = specs.get(row.id) ?? {};
      return [
        `  ${row.id}`,
        row.label,
        row.spec === undefined ? `preset ${row.preset}` : `runs/${row.spec}`,
        `${dataset} ${describeLayers(layers ?? [])}, ${epochs} epochs`,
        [...new Set(row.lines.map(({ schedule }) => schedule))].join(', '),
        fullLengthText(row.id, atFullLength),
      ];
    });
    const columns = ['  row', 'model', 'recipe', 'size', 'schedules', 'at full length here'].map((heading) => ({
      title: heading,
      align: 'left' as const,
    }));
    for (const line of tableLines(columns, cells)) out.line(line);
    out.line();
  }
}

/** Progress: the runs as `pff train` shows them, with a line for each step. */
class Display {
  readonly #err: TextStream;
  readonly #quiet: boolean;
  #run: ProgressDisplay;

  constructor(err: TextStream, quiet: boolean) {
    this.#err = err;
    this.#quiet = quiet;
    this.#run = new ProgressDisplay(err, quiet);
  }

  show(event: ReproduceEvent): void {
    switch (event.type) {
      case 'planned':
        this.#line(`${event.trainings} trainings, ${event.done} of them done; speeds of ${event.speeds} rows`);
        break;
      case 'training':
        this.#run.end();
        this.#run = new ProgressDisplay(this.#err, this.#quiet);
        this.#line(`training ${event.index + 1} of ${event.of}: ${event.name}`);
        break;
      case 'run':
        this.#run.show(event.event);
        break;
      case 'trained-row':
        this.#line(`${event.name}: ${units.percent(event.accuracy)}, digest ${event.modelDigest.slice(0, 12)}…`);
        break;
      case 'speed':
        this.#line(`speed of ${event.row}, ${event.text}`);
        break;
      case 'failed':
        this.note(`${this.#err.paint.red('pff:')} ${event.what}: ${event.reason}`);
        if (event.hint !== undefined) this.note(`     ${event.hint}`);
        break;
      case 'reproduced':
        break;
    }
  }

  note(text: string): void {
    this.#run.note(text);
  }

  end(): void {
    this.#run.end();
  }

  #line(text: string): void {
    if (!this.#quiet) this.note(text);
  }
}
