/** Our convolutions beside PyTorch's (oneDNN): the same shapes in turn, after a check that all compute the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PffError } from '../../src/errors.js';
import type { Kernels, Precision } from '../../src/kernels/kernels.js';
import type { CompiledKernels } from '../../src/kernels/compiled/compiled.js';
import { compare } from '../compare/check.js';
import type { Operands, Worker } from '../compare/contender.js';
import { secondsOf } from '../compare/lines.js';
import { measureContenders, type Compared } from '../compare/measure.js';
import { computedBy, Conversation } from '../compare/peer-process.js';
import { environment, hasAvx512, missing, pythonSettings, type Missing, type Peer } from '../compare/peers.js';
import { openOurConvolutions } from './ours.js';
import {
  CONVOLUTION_WORK,
  openConvolutionWorkload,
  writeConvolutionWorkload,
  type ConvolutionWork,
  type ConvolutionWorkload,
} from './workload.js';

const peers: readonly Peer[] = [
  { name: 'pytorch', title: 'PyTorch', script: 'pytorch/convolutions.py', kind: 'python', operands: 'f32' },
  {
    name: 'pytorch-autocast',
    title: 'PyTorch, autocast to bf16',
    script: 'pytorch/convolutions.py',
    arguments: ['--autocast'],
    kind: 'python',
    operands: 'bf16',
  },
];

const WORK = Object.keys(CONVOLUTION_WORK) as ConvolutionWork[];
/** Steps that are compared. */
const STEPS = 3;
/**
 * How far losses of the network's steps may be apart. In bf16 PyTorch rounds all that leaves a convolution, a normalisation or a pool,
 * too, and Adam's first steps take the sign of the smallest gradient.
 */
const NETWORK_LOSS = { f32: 1e-3, bf16: 0.1 } as const;

export interface ConvolutionsOptions {
  readonly peersFolder: string;
  readonly python: string;
  /** Whether to measure PyTorch, too. */
  readonly peers: boolean;
  readonly threads: number;
  readonly repetitions: number;
  readonly progress: (text: string) => void;
}

export interface ConvolutionsReport {
  readonly contenders: readonly { readonly name: string; readonly about: string }[];
  readonly missing: Missing | undefined;
  /** Why a peer in bf16 was not measured: it computes something else, as PyTorch 1.13 does on CPUs without bf16. */
  readonly leftOut: readonly string[];
  /** The largest differences between peers and ours. */
  readonly worst: Readonly<Partial<Record<Operands, { loss: number; values: number }>>>;
  readonly compared: readonly Compared<ConvolutionWork>[];
}

/** @throws PffError `kernels` if a peer in f32, or our own kernels in another precision of bf16, compute something else. */
export async function runConvolutions(
  kernels: CompiledKernels,
  rounding: ReadonlyMap<Exclude<Precision, 'f32'>, Kernels>,
  options: ConvolutionsOptions,
): Promise<ConvolutionsReport> {
  const { progress } = options;
  const workload = openConvolutionWorkload();
  const folder = mkdtempSync(join(tmpdir(), 'pff-bench-'));
  const open: Worker<ConvolutionWork>[] = [];
  try {
    writeConvolutionWorkload(workload, folder);
    open.push(await openOurConvolutions(kernels, 'f32', workload));
    for (const [precision, one] of rounding) open.push(await openOurConvolutions(one, precision, workload));
    const wanted = options.peers ? peers.filter(({ operands }) => open.some((one) => one.operands === operands)) : [];
    const absent = wanted[0] && missing(wanted[0], options.peersFolder, options.python);
    if (!absent) for (const peer of wanted) open.push(await openPeer(peer, folder, options));
    progress('checking that all compute the same convolutions');
    const { worst, apart } = await checked(open, workload);
    progress('measuring convolutions');
    const flop = Object.fromEntries(WORK.map((work) => [work, CONVOLUTION_WORK[work].flop]));
    const measured = open.filter(({ name }) => !apart.has(name));
    const compared = await measureContenders(
      measured,
      flop as Record<ConvolutionWork, number>,
      () => kernels.measurePeak(2) * options.threads,
      options.repetitions,
    );
    const contenders = measured.map(({ name, about }) => ({ name, about }));
    return { contenders, missing: absent, leftOut: [...apart.values()], worst, compared };
  } finally {
    for (const one of open.toReversed()) await one.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openPeer(
  { name, operands, script, arguments: args = [] }: Peer,
  folder: string,
  { peersFolder, python, threads }: ConvolutionsOptions,
): Promise<Worker<ConvolutionWork>> {
  // oneDNN chooses its kernels by itself; what is left to set are large pages and PyTorch's AVX-512 code.
  const settings = pythonSettings(hasAvx512(), 'bf16').at(-1) ?? {};
  const env = environment({ ...settings, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) });
  const talk = new Conversation({
    name,
    operands,
    command: python,
    args: ['-B', join(peersFolder, script), ...args],
    env,
  });
  const opened = await talk.ask({ do: 'open', folder, threads });
  return {
    name,
    about: String(opened['about']),
    operands,
    isOurs: false,
    work: new Set(WORK),
    run: async (work) => secondsOf(name, await talk.ask({ do: 'run', work })),
    compute: async (work, steps) => computedBy(name, await talk.ask({ do: 'compute', work, steps })),
    close: () => talk.close(),
  };
}

/** Compares what peers compute with ours: in f32 with f32, in bf16 with our bf16. `apart`: those in bf16 that compute something else. */
async function checked(
  all: readonly Worker<ConvolutionWork>[],
  { layers }: ConvolutionWorkload,
): Promise<Pick<ConvolutionsReport, 'worst'> & { apart: ReadonlyMap<string, string> }> {
  const differences: {
    readonly name: string;
    readonly operands: Operands;
    readonly loss: number;
    readonly values: number;
  }[] = [];
  const apart = new Map<string, string>();
  for (const operands of ['f32', 'bf16'] as const) {
    const [ours, ...others] = all.filter((one) => one.operands === operands);
    if (!ours) continue;
    for (const work of WORK) {
      const wanted = others.filter(({ name }) => !apart.has(name));
      if (wanted.length === 0) break;
      const { size } = CONVOLUTION_WORK[work];
      const steps = work.startsWith('step');
      const mine = await ours.compute(work, STEPS);
      for (const peer of wanted) {
        const theirs = await peer.compute(work, STEPS);
        const before = steps && size ? layers.get(size)?.weight : undefined;
        const found = compare(theirs, mine, operands, steps ? 'trained' : 'inferred', before);
        const ok = work === 'network' ? found.loss <= NETWORK_LOSS[operands] : found.ok;
        if (!ok) {
          const why = `${peer.name} does not compute what we compute (${CONVOLUTION_WORK[work].title}): losses differ by ${found.loss.toExponential(1)} and values by ${found.values.toExponential(1)}`;
          if (operands === 'f32' || peer.isOurs) throw new PffError('kernels', why);
          apart.set(peer.name, why);
          continue;
        }
        differences.push({ name: peer.name, operands, loss: found.loss, values: found.values });
      }
    }
  }
  const worst: Partial<Record<Operands, { loss: number; values: number }>> = {};
  for (const { name, operands, loss, values } of differences) {
    if (apart.has(name)) continue;
    const known = worst[operands] ?? { loss: 0, values: 0 };
    worst[operands] = { loss: Math.max(known.loss, loss), values: Math.max(known.values, values) };
  }
  return { worst, apart };
}
