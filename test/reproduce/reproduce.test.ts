/**
 * `reproduce` on toy recipes: what is trained, what is not trained again, what goes on, and what the tables say.
 * Own process: it registers parts.
 */
import { cpSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { registerDataset } from '../../src/data/sources/load.js';
import { PffError } from '../../src/errors.js';
import type { RunEvent, RunResult } from '../../src/run/events.js';
import { reproduce, type ReproduceEvent, type ReproduceOptions } from '../../src/reproduce/reproduce.js';
import type { LineReport, Report } from '../../src/reproduce/report.js';
import { trainToEnd } from '../../src/run/train.js';
import { toyDataset } from '../helpers/tiny.js';
import { toyRecipes } from './recipes.js';

interface Done {
  readonly report: Report;
  readonly failed: number;
  /** Rows that were trained now. */
  readonly trained: readonly string[];
  readonly runs: readonly RunEvent[];
  readonly failures: readonly string[];
}

async function carriedOut(options: Partial<ReproduceOptions> & { recipes: string; out: string }): Promise<Done> {
  const events: ReproduceEvent[] = [];
  for await (const event of reproduce({ tables: ['one'], rows: [], nodes: 2, timingRounds: 0, ...options }))
    events.push(event);
  const last = events.at(-1);
  if (last?.type !== 'reproduced') throw new Error('there is no end');
  return {
    report: last.report,
    failed: last.failed,
    trained: events.flatMap((event) => (event.type === 'trained-row' ? [event.name.split('.')[0] ?? ''] : [])),
    runs: events.flatMap((event) => (event.type === 'run' ? [event.event] : [])),
    failures: events.flatMap((event) => (event.type === 'failed' ? [`${event.what}: ${event.reason}`] : [])),
  };
}

function linesOf(report: Report, row: string): LineReport[] {
  return report.tables
    .flatMap(({ lines }) => lines)
    .filter((line): line is LineReport => 'row' in line && line.row === row);
}

const digestsOf = (report: Report, row: string): string[] =>
  linesOf(report, row).flatMap(({ results }) => results.flatMap(({ seeds }) => seeds.map((seed) => seed.modelDigest)));

/** Changes a run's result file. */
function change(file: string, how: (result: RunResult) => unknown): void {
  writeFileSync(file, JSON.stringify(how(JSON.parse(readFileSync(file, 'utf8')) as RunResult)));
}

const textOf = ({ out }: { out: string }): string => readFileSync(path.join(out, 'results.md'), 'utf8');

describe('reproduce', () => {
  it('trains each spec once, whatever the schedules, and nothing when asked again', async () => {
    const where = toyRecipes();
    const first = await carriedOut(where);
    // AdaptiveNEG with labels of the chapter before, and of three chapters ago; both kinds of heads are one training.
    expect(first.trained).toEqual(['adaptive', 'adaptive', 'heads', 'backprop', 'dff']);
    const [lag1, single, all] = digestsOf(first.report, 'adaptive');
    expect(single).toBe(all);
    expect(lag1).not.toBe(single);
    const spec = linesOf(first.report, 'adaptive')[1]?.results[0]?.spec;
    expect((await trainToEnd({ spec }, toyDataset())).modelDigest).toBe(single);

    const again = await carriedOut(where);
    expect([again.trained, again.runs]).toEqual([[], []]);
    expect(again.report.tables).toEqual(first.report.tables);
    expect(JSON.parse(readFileSync(path.join(where.out, 'results.json'), 'utf8'))).toEqual(again.report);
    expect(readdirSync(where.out).toSorted()).toEqual(['results.json', 'results.md', 'runs', 'speed']);
  });

  it('trains nothing again that another row asked for in an earlier call', async () => {
    const where = toyRecipes();
    expect((await carriedOut({ ...where, rows: ['last-head'] })).trained).toEqual(['last-head']);
    const { trained, report } = await carriedOut({ ...where, rows: ['heads'] });
    expect(trained).toEqual([]);
    expect(digestsOf(report, 'heads')).toEqual(digestsOf(report, 'last-head'));
  });

  it('recognises what an earlier version trained, whose specs have fewer fields', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'] };
    const { report } = await carriedOut(where);
    const runs = path.join(where.out, 'runs');
    const [name = ''] = readdirSync(runs);
    change(path.join(runs, name, 'result.json'), ({ spec, ...rest }) => ({
      ...rest,
      spec: { ...spec, elastic: undefined },
    }));
    renameSync(path.join(runs, name), path.join(runs, name.replace(/\.[0-9a-f]{8}\./, '.00000000.')));
    const again = await carriedOut(where);
    expect(again.trained).toEqual([]);
    expect(digestsOf(again.report, 'backprop')).toEqual(digestsOf(report, 'backprop'));
  });

  it('passes over the result of a later version, whose spec it cannot read', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'], scale: { epochs: 1 } };
    await carriedOut(where);
    const [name = ''] = readdirSync(path.join(where.out, 'runs'));
    const later = path.join(where.out, 'runs', `later-${name}`);
    cpSync(path.join(where.out, 'runs', name), later, { recursive: true });
    change(path.join(later, 'result.json'), ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, later: 1 } }));
    const { trained, report } = await carriedOut(where);
    expect(trained).toEqual([]);
    expect(linesOf(report, 'backprop')[0]?.results).toHaveLength(1);
  });

  it('takes as many samples as there are, or more, for all of them', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'] };
    const { train, test } = toyDataset();
    const scale = { trainSamples: train.count, testSamples: test.count + 1 };
    const { report } = await carriedOut({ ...where, scale });
    expect(linesOf(report, 'backprop')[0]?.results.map(({ shortfall }) => shortfall)).toEqual([[]]);
    expect((await carriedOut(where)).trained).toEqual([]);
  });

  it('trains only what the schedules that are asked for need', async () => {
    const where = { ...toyRecipes(), rows: ['adaptive', 'backprop'], scale: { epochs: 1 } };
    const { trained, report } = await carriedOut({ ...where, schedules: ['all-layers'] });
    expect(trained).toEqual(['adaptive']);
    expect(linesOf(report, 'adaptive').map(({ results }) => results.length)).toEqual([0, 1, 1]);
    expect((await carriedOut({ ...where, schedules: ['sequential'] })).trained).toEqual(['adaptive', 'backprop']);
  });

  it('hands the data folder to what loads a dataset', async () => {
    const where = toyRecipes();
    const given: unknown[] = [];
    registerDataset('toy', ({ dataDir }) => {
      given.push(dataDir);
      return Promise.resolve(toyDataset());
    });
    await carriedOut({ ...where, rows: ['backprop'], scale: { epochs: 1 }, dataDir: 'somewhere' });
    expect(given).toEqual(['somewhere']);
  });

  it('keeps rounds on other data in a record of their own', async () => {
    const where = { ...toyRecipes(), rows: ['adaptive'], scale: { epochs: 1, trainSamples: 96 }, timingRounds: 1 };
    await carriedOut(where);
    registerDataset('toy', () => Promise.resolve(toyDataset(160)));
    const { report } = await carriedOut({ ...where, timingRounds: 2 });
    expect(readdirSync(path.join(where.out, 'speed'))).toHaveLength(2);
    expect(linesOf(report, 'adaptive')[1]?.speed).toMatchObject({
      record: { rounds: 2 },
      measured: { sameBits: true, modelDigest: expect.stringMatching(/^\w+$/) as string },
    });
  });

  it('reads the last head from the same training', async () => {
    const { report, runs } = await carriedOut({ ...toyRecipes(), rows: ['heads', 'last-head'] });
    const results = runs.flatMap((event) => (event.type === 'finished' ? [event.result] : []));
    expect(results).toHaveLength(1);
    const mean = (row: string): number | undefined => linesOf(report, row)[0]?.results[0]?.accuracy.mean;
    expect(mean('heads')).toBe(100 * (results[0]?.testAccuracy ?? 0));
    expect(mean('last-head')).toBe(100 * (results[0]?.layerAccuracy.at(-1) ?? 0));
  });

  it('goes on in the middle of a row, to the same bits, and skips the rows before it', async () => {
    const whole = await carriedOut(toyRecipes());
    const where = toyRecipes();
    const stop = new AbortController();
    let rows = 0;
    const stopped = async (): Promise<void> => {
      for await (const event of reproduce({
        tables: ['one'],
        rows: [],
        nodes: 2,
        timingRounds: 0,
        signal: stop.signal,
        ...where,
      })) {
        if (event.type === 'training') rows++;
        // The third training: Performance-Optimized, at its seventh chapter.
        if (
          rows === 3 &&
          event.type === 'run' &&
          event.event.type === 'task-finished' &&
          event.event.task.chapter === 6
        )
          stop.abort(new Error('stop'));
      }
    };
    await expect(stopped()).rejects.toMatchObject({ code: 'interrupted' });
    expect(textOf(where)).toContain('not run yet at this length: `pff reproduce one --rows heads`');
    const rest = await carriedOut(where);
    expect(rest.trained).toEqual(['heads', 'backprop', 'dff']);
    const resumed = rest.runs.find((event) => event.type === 'resumed');
    expect(resumed?.done.length).toBeGreaterThan(12);
    const rowsOf = ['adaptive', 'heads', 'backprop', 'dff'];
    expect(rowsOf.map((row) => digestsOf(rest.report, row))).toEqual(rowsOf.map((row) => digestsOf(whole.report, row)));
  });

  it('keeps a result in another precision apart, with the option that gave it', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'] };
    await carriedOut({ ...where, scale: { precision: 'bf16' } });
    expect(textOf(where)).toMatch(/\| full: 12 epochs, in bf16 \(`--precision bf16`\) \|/);
    const { report } = await carriedOut(where);
    const results = linesOf(report, 'backprop')[0]?.results ?? [];
    expect(results.map(({ options }) => options)).toEqual(['', '--precision bf16']);
    expect(new Set(results.map(({ seeds }) => seeds[0]?.modelDigest)).size).toBe(2);
  });

  it('never shows a smaller result as a full one, and keeps both', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'] };
    await carriedOut({ ...where, scale: { epochs: 3, trainSamples: 100 } });
    expect(textOf(where)).toMatch(/\| not run yet at this length: `pff reproduce one --rows backprop` \| full \|/);
    expect(textOf(where)).toMatch(
      /\*\*scaled\*\*: 3 of 12 epochs, 100 training images \(`--epochs 3 --train-samples 100`\)/,
    );
    const { report } = await carriedOut(where);
    expect(textOf(where)).not.toContain('--rows backprop`');
    expect(linesOf(report, 'backprop')[0]?.results.map(({ shortfall }) => shortfall)).toEqual([
      [],
      ['3 of 12 epochs', '100 training images'],
    ]);
  });

  it('gives mean and interval over seeds, and says what the data is', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'], seeds: 3, scale: { epochs: 1 } };
    const { report } = await carriedOut(where);
    const [result] = linesOf(report, 'backprop')[0]?.results ?? [];
    const values = result?.seeds.map(({ accuracy }) => accuracy) ?? [];
    expect(new Set(digestsOf(report, 'backprop')).size).toBe(3);
    expect(result?.accuracy.mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / 3, 10);
    expect(result?.accuracy.halfWidth).toBeGreaterThan(0);
    expect(textOf(where)).toMatch(/\d ± [\d.]+ \(3 seeds\) †/);
    expect(textOf(where)).toContain('† toys, no digits');
  });

  it('measures each schedule against Sequential, with one digest, and simulates the paper’s nodes', async () => {
    const where = { ...toyRecipes(), rows: ['adaptive'], scale: { epochs: 1, trainSamples: 160 } };
    const { report } = await carriedOut({ ...where, timingRounds: 2 });
    const [sequential, single, all] = linesOf(report, 'adaptive');
    expect(sequential?.speed).toBeUndefined();
    expect(single?.paperSpeedUp).toBe(2);
    for (const line of [single, all]) {
      expect(line?.speed?.record.rounds).toBe(2);
      expect(line?.speed?.measured).toMatchObject({ sameBits: true });
      expect(line?.speed?.measured?.speedUp).toBeGreaterThan(0);
      // Full length, whatever the scale.
      expect(line?.speed?.simulated).toMatchObject({ nodes: 3, splits: 12, labelLag: 3 });
      expect(line?.speed?.simulated?.speedUp).toBeGreaterThan(1);
    }
    expect(textOf(where)).toContain('| AdaptiveNEG | all-layers |');
    const before = readFileSync(path.join(where.out, 'speed', readdirSync(path.join(where.out, 'speed'))[0] ?? ''));
    await carriedOut({ ...where, timingRounds: 2 });
    expect(readFileSync(path.join(where.out, 'speed', readdirSync(path.join(where.out, 'speed'))[0] ?? ''))).toEqual(
      before,
    );
  });

  it('keeps showing the speed of one schedule when only the other is measured later', async () => {
    const where = { ...toyRecipes(), rows: ['adaptive'], scale: { epochs: 1, trainSamples: 160 }, timingRounds: 1 };
    const { report } = await carriedOut(where);
    const later = (await carriedOut({ ...where, schedules: ['all-layers'] })).report;
    expect(readdirSync(path.join(where.out, 'speed'))).toHaveLength(2);
    const speedsOf = (of: Report): unknown[] => linesOf(of, 'adaptive').map(({ speed }) => speed?.record.date);
    const [, single, all] = speedsOf(report);
    expect(speedsOf(later)).toEqual([undefined, single, expect.not.stringMatching(String(all)) as string]);
  });

  it('goes on with the other rows where one cannot be trained', async () => {
    const where = toyRecipes();
    const { failed, failures, trained } = await carriedOut({
      ...where,
      tables: ['two', 'one'],
      rows: ['absent', 'backprop'],
    });
    expect(trained).toEqual(['backprop']);
    expect(failed).toBe(1);
    expect(failures[0]).toMatch(/^absent\..*: dataset idx needs a folder/);
  });

  it('leaves a folder alone in which another process works, and takes one whose process is gone', async () => {
    const where = { ...toyRecipes(), rows: ['backprop'], scale: { epochs: 1 } };
    await carriedOut(where);
    writeFileSync(path.join(where.out, 'lock'), String(process.ppid));
    await expect(carriedOut(where)).rejects.toThrow(`process ${process.ppid} is working in the results folder`);
    writeFileSync(path.join(where.out, 'lock'), '');
    await expect(carriedOut(where)).rejects.toMatchObject({
      hint: expect.stringMatching(/remove .*lock\.$/) as string,
    });
    writeFileSync(path.join(where.out, 'lock'), '999999999');
    expect((await carriedOut(where)).failed).toBe(0);
  });

  it('refuses what is not there, and names the nearest', async () => {
    const refusal = async (options: Omit<Partial<ReproduceOptions>, 'recipes' | 'out'>): Promise<string> => {
      try {
        await carriedOut({ ...toyRecipes(), ...options });
      } catch (error) {
        if (error instanceof PffError) return `${error.code}: ${error.message}. ${error.hint}`;
        throw error;
      }
      return 'not refused';
    };
    expect(await refusal({ tables: ['on'] })).toMatch(/^usage: there is no table "on"\. Did you mean one\?/);
    expect(await refusal({ rows: ['head'] })).toMatch(/^usage: there is no row "head"\. Did you mean heads\?/);
    expect(await refusal({ tables: ['two'], rows: ['heads'] })).toMatch(/^usage: two has no row heads/);
    expect(await refusal({ rows: ['heads'], schedules: ['dff', 'all-layers'] })).toMatch(
      /^usage: no row that is asked for has the schedule dff or all-layers\. .*--list/,
    );
    expect(await refusal({ scale: { layers: [5] } })).toMatch(/^usage: a row needs two layers or more/);
  });
});
