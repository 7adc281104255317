/** Accuracy on held-out samples while a run goes on, and early stopping: the same bits for every schedule, and after a kill. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { resolveSpec, type PartialSpec } from '../../src/spec/spec.js';
import type { RunEvent, RunResult } from '../../src/run/events.js';
import { train, trainToEnd } from '../../src/run/train.js';
import { validationPlan } from '../../src/run/validator.js';
import { RandomStream } from '../../src/random.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-early-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const dataset = toyDataset();
const TOY_SPEC = toySpec();

type Validation = Extract<RunEvent, { type: 'validation' }>;

/** `looks`: chapters of the looks into the network. */
interface Followed {
  readonly events: Validation[];
  readonly looks: number[];
  readonly result: RunResult;
}

async function followed(spec: PartialSpec, more: object = {}): Promise<Followed> {
  const events: Validation[] = [];
  const looks: number[] = [];
  for await (const event of train({ spec, ...more }, dataset)) {
    if (event.type === 'validation') events.push(event);
    if (event.type === 'analysis') looks.push(event.chapter);
    if (event.type === 'finished') return { events, looks, result: event.result };
  }
  throw new Error('no result');
}

it('accuracy is measured by default, and changes no bit', async () => {
  const { events, result } = await followed(TOY_SPEC);
  const without = await followed(TOY_SPEC, { validateEvery: 0 });
  expect(result.modelDigest).toBe(without.result.modelDigest);
  expect(without.events).toEqual([]);
  const last = events.at(-1);
  // The toy's 80 test samples are all taken: the last figure is that of the evaluation.
  expect([last?.chapter, last?.on, last?.samples, last?.accuracy, last?.layerAccuracy]).toEqual([
    result.splits - 1,
    'test',
    80,
    result.testAccuracy,
    result.layerAccuracy,
  ]);
});

it('every schedule and the baselines measure the same', async () => {
  const asked = { validateEvery: 1, validateSamples: 50 };
  const figures = async (spec: PartialSpec, more: object = {}): Promise<unknown> =>
    (await followed(spec, { ...asked, ...more })).events.map(({ chapter, accuracy, macroF1 }) => [
      chapter,
      accuracy,
      macroF1,
    ]);
  const one = await figures(TOY_SPEC);
  expect(await figures(TOY_SPEC, { nodes: 2, variant: 'all-layers' })).toEqual(one);
  expect(
    await figures({ ...TOY_SPEC, objective: 'backprop', negatives: 'none', classifier: 'last-head' }),
  ).toHaveLength(resolveSpec(TOY_SPEC).splits);
});

it('as often and on as many samples as costs one percent', () => {
  const prepared = (trained: number, test: number, more: PartialSpec) =>
    validationPlan(resolveSpec({ ...TOY_SPEC, ...more }), counts(trained, test) as never, {});
  const counts = (trained: number, test: number) => ({
    layout: { suffix: 10 },
    sites: [{ samples: { length: trained } }],
    test: { samples: { count: test } },
    validation: undefined,
  });
  const spec = { epochs: 10, splits: 10, validationSamples: 0 };
  expect(prepared(60_000, 10_000, spec)).toEqual({ every: 1, samples: 203 });
  expect(prepared(6000, 10_000, spec)).toEqual({ every: 10, samples: 200 });
  expect(prepared(60_000, 10_000, { ...spec, earlyStop: 2 })).toEqual({ every: 1, samples: 10_000 });
});

const EARLY: PartialSpec = {
  ...TOY_SPEC,
  validationSamples: 60,
  epochs: 12,
  splits: 12,
  earlyStop: 2,
  learningRate: 0.05,
};

it('stops when it does not get better, keeps the best chapter, and every schedule has the same bits', async () => {
  const { events, looks, result } = await followed(EARLY, { analyseEvery: 3 });
  const best = result.best?.chapter ?? -1;
  // What the page draws of the layers is of the chapter that they are of.
  expect(looks.at(-1)).toBe(best);
  const right = events.map(({ accuracy }) => accuracy);
  expect(right.indexOf(Math.max(...right))).toBe(best);
  expect(events.length).toBe(best + 3);
  expect(result.best?.accuracy).toBe(right[best]);
  // The layers of the best chapter: what accuracy says at the end, on the same samples.
  expect(result.testAccuracy).toBe(right[best]);
  for (const more of [
    { nodes: 3, variant: 'all-layers' },
    { nodes: 2, variant: 'single-layer' },
  ])
    expect((await followed(EARLY, more)).result.modelDigest).toBe(result.modelDigest);
});

it('without samples to decide by it is refused', async () => {
  const error = await trainToEnd({ spec: { ...TOY_SPEC, validationSamples: 0, earlyStop: 1 } }, dataset).catch(
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(PffError);
  expect((error as PffError).message).toBe('earlyStop is 1, but there are no validation samples to decide by');
});

const PROGRAM = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));

/** A run of the program that is killed once its log has `events` validations, if it gets so far. */
function program(args: readonly string[], killAfter = Infinity): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, 'train', ...args, '--quiet'], { cwd: folder, stdio: 'ignore' });
  const log = path.join(folder, 'killed', 'events.jsonl');
  const watching = setInterval(() => {
    const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
    if (text.split('"type":"validation"').length > killAfter) child.kill('SIGKILL');
  }, 5);
  return new Promise((resolve) => {
    child.on('close', () => {
      clearInterval(watching);
      resolve();
    });
  });
}

it('a run that is killed again and again ends with the same layers', async () => {
  const stream = new RandomStream(3, 'test', 1);
  const rows = Array.from({ length: 900 }, () => {
    const [x, y] = [stream.uniform() - 0.5, stream.uniform() - 0.5];
    const noisy = stream.uniform() < 0.2;
    return `${x},${y},${x * y > 0 !== noisy ? 'same' : 'other'}`;
  });
  writeFileSync(path.join(folder, 'quarters.csv'), ['x,y,class', ...rows].join('\n'));
  const spec = [
    '--data',
    'quarters.csv',
    '--validation',
    '0.2',
    '--early-stop',
    '6',
    '--layers',
    'auto,64,64,64',
    '--epochs',
    '60',
    '--splits',
    '30',
  ];
  await program([...spec, '--out', 'whole']);
  const result = (run: string): RunResult =>
    JSON.parse(readFileSync(path.join(folder, run, 'result.json'), 'utf8')) as RunResult;
  const whole = result('whole');
  await program([...spec, '--out', 'killed', '--nodes', '3'], 2);
  await program(['--resume', 'killed'], 5);
  expect(existsSync(path.join(folder, 'killed', 'result.json'))).toBe(false);
  await program(['--resume', 'killed']);
  expect([result('killed').modelDigest, result('killed').best]).toEqual([whole.modelDigest, whole.best]);
  expect(whole.best?.chapter).toBeLessThan(29);
});
