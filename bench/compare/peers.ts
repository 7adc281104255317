/** Which peers there are, whether they are here, at which settings they run, and how to install those that are missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operands } from './contender.js';
import type { PeerCommand } from './peer-process.js';

export interface Peer {
  readonly name: string;
  /** Its name in tables. */
  readonly title: string;
  readonly script: string;
  readonly arguments?: readonly string[];
  readonly kind: 'python' | 'node';
  /** What its products take; it is compared with ours in the same. */
  readonly operands: Operands;
  /** Packages in bench/peers/node_modules that it needs. */
  readonly packages?: readonly string[];
}

const byHand = { script: 'pytorch/by_hand.py', kind: 'python' } as const;
const autograd = { script: 'pytorch/autograd.py', kind: 'python' } as const;

export const PEERS: readonly Peer[] = [
  { name: 'pytorch-autograd', title: 'PyTorch, autograd', operands: 'f32', ...autograd },
  { name: 'pytorch-whole', title: 'PyTorch, by hand', operands: 'f32', ...byHand, arguments: ['--whole'] },
  { name: 'pytorch-by-hand', title: 'PyTorch, by hand, in blocks', operands: 'f32', ...byHand },
  {
    name: 'pytorch-autocast',
    title: 'PyTorch, autocast to bf16',
    operands: 'bf16',
    ...autograd,
    arguments: ['--autocast'],
  },
  {
    name: 'pytorch-bf16-whole',
    title: 'PyTorch, bf16 by hand',
    operands: 'bf16',
    ...byHand,
    arguments: ['--bf16', '--whole'],
  },
  {
    name: 'pytorch-bf16-by-hand',
    title: 'PyTorch, bf16 by hand, in blocks',
    operands: 'bf16',
    ...byHand,
    arguments: ['--bf16'],
  },
  {
    name: 'onnxruntime-node',
    title: 'onnxruntime-node',
    operands: 'f32',
    script: 'node/onnxruntime.mjs',
    kind: 'node',
    packages: ['onnxruntime-node'],
  },
  {
    name: 'tfjs-wasm',
    title: 'TensorFlow.js WASM',
    operands: 'f32',
    script: 'node/tfjs-wasm.mjs',
    kind: 'node',
    packages: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'],
  },
];

export const INSTALL = {
  python:
    'apt-get install python3-torch libopenblas0-pthread (PyTorch for /usr/bin/python3; or name another with --python)',
  node: 'npm run bench:peers',
} as const;

/** A peer that cannot be measured: why, and what installs it. */
export interface Missing {
  readonly name: string;
  readonly why: string;
  readonly install: string;
}

/** Why `peer` cannot run here, or nothing. */
export function missing(peer: Peer, folder: string, python: string): Missing | undefined {
  const { name, kind } = peer;
  const install = INSTALL[kind];
  if (kind === 'node') {
    const absent = (peer.packages ?? []).filter((each) => !existsSync(join(folder, 'node_modules', each)));
    return absent.length > 0 ? { name, why: `${absent.join(' and ')} is not installed`, install } : undefined;
  }
  const tried = spawnSync(python, ['-c', 'import torch, numpy'], { env: environment({}), encoding: 'utf8' });
  if (tried.error) return { name, why: `${python} cannot be started (${tried.error.message})`, install };
  if (tried.status === 0) return undefined;
  return { name, why: `${python} cannot load it: ${tried.stderr.trim().split('\n').at(-1) ?? ''}`, install };
}

/** The command that starts `peer`, with `settings` in its environment. */
export function commandOf(
  peer: Peer,
  folder: string,
  python: string,
  settings: Settings,
  threads: number,
): PeerCommand {
  const { name, operands } = peer;
  const args = [join(folder, peer.script), ...(peer.arguments ?? [])];
  if (peer.kind === 'node') return { name, operands, command: process.execPath, args, env: environment({}) };
  const count = String(threads);
  const env = environment({ ...settings, OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count });
  return { name, operands, command: python, args: ['-B', ...args], env };
}

export type Settings = Readonly<Record<string, string>>;

/**
 * Settings among which the fastest for PyTorch is looked for. In f32, OpenBLAS's own choice of kernels is half as fast as another
 * on some CPUs; bf16 products are oneDNN's, which chooses by itself. Large pages, and PyTorch's AVX-512 code, which it leaves
 * off by default, mostly help element-wise work.
 */
export function pythonSettings(avx512: boolean, operands: Operands): Settings[] {
  const pages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
  if (process.arch !== 'x64') return [pages];
  const common = { ...pages, ...(avx512 ? { ATEN_CPU_CAPABILITY: 'avx512' } : {}) };
  if (operands === 'bf16') return [{}, pages, ...(avx512 ? [{ ATEN_CPU_CAPABILITY: 'avx512' }, common] : [])];
  const types = ['Haswell', 'Zen', ...(avx512 ? ['SkylakeX', 'Cooperlake'] : [])];
  return [common, ...types.map((type) => ({ ...common, OPENBLAS_CORETYPE: type }))];
}

/** Whether the CPU has AVX-512, as Linux tells. */
export function hasAvx512(): boolean {
  try {
    return /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

/** The bench's environment without what would change a peer's threads or BLAS, and with `more`. */
export function environment(more: Settings): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([key]) => !/^(OPENBLAS|OMP|MKL|DNNL|ATEN|GOTO|PYTHON|NODE_OPTIONS)/.test(key),
  );
  return { ...Object.fromEntries(kept), ...more };
}
