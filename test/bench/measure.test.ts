/** That contenders take turns, are paired with ours, and that shares of an epoch are scaled. */
import { expect, test } from 'vitest';
import type { Contender, Work } from '../../bench/compare/contender.js';
import { measureEpochs } from '../../bench/compare/epoch.js';
import { flopOf, measureContenders } from '../../bench/compare/measure.js';
import { parseOptions } from '../../bench/options.js';

function toy(name: string, seconds: () => number, log: string[] = [], work: Work[] = ['step']): Contender {
  return {
    name,
    about: '',
    operands: name.includes('bf16') ? 'bf16' : 'f32',
    isOurs: name.startsWith('ours'),
    work: new Set(work),
    trains: work.includes('step'),
    whole: name === 'ours',
    run: async () => {
      log.push(name);
      return seconds();
    },
    compute: async () => ({ losses: [], values: new Float32Array() }),
    epoch: async (batches) => ({ seconds: batches * seconds(), batches }),
    computeEpoch: async () => ({ losses: [], values: new Float32Array() }),
    close: async () => {},
  };
}

test('contenders take turns, each after a run of its own, and are paired with ours', async () => {
  const log: string[] = [];
  let load = 1;
  const ours = toy('ours', () => 0.001 * load, log);
  // The machine is slower in every repetition: both are.
  const peer = toy('peer', () => 0.003 * load++, log);
  const flop = { step: 1e6, 'first-step': 1, forward: 1, predict: 1 };
  const [own, other] = await measureContenders([ours, peer], flop, () => 2e9, 4);
  expect(log).toEqual(Array.from({ length: 5 }, () => ['ours', 'ours', 'peer', 'peer']).flat());
  expect(own?.ratio.median).toBe(1);
  expect(other?.ratio.low).toBeGreaterThan(3);
  expect(own?.peakShare.high).toBeCloseTo((100 * 1e6) / (0.003 * 2e9));
});

test('in bf16, also with the fastest of ours in bf16', async () => {
  const names = { ours: 8, 'ours-bf16': 6, 'ours-bf16-tile': 2, 'peer-f32': 8, 'peer-bf16': 4 };
  const contenders = Object.entries(names).map(([name, ms]) => toy(name, () => ms / 1000));
  const flop = { step: 1e6, 'first-step': 1, forward: 1, predict: 1 };
  const result = await measureContenders(contenders, flop, () => 2e9, 3);
  expect(result.map(({ ratio }) => ratio.median)).toEqual([1, 0.75, 0.25, 1, 0.5]);
  expect(result.map(({ rounded }) => rounded?.median)).toEqual([undefined, 3, 1, undefined, 2]);
});

test('a slow contender gets fewer repetitions; one that cannot do a work gets none', async () => {
  const ours = toy('ours', () => 0.001);
  const slow: string[] = [];
  const infer: string[] = [];
  const contenders = [ours, toy('slow', () => 100, slow), toy('infers', () => 1, infer, ['forward'])];
  const result = await measureContenders(contenders, flopOf([784, 20, 20], 128, 4), () => 1e9, 9);
  expect(slow).toHaveLength(2 * 4);
  expect(infer).toHaveLength(2 * 10);
  expect(result.map(({ name, work }) => `${name}: ${work}`)).toEqual(['ours: step', 'slow: step', 'infers: forward']);
});

test('FLOP are those of the whole matrix products', () => {
  expect(flopOf([7, 5, 3], 2, 4)).toEqual({
    step: 2 * 2 * 2 * 5 * 3,
    'first-step': 2 * 2 * 2 * 7 * 5,
    forward: 2 * 2 * 5 * 3,
    predict: 2 * 10 * 4 * (7 * 5 + 5 * 3),
  });
});

test('an epoch of a peer is scaled from the batches that fit into its time', async () => {
  const [ours, peer] = await measureEpochs(
    [toy('ours', () => 0.1), toy('peer', () => 0.5), toy('infers', () => 1, [], ['forward'])],
    100,
    3,
    10,
    () => {},
  );
  expect(ours).toMatchObject({ name: 'ours', batches: 100, of: 100 });
  expect(peer).toMatchObject({ name: 'peer', batches: 20, of: 100 });
  expect(peer?.seconds.median).toBeCloseTo(50);
  expect(peer?.ratio.median).toBeCloseTo(5);
});

test('options say what there is', () => {
  expect(parseOptions(['--only', 'peers,epoch', '--peers', 'none', '--threads', '1']).only).toEqual(
    new Set(['peers', 'epoch']),
  );
  expect(parseOptions(['--peers', 'none']).peers.size).toBe(0);
  expect(() => parseOptions(['--only', 'peer'])).toThrow(/--only: there is no peer/);
  expect(() => parseOptions(['--repetitions', '0'])).toThrow(/--repetitions must be a whole number of at least 1/);
  expect(() => parseOptions(['--repetition', '3'])).toThrow(/--repetition/);
});
