/** Runs that stop and go on: the same bits for every variant, damaged checkpoints, longer runs, and what is refused. */
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { objectives } from '../../src/objectives/table.js';
import type { RunEvent, RunResult } from '../../src/run/events.js';
import type { TrainOptions } from '../../src/run/options.js';
import { train, trainToEnd } from '../../src/run/train.js';
import type { PartialSpec, RunSpec } from '../../src/spec/spec.js';
import { toyDataset, toySpec } from '../helpers/tiny.js';

const dataset = toyDataset();
const folders: string[] = [];

function newRun(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pff-resume-'));
  folders.push(folder);
  return path.join(folder, 'run');
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Begins a run and interrupts it once a task of chapter `chapter` (from 0) is finished. */
async function stopped(options: TrainOptions, chapter: number): Promise<string> {
  const out = newRun();
  const stop = new AbortController();
  try {
    for await (const event of train({ ...options, out, signal: stop.signal }, dataset))
      if (event.type === 'task-finished' && event.task.chapter >= chapter) stop.abort(new Error('stop'));
  } catch (error) {
    if (!(error instanceof PffError) || error.code !== 'interrupted') throw error;
    return out;
  }
  throw new Error('the run was not stopped');
}

interface Resumed {
  readonly digest: string;
  readonly resumed: Extract<RunEvent, { type: 'resumed' }>;
  /** Tasks that were carried out. */
  readonly tasks: number;
}

async function resume(run: string, options: TrainOptions = {}): Promise<Resumed> {
  let resumed: Resumed['resumed'] | undefined;
  let digest = '';
  let tasks = 0;
  for await (const event of train({ ...options, resume: run }, dataset)) {
    if (event.type === 'resumed') resumed = event;
    if (event.type === 'task-finished') tasks++;
    if (event.type === 'finished') digest = event.result.modelDigest;
  }
  if (!resumed) throw new Error('nothing was resumed');
  return { digest, resumed, tasks };
}

const refusal = async (run: string, options: TrainOptions): Promise<string> =>
  resume(run, options).then(
    () => 'not refused',
    (error: unknown) => (error instanceof PffError ? `${error.code}: ${error.message}` : String(error)),
  );

const states = (run: string): string[] =>
  readdirSync(path.join(run, 'checkpoint')).filter((name) => name.endsWith('.state'));

const variants: readonly [string, TrainOptions][] = [
  ['sequential, sampled, softmax head', { spec: toySpec({ epochs: 40, classifier: 'softmax' }) }],
  [
    'sequential, AdaptiveNEG of three chapters ago',
    { spec: toySpec({ epochs: 40, negatives: 'adaptive', labelLag: 3 }) },
  ],
  [
    'single-layer',
    { spec: toySpec({ epochs: 40, negatives: 'adaptive', classifier: 'softmax' }), variant: 'single-layer', nodes: 3 },
  ],
  ['all-layers', { spec: toySpec({ epochs: 40, negatives: 'random' }), variant: 'all-layers', nodes: 2 }],
  ['federated', { spec: toySpec({ epochs: 40, shards: 2 }), variant: 'federated', nodes: 2 }],
  [
    'performance-optimized, half epochs',
    { spec: toySpec({ epochs: 20, splits: 40, objective: 'performance-optimized' }) },
  ],
  ['backprop', { spec: toySpec({ epochs: 40, objective: 'backprop' }) }],
  ['backprop-heads', { spec: toySpec({ epochs: 40, objective: 'backprop-heads' }) }],
  [
    'convolutions with batch normalisation',
    {
      spec: toySpec({ epochs: 20, layers: ['1x6x6', 'conv4+bn+max2', 'conv6+bn', 8], objective: 'pred' }),
      variant: 'all-layers',
      nodes: 2,
    },
  ],
  ['dff', { spec: toySpec({ epochs: 40, splits: 40, negatives: 'random' }), variant: 'dff' }],
];

function resultIn(run: string): RunResult & { readonly events: readonly RunEvent[] } {
  const read = (name: string): string => readFileSync(path.join(run, name), 'utf8');
  const events = read('events.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  return { ...(JSON.parse(read('result.json')) as RunResult), events };
}

/** All that train layer by layer. */
const layerwise = objectives.names.filter((name) => objectives.get(name).trains === 'layer');

describe('a run that was stopped', () => {
  it.each(variants)('%s: goes on where it was, to the same bits', async (_, options) => {
    const whole = await trainToEnd(options, dataset);
    const run = await stopped(options, 12);
    const { digest, resumed } = await resume(run);
    expect(digest).toBe(whole.modelDigest);
    expect(resumed.damaged).toEqual([]);
    expect(Math.max(...resumed.done.map(({ chapter }) => chapter))).toBeGreaterThanOrEqual(11);
    const { events, ...result } = resultIn(run);
    expect(result).toMatchObject({ modelDigest: digest });
    // The first part as its own events tell it.
    const spans = events
      .slice(
        0,
        events.findLastIndex(({ type }) => type === 'started'),
      )
      .flatMap((event) => (event.type === 'task-finished' ? event.spans : []));
    const seconds = Math.max(...spans.map(({ end }) => end)) - Math.min(...spans.map(({ start }) => start));
    expect(result.earlierSeconds).toBeCloseTo(seconds, 9);
    expect(whole.earlierSeconds).toBeUndefined();
  });

  it.each<[string, TrainOptions]>([
    ['sequential', { spec: toySpec({ epochs: 12, classifier: 'softmax' }) }],
    [
      'all-layers on two nodes',
      { spec: toySpec({ epochs: 12, negatives: 'random' }), variant: 'all-layers', nodes: 2 },
    ],
  ])('%s: the chapters that were under way are measured, too, and none twice', async (_, options) => {
    const out = newRun();
    const measured: number[] = [];
    const stop = new AbortController();
    const see = (event: RunEvent): void => {
      if (event.type === 'validation') measured.push(event.chapter);
      // In the middle of a chapter.
      if (event.type === 'task-finished' && event.task.chapter === 5 && event.task.layer === 1)
        stop.abort(new Error('stop'));
    };
    const first = (async () => {
      const asked = { ...options, out, validateEvery: 1, validateSamples: 20, signal: stop.signal };
      for await (const event of train(asked, dataset)) see(event);
    })();
    await expect(first).rejects.toMatchObject({ code: 'interrupted' });
    for await (const event of train({ resume: out, validateEvery: 1, validateSamples: 20 }, dataset)) see(event);
    const chapters = measured.toSorted((a, b) => a - b);
    expect(new Set(chapters).size).toBe(chapters.length);
    // Of several nodes one may be ahead: what was being measured when they were stopped is given up.
    const all = Array.from({ length: 12 }, (__, chapter) => chapter);
    expect(chapters.filter((chapter) => chapter >= 5 || options.nodes === undefined)).toEqual(
      options.nodes === undefined ? all : all.slice(5),
    );
  });

  it.each(layerwise)('convolutions with %s: goes on where it was, to the same bits', async (objective) => {
    const layers = ['1x6x6', 'avg2+conv8+bn', 'conv8+rms+max2', 8];
    const options = { spec: toySpec({ epochs: 10, layers, objective }) };
    const whole = await trainToEnd(options, dataset);
    expect((await resume(await stopped(options, 4))).digest).toBe(whole.modelDigest);
  });

  it('goes on with other nodes and another schedule', async () => {
    const options = { spec: toySpec({ epochs: 20, classifier: 'softmax' }) };
    const whole = await trainToEnd(options, dataset);
    const run = await stopped(options, 6);
    expect((await resume(run, { nodes: 3, variant: 'single-layer' })).digest).toBe(whole.modelDigest);
  });

  it.each(variants.slice(0, 5))('%s: goes on from an early chapter and one layer of the last', async (_, options) => {
    const out = newRun();
    const whole = await trainToEnd({ ...options, out }, dataset);
    const run = await stopped(options, 6);
    // The process was killed while it saved for the first time in long, on a disk that was busy.
    cpSync(path.join(out, 'checkpoint', 'c39.l0.state'), path.join(run, 'checkpoint', 'c39.l0.state'));
    const { digest, resumed } = await resume(run);
    expect(digest).toBe(whole.modelDigest);
    expect(resumed.done).toContainEqual({ chapter: 39, layer: 0 });
    expect(states(run).toSorted()).toEqual(states(out).toSorted());
  });

  it('trains nothing again once it is finished', async () => {
    const out = newRun();
    const whole = await trainToEnd({ spec: toySpec(), out }, dataset);
    const { digest, tasks } = await resume(out);
    expect([digest, tasks]).toEqual([whole.modelDigest, 0]);
  });

  it('mends the log and removes half-written files', async () => {
    const run = await stopped({ spec: toySpec({ epochs: 20 }) }, 6);
    const log = path.join(run, 'events.jsonl');
    appendFileSync(log, '{"type":"progr');
    writeFileSync(path.join(run, 'model.safetensors.tmp-1'), 'x');
    writeFileSync(path.join(run, 'checkpoint', 'c9.l0.state.tmp'), 'x');
    await resume(run);
    expect(readdirSync(run).filter((name) => name.includes('tmp'))).toEqual([]);
    expect(readdirSync(path.join(run, 'checkpoint')).filter((name) => name.includes('tmp'))).toEqual([]);
    const types = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as RunEvent).type);
    expect(types.filter((type) => ['started', 'resumed', 'interrupted', 'finished'].includes(type))).toEqual([
      'started',
      'interrupted',
      'started',
      'resumed',
      'finished',
    ]);
  });
});

