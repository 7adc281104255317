/** A run folder is one process's at a time, and nothing outside it is written, whoever made it; metrics follow its event log. */
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { describe, expect, it, onTestFinished } from 'vitest';
import { messageOf, PffError } from '../../src/errors.js';
import type { RunEvent } from '../../src/run/events.js';
import { AppendFile } from '../../src/run/append-file.js';
import { RunFolder, writeWhole } from '../../src/run/folder.js';
import { lockFolder } from '../../src/run/lock.js';
import { MetricsLog } from '../../src/run/metrics-log.js';
import type { TrainOptions } from '../../src/run/options.js';
import { train } from '../../src/run/train.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const dataset = toyDataset();

function ownFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-folder-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Carries a run out; stops it when `stop` says so. Returns what was thrown. */
async function carriedOut(
  options: TrainOptions,
  observe: (event: RunEvent) => void = () => {},
  stop: (event: RunEvent) => boolean = () => false,
): Promise<unknown> {
  const controller = new AbortController();
  try {
    for await (const event of train({ ...options, signal: controller.signal }, dataset)) {
      observe(event);
      if (stop(event)) controller.abort(new Error('stop'));
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

const atChapter =
  (chapter: number) =>
  (event: RunEvent): boolean =>
    event.type === 'task-finished' && event.task.chapter >= chapter;

describe('a run folder in which a process works', () => {
  it('is refused to another run, of this process, too, and left as it is', async () => {
    const out = path.join(ownFolder(), 'run');
    const refused: string[] = [];
    const spec = toySpec({ epochs: 12 });
    await carriedOut({ spec, out }, () => {}, atChapter(4));
    const going: Promise<unknown>[] = [];
    const error = await carriedOut({ resume: out }, (event) => {
      if (event.type !== 'resumed') return;
      const second = carriedOut({ resume: out }).then((found) => refused.push(messageOf(found)));
      going.push(second);
    });
    await Promise.all(going);
    expect(error).toBeUndefined();
    expect(refused).toEqual([`process ${process.pid} is working in the run folder ${out}`]);
    const types = readFileSync(path.join(out, 'events.jsonl'), 'utf8').match(/^\{"type":"(started|finished)"/gm);
    expect(types).toHaveLength(3);
    expect(readdirSync(out)).not.toContain('lock');
  });

  it('is taken from a process that is gone, or whose number another one has now', () => {
    const folder = ownFolder();
    const lock = path.join(folder, 'lock');
    const owner = { pid: process.ppid, host: os.hostname() };
    const taken = (left: object): unknown => {
      writeFileSync(lock, JSON.stringify(left));
      try {
        lockFolder(folder, 'run folder X').release();
        return 'taken';
      } catch (error) {
        return error instanceof PffError ? `${error.message} | ${error.hint}` : error;
      }
    };
    expect(taken({ ...owner, pid: 999_999_999 })).toBe('taken');
    // In a container that was started again, the same number is ours now.
    expect(taken({ ...owner, pid: process.pid })).toBe('taken');
    if (process.platform === 'linux') expect(taken({ ...owner, began: 'another boot:1' })).toBe('taken');
    expect(taken(owner)).toBe(
      `process ${process.ppid} is working in the run folder X | Wait for it, or choose another folder. If nothing of pff runs there, remove ${lock}.`,
    );
    expect(taken({ ...owner, host: 'elsewhere' })).toBe(
      `process ${process.ppid} on elsewhere is working in the run folder X | Wait for it, or choose another folder. If nothing of pff runs there on elsewhere, remove ${lock}.`,
    );
  });

  it('is one of many processes only, of those that want it at the same time', async () => {
    const folder = ownFolder();
    const module = path.join(ownFolder(), 'lock.mjs');
    const source = await rolldown({
      input: fileURLToPath(new URL('../../src/run/lock.ts', import.meta.url)),
      platform: 'node',
    });
    await source.write({ file: module });
    const script = `
      const { lockFolder } = await import(${JSON.stringify(pathToFileURL(module).href)});
      process.on('message', () => {
        try { lockFolder(${JSON.stringify(folder)}, 'x'); process.send('taken'); } catch (error) { process.send(error.message); }
      });
      process.send('ready');`;
    writeFileSync(path.join(folder, 'lock'), JSON.stringify({ pid: 999_999_999, host: os.hostname() }));
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
    );
    onTestFinished(() => children.forEach((child) => child.kill('SIGKILL')));
    const answers = (): Promise<unknown[]> =>
      Promise.all(children.map((child) => new Promise((resolve) => child.once('message', resolve))));
    await answers();
    const taken = answers();
    for (const child of children) child.send('now');
    expect((await taken).filter((answer) => answer === 'taken')).toHaveLength(1);
  });
});

it('temporary names are unique, and those that are left go', () => {
  const folder = path.join(ownFolder(), 'run');
  new RunFolder(folder).close();
  const file = path.join(folder, 'model.safetensors');
  // What another process of this number left there, or a link to somewhere else.
  writeFileSync(`${file}.tmp-${process.pid}`, 'x');
  writeWhole(file, 'whole');
  new RunFolder(folder, true).close();
  expect(readdirSync(folder).toSorted()).toEqual(['events.jsonl', 'model.safetensors']);
});

describe('a run folder with links in it', () => {
  it.each([
    ['the event log', 'events.jsonl'],
    ['the model', 'model.safetensors'],
    ['a state of the checkpoint', path.join('checkpoint', 'run.json')],
    ['a file that is not of pff', 'notes.txt'],
  ])('%s: refused, and what it points to stays as it is', async (_, name) => {
    const folder = ownFolder();
    const run = path.join(folder, 'run');
    await carriedOut({ spec: toySpec({ epochs: 12 }), out: run }, () => {}, atChapter(4));
    const target = path.join(folder, 'precious');
    const file = path.join(run, name);
    if (name === 'notes.txt') writeFileSync(file, 'x');
    renameSync(file, target);
    symlinkSync(target, file);
    const before = readFileSync(target);
    const error = await carriedOut({ resume: run });
    expect(messageOf(error)).toBe(`${file} is a link; a run writes only into files of its own folder`);
    expect(readFileSync(target)).toEqual(before);
    expect(readdirSync(run)).not.toContain('lock');
  });

  it('the whole checkpoint folder, a log with a second name, a log that is no file', async () => {
    const folder = ownFolder();
    const run = path.join(folder, 'run');
    await carriedOut({ spec: toySpec({ epochs: 12 }), out: run }, () => {}, atChapter(4));
    const refusal = async (): Promise<string> => messageOf(await carriedOut({ resume: run }));
    const log = path.join(run, 'events.jsonl');
    linkSync(log, path.join(folder, 'backup'));
    expect(await refusal()).toMatch(/events\.jsonl is one of 2 names of a file/);
    copyFileSync(log, `${log}.copy`);
    renameSync(`${log}.copy`, log);
    renameSync(path.join(run, 'checkpoint'), path.join(folder, 'checkpoint'));
    symlinkSync(path.join(folder, 'checkpoint'), path.join(run, 'checkpoint'));
    expect(await refusal()).toMatch(/checkpoint is a link/);
    rmSync(path.join(run, 'checkpoint'));
    renameSync(path.join(folder, 'checkpoint'), path.join(run, 'checkpoint'));
    rmSync(log);
    mkdirSync(log);
    expect(await refusal()).toMatch(/cannot write into the run folder/);
  });
});

describe('metrics after a stop', () => {
  const options = { spec: toySpec({ epochs: 12, objective: 'performance-optimized' }) } as const;
  const csv = (run: string): string[] => readFileSync(path.join(run, 'metrics.csv'), 'utf8').split('\n');
  const tensorboard = (run: string): string[] => readdirSync(run).filter((name) => name.includes('tfevents'));
  const observed = async (
    run: TrainOptions,
    metrics: MetricsLog,
    stop?: (event: RunEvent) => boolean,
  ): Promise<void> => {
    await carriedOut(run, (event) => metrics.observe(event), stop);
    metrics.close();
  };

  it.each([
    ['with --log again', ['csv', 'tensorboard']],
    ['without it', []],
  ] as const)('each task once, %s, though both files end in the middle of a record', async (_, formats) => {
    const run = path.join(ownFolder(), 'run');
    await observed({ ...options, out: run }, new MetricsLog(['csv', 'tensorboard']), atChapter(5));
    const before = csv(run).filter(Boolean).length;
    // As after a kill: a task whose state was not saved yet, and half of a row.
    const log = path.join(run, 'events.jsonl');
    const last =
      readFileSync(log, 'utf8')
        .split('\n')
        .findLast((line) => line.includes('task-finished')) ?? '';
    appendFileSync(log, `${last.replace(/"chapter":\d+/g, '"chapter":11')}\n`);
    appendFileSync(path.join(run, 'metrics.csv'), '12,1,1,5');
    appendFileSync(path.join(run, tensorboard(run)[0] as string), 'x');
    await observed({ resume: run }, new MetricsLog(formats));
    const all = csv(run).slice(1, -1);
    const rows = all.filter((row) => row.split(',')[1] !== 'validation');
    const validations = all.filter((row) => !rows.includes(row)).map((row) => row.split(',')[0]);
    expect(new Set(validations).size).toBe(validations.length);
    expect(validations).toContain('12');
    expect(before).toBeGreaterThan(10);
    expect(rows.map((row) => row.split(',').slice(0, 2).join('.')).toSorted()).toEqual(
      Array.from({ length: 12 * 3 }, (__, i) => `${Math.floor(i / 3) + 1}.${(i % 3) + 1}`).toSorted(),
    );
    expect(tensorboard(run)).toHaveLength(1);
    const bytes = readFileSync(path.join(run, tensorboard(run)[0] as string));
    let records = 0;
    for (let at = 0; at < bytes.length; at += 16 + Number(bytes.readBigUInt64LE(at))) records++;
    expect(records).toBe(1 + 12 * 3 + 1 + validations.length);
  });

  it('a run that never had them gets none', async () => {
    const run = path.join(ownFolder(), 'run');
    await observed({ ...options, out: run }, new MetricsLog([]), atChapter(5));
    await observed({ resume: run }, new MetricsLog([]));
    expect(readdirSync(run).filter((name) => /metrics|tfevents/.test(name))).toEqual([]);
  });
});

describe('a file that a run does not depend on', () => {
  it('tells once that it cannot be written, and has everything once it can', () => {
    const file = path.join(ownFolder(), 'log');
    let space = false;
    const told: string[] = [];
    const log = new AppendFile(
      () => {
        if (!space) throw new Error('ENOSPC: no space left on device');
        return openSync(file, 'a');
      },
      (reason) => told.push(reason),
      Buffer.from('head\n'),
    );
    log.append('one\n');
    log.append('two\n');
    expect(told).toEqual(['ENOSPC: no space left on device']);
    space = true;
    log.append('three\n');
    log.close();
    expect(readFileSync(file, 'utf8')).toBe('head\none\ntwo\nthree\n');
  });
});
