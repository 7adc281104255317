/** Opens ours and every peer that is here, checks that they compute the same, and measures them in turn. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDataset } from '../../src/data/sources/load.js';
import { messageOf, PffError } from '../../src/errors.js';
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import type { CompiledKernels } from '../../src/kernels/compiled/compiled.js';
import type { KernelsChoice } from '../../src/kernels/open.js';
import { loadWasm } from '../../src/kernels/wasm/load.js';
import { openWasm } from '../../src/kernels/wasm/wasm.js';
import type { RunResult } from '../../src/run/events.js';
import { summarise } from '../statistics.js';
import type { Contender, Operands } from './contender.js';
import { checkContenders, type Checked } from './checks.js';
import { type EpochCompared, measureEpochs } from './epoch.js';
import { type Compared, flopOf, measureContenders } from './measure.js';
import { openOurs } from './ours.js';
import { openPeer } from './peer-process.js';
import {
  commandOf,
  hasAvx512,
  missing,
  type Missing,
  type Peer,
  PEERS,
  pythonSettings,
  type Settings,
} from './peers.js';
import { CHECKED_BATCHES, openWorkload, PREDICTED, ROWS, writeWorkload } from './workload.js';

export const LAYERS = [784, 2000, 2000, 2000, 2000];

export interface ComparisonOptions {
  readonly peers: ReadonlySet<string>;
  readonly peersFolder: string;
  readonly python: string;
  readonly threads: number;
  readonly repetitions: number;
  /** Epochs to measure; 0 for none. */
  readonly rounds: number;
  readonly shareSeconds: number;
  /** Whether to measure single pieces of work. */
  readonly pieces: boolean;
  readonly samples: number;
  readonly progress: (text: string) => void;
}

export interface Comparison {
  readonly contenders: readonly { readonly name: string; readonly about: string }[];
  readonly missing: readonly Missing[];
  readonly checks: readonly Checked[];
  readonly compared: readonly Compared[];
  readonly epochs: readonly EpochCompared[];
  /** Our last epoch. */
  readonly result: RunResult | undefined;
}

/**
 * @param kernels ours in f32.
 * @param rounding ours in precisions that round operands. Peers in bf16 are there if one of ours is.
 * @throws PffError `kernels` if a peer computes something else than we do.
 */
export async function runComparison(
  kernels: CompiledKernels,
  rounding: ReadonlyMap<Exclude<Precision, 'f32'>, Kernels>,
  choice: KernelsChoice,
  options: ComparisonOptions,
): Promise<Comparison> {
  const { progress } = options;
  const workload = openWorkload(await loadDataset({ dataset: 'mnist' }), LAYERS, options.samples);
  const folder = mkdtempSync(join(tmpdir(), 'pff-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const open: Record<Operands, Contender[]> = { f32: [], bf16: [] };
  try {
    progress('writing what all work on');
    writeWorkload(workload, folder);
    const ours = await openOurs(kernels, 'f32', choice, workload);
    open.f32.push(ours);
    const wasm = await loadWasm();
    if ('functions' in wasm) {
      const own = openWasm(wasm);
      const rate = summarise(Array.from({ length: 9 }, () => own.measurePeak(5))).median / 1e9;
      const one = await openOurs(own, 'f32', 'wasm', workload);
      const vectors = `${wasm.build} multiply-adds of 128 bits, at most ${rate.toFixed(1)} GFLOP/s`;
      open.f32.push({ ...one, about: `${one.about}, ${vectors}` });
    }
    for (const [precision, one] of rounding) open.bf16.push(await openOurs(one, precision, choice, workload));
    const groups = (['f32', 'bf16'] as const).filter((operands) => open[operands].length > 0);
    const absent: Missing[] = [];
    for (const operands of groups) absent.push(...(await openPeers(open[operands], operands, folder, options)));
    const all = groups.flatMap((operands) => open[operands]);
    const contenders = all.map(({ name, about }) => ({ name, about }));
    const checks: Checked[] = [];
    for (const operands of groups) {
      progress(`checking that all compute the same in ${operands}`);
      checks.push(...(await checkContenders(open[operands], operands, workload)));
    }
    const peak = () => kernels.measurePeak(2) * options.threads;
    const flop = flopOf(LAYERS, ROWS, PREDICTED);
    if (options.pieces) progress('measuring steps, forward passes and predictions');
    const compared = options.pieces ? await measureContenders(all, flop, peak, options.repetitions) : [];
    const { rounds, shareSeconds } = options;
    const epochs = rounds > 0 ? await measureEpochs(all, workload.batches, rounds, shareSeconds, progress) : [];
    return { contenders, missing: absent, checks, compared, epochs, result: ours.lastEpoch() };
  } finally {
    for (const one of [...open.bf16, ...open.f32].toReversed()) await one.close();
    process.off('exit', remove);
    remove();
  }
}

/** Adds every peer that can run to `into`; returns those that cannot. */
async function openPeers(
  into: Contender[],
  operands: Operands,
  folder: string,
  options: ComparisonOptions,
): Promise<Missing[]> {
  const absent: Missing[] = [];
  let settings: Settings | undefined;
  for (const peer of PEERS.filter((one) => one.operands === operands && options.peers.has(one.name))) {
    const why = missing(peer, options.peersFolder, options.python);
    if (why) {
      absent.push(why);
      continue;
    }
    if (peer.kind === 'python') settings ??= await fastestSettings(operands, folder, options);
    options.progress(`opening ${peer.name}`);
    into.push(await openOne(peer, folder, settings ?? {}, options));
  }
  return absent;
}

async function openOne(peer: Peer, folder: string, settings: Settings, options: ComparisonOptions): Promise<Contender> {
  const command = commandOf(peer, options.peersFolder, options.python, settings, options.threads);
  try {
    return await openPeer(command, folder, options.threads, CHECKED_BATCHES);
  } catch (error) {
    throw new PffError('usage', `a peer is installed but does not start: ${messageOf(error)}`, {
      hint: `--peers with the others, or none, leaves it out.`,
    });
  }
}

/** The settings under which PyTorch takes the least for our step, of five repetitions each, in turn. */
async function fastestSettings(operands: Operands, folder: string, options: ComparisonOptions): Promise<Settings> {
  const name = operands === 'f32' ? 'pytorch-by-hand' : 'pytorch-bf16-by-hand';
  const peer = PEERS.find((one) => one.name === name) as Peer;
  const tried: { settings: Settings; contender: Contender; seconds: number[] }[] = [];
  options.progress(`looking for the settings at which PyTorch is fastest in ${operands}`);
  try {
    for (const settings of pythonSettings(hasAvx512(), operands))
      tried.push({ settings, contender: await openOne(peer, folder, settings, options), seconds: [] });
    for (let repetition = -1; repetition < 5; repetition++)
      for (const { contender, seconds } of tried) {
        const taken = await contender.run('step');
        if (repetition >= 0) seconds.push(taken);
      }
  } finally {
    for (const { contender } of tried) await contender.close();
  }
  const [best] = tried.toSorted((a, b) => summarise(a.seconds).median - summarise(b.seconds).median);
  return best?.settings ?? {};
}