describe('a damaged checkpoint', () => {
  const options = { spec: toySpec({ epochs: 20, classifier: 'softmax', negatives: 'adaptive' }) };

  it('is named, and the one before it used, whichever file it is', async () => {
    const whole = (await trainToEnd(options, dataset)).modelDigest;
    for (let i = 0; i < 12; i++) {
      const run = await stopped(options, 9);
      const names = states(run);
      const file = path.join(run, 'checkpoint', names[(i * 5) % names.length] as string);
      const bytes = readFileSync(file);
      if (i % 3 === 0) truncateSync(file, Math.floor(bytes.length * 0.7));
      else if (i % 3 === 1) truncateSync(file, i % 2);
      else {
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
        writeFileSync(file, bytes);
      }
      const { digest, resumed } = await resume(run);
      expect(digest).toBe(whole);
      expect(resumed.damaged.map((each) => each.file)).toEqual([file]);
      // The saving before it was not used up: not all is trained from the start.
      expect(Math.max(...resumed.done.map(({ chapter }) => chapter))).toBeGreaterThanOrEqual(5);
    }
  });

  it('even if all files are gone bad, the run begins again and ends with the same bits', async () => {
    const whole = (await trainToEnd(options, dataset)).modelDigest;
    const run = await stopped(options, 6);
    const names = states(run);
    for (const name of names) truncateSync(path.join(run, 'checkpoint', name), 100);
    const { digest, resumed } = await resume(run);
    expect([digest, resumed.done.length, resumed.damaged.length]).toEqual([whole, 0, names.length]);
  });
});

describe('more epochs', () => {
  const short: PartialSpec = { epochs: 3, cooldownAfter: 1 };

  it.each<[string, PartialSpec, TrainOptions]>([
    ['sequential', { classifier: 'softmax' }, {}],
    ['AdaptiveNEG of three chapters ago', { negatives: 'adaptive', labelLag: 3 }, { nodes: 2 }],
    ['backprop-heads', { objective: 'backprop-heads' }, {}],
    ['dff', { negatives: 'random' }, { variant: 'dff' }],
    ['chapters of half an epoch', { splits: 6 }, {}],
  ])('%s: a finished run is prolonged to the bits of the long one', async (_, more, options) => {
    const out = newRun();
    await trainToEnd({ ...options, spec: toySpec({ ...short, ...more }), out }, dataset);
    const splits = more.splits === undefined ? 7 : 14;
    const long = await trainToEnd({ ...options, spec: toySpec({ ...short, ...more, epochs: 7, splits }) }, dataset);
    const { digest, resumed } = await resume(out, { spec: { epochs: 7 } });
    expect(digest).toBe(long.modelDigest);
    expect(Math.max(...resumed.done.map(({ chapter }) => chapter))).toBe((3 * splits) / 7 - 1);
  });

  it('that would move chapters are refused, with the fewest that do not', async () => {
    const out = newRun();
    await trainToEnd({ spec: toySpec({ epochs: 6, splits: 4 }), out }, dataset);
    await expect(resume(out, { spec: { epochs: 7 } })).rejects.toMatchObject({ hint: 'Give a multiple of 3 epochs.' });
  });

  it('keep the model that the run had finished with, when they are interrupted', async () => {
    const out = newRun();
    await trainToEnd({ spec: toySpec({ epochs: 3 }), out }, dataset);
    const model = readFileSync(path.join(out, 'model.safetensors'));
    const interrupt = async (): Promise<void> => {
      const stop = new AbortController();
      for await (const event of train({ resume: out, spec: { epochs: 40 }, signal: stop.signal }, dataset))
        if (event.type === 'task-finished') stop.abort(new Error('stop'));
    };
    const kept = path.join(out, 'model-3-epochs.safetensors');
    const interrupted = {
      code: 'interrupted',
      hint: expect.stringContaining(`What it had finished with before is in ${kept}.`),
    };
    await expect(interrupt()).rejects.toMatchObject(interrupted);
    await expect(interrupt()).rejects.toMatchObject(interrupted);
    expect(readFileSync(kept)).toEqual(model);
    expect(readFileSync(path.join(out, 'model.safetensors'))).not.toEqual(model);
  });

  it('prolong a run before its cooldown has begun, and are a new phase after', async () => {
    const spec = toySpec({ epochs: 20 });
    const long = await trainToEnd({ spec: toySpec({ epochs: 40 }) }, dataset);
    const run = await stopped({ spec }, 5);
    expect((await resume(run, { spec: { epochs: 40 } })).digest).toBe(long.modelDigest);
    const late = await stopped({ spec }, 12);
    const phased = await trainToEnd({ spec: toySpec({ epochs: 40, phases: [20] }) }, dataset);
    expect(phased.modelDigest).not.toBe(long.modelDigest);
    expect((await resume(late, { spec: { epochs: 40 } })).digest).toBe(phased.modelDigest);
  });

  it.each<[string, PartialSpec, TrainOptions]>([
    ['cooldown', {}, {}],
    ['cosine with warm-up, softmax head', { schedule: 'cosine', warmup: 0.2, classifier: 'softmax' }, {}],
    ['step, AdaptiveNEG', { schedule: 'step', negatives: 'adaptive', labelLag: 2 }, {}],
    ['backprop', { objective: 'backprop' }, {}],
    ['dff', { negatives: 'random' }, { variant: 'dff' }],
  ])('%s: after a whole run are a new phase, the same in every schedule and after a kill', async (_, more, options) => {
    const first = toySpec({ epochs: 6, ...more });
    const out = newRun();
    const { modelDigest: before } = await trainToEnd({ ...options, spec: first, out }, dataset);
    const spec = toySpec({ ...more, epochs: 15, splits: 15, phases: [6] });
    const whole = await trainToEnd({ ...options, spec }, dataset);
    expect(whole.modelDigest).not.toBe(before);
    const pipeline = options.variant !== 'dff' && more.objective !== 'backprop';
    if (pipeline)
      expect((await trainToEnd({ spec, nodes: 3, variant: 'all-layers' }, dataset)).modelDigest).toBe(
        whole.modelDigest,
      );
    // Gone on with, stopped in the new phase, and gone on with on other nodes.
    const stop = new AbortController();
    const running = (async () => {
      const asked = { resume: out, spec: { epochs: 15 }, signal: stop.signal };
      for await (const event of train(asked, dataset)) {
        if (event.type === 'notice') expect(event.text).toMatch(/^epochs 7 to 15 are a new phase/);
        if (event.type === 'task-finished' && event.task.chapter === 9) stop.abort(new Error('stop'));
      }
    })();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    const { digest, resumed } = await resume(out, pipeline ? { nodes: 2, variant: 'single-layer' } : {});
    expect(digest).toBe(whole.modelDigest);
    expect(Math.min(...resumed.done.map(({ chapter }) => chapter))).toBeLessThan(6);
    const { spec: written } = JSON.parse(readFileSync(path.join(out, 'result.json'), 'utf8')) as { spec: RunSpec };
    expect([written.epochs, written.phases]).toEqual([15, [6]]);
    // And a third one.
    const third = toySpec({ ...more, epochs: 18, splits: 18, phases: [6, 15] });
    const longest = await trainToEnd({ ...options, spec: third }, dataset);
    expect((await resume(out, { spec: { epochs: 18 } })).digest).toBe(longest.modelDigest);
  });
});

describe('what would change the past is refused', () => {
  it.each<[TrainOptions, RegExp]>([
    [
      { spec: { learningRate: 0.5 } },
      /^usage: .* has learningRate 0.02, not 0.5: that would change what it has trained/,
    ],
    [{ spec: { seed: 9 } }, /has seed 3, not 9/],
    [{ spec: { epochs: 8, phases: [3] } }, /has phases none; resumed for more epochs it can have 4, but not 3/],
    [{ spec: { epochs: 2 } }, /^usage: the run has 4 epochs; resumed it can have more, but not 2/],
    [{ spec: { epochs: 8, splits: 4 } }, /chapters must stay as long as they are \(4 epochs in 4 chapters\)/],
    [{ variant: 'dff' }, /^usage: the run is of variant sequential and cannot go on as dff/],
    [{ out: 'elsewhere' }, /^usage: a resumed run goes on in its own folder/],
  ])('%j', async (options, message) => {
    const out = newRun();
    await trainToEnd({ spec: toySpec({ cooldownAfter: 1 }), out }, dataset);
    expect(await refusal(out, options)).toMatch(message);
  });

  it('other data, a folder that is no run, no folder', async () => {
    const out = newRun();
    await trainToEnd({ spec: toySpec(), out }, dataset);
    const other = train({ resume: out }, toyDataset(201));
    await expect(other.next()).rejects.toThrow(/is not the one that the run began with/);
    expect(await refusal(path.dirname(out), {})).toMatch(/^files: .* cannot be resumed/);
    expect(await refusal(`${out}-not-there`, {})).toMatch(/^files: there is no run/);
  });

  it('a model without a checkpoint, which nobody is told to remove', async () => {
    const out = newRun();
    await trainToEnd({ spec: toySpec(), out }, dataset);
    rmSync(path.join(out, 'checkpoint'), { recursive: true });
    const error: unknown = await train({ resume: out }, dataset)
      .next()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      hint: expect.stringMatching(/^It has a model, but no checkpoint.*pff attach/) as string,
    });
  });
});
