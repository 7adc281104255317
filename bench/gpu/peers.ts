/** PyTorch on the same GPU, eager and compiled, in f32 and bf16: a process for each, asked by JSON lines. */
import { join } from 'node:path';
import { messageOf } from '../../src/errors.js';
import { secondsOf } from '../compare/lines.js';
import { Conversation } from '../compare/peer-process.js';
import { environment, missing, type Missing, type Peer } from '../compare/peers.js';
import type { Operands } from '../compare/contender.js';

const common = { script: 'pytorch/gpu.py', kind: 'python' } as const;

export const GPU_PEERS: readonly Peer[] = [
  { ...common, name: 'pytorch-eager', title: 'PyTorch, eager', operands: 'f32' },
  { ...common, name: 'pytorch-compile', title: 'PyTorch, torch.compile', operands: 'f32', arguments: ['--compile'] },
  {
    ...common,
    name: 'pytorch-eager-bf16',
    title: 'PyTorch, eager, autocast to bf16',
    operands: 'bf16',
    arguments: ['--bf16'],
  },
  {
    ...common,
    name: 'pytorch-compile-bf16',
    title: 'PyTorch, torch.compile, autocast to bf16',
    operands: 'bf16',
    arguments: ['--compile', '--bf16'],
  },
];

export interface OpenGpuPeer {
  readonly title: string;
  readonly operands: Operands;
  readonly about: string;
  /** Seconds of a piece of work by its own clock. */
  ask(work: 'step' | 'epoch' | 'preset', sizes: Readonly<Record<string, unknown>>): Promise<number>;
  close(): Promise<void>;
}

/** @param onCpu only to try the script where there is no GPU */
export async function openGpuPeers(
  folder: string,
  python: string,
  onCpu: boolean,
): Promise<{ readonly open: OpenGpuPeer[]; readonly absent: Missing[] }> {
  const open: OpenGpuPeer[] = [];
  const absent: Missing[] = [];
  for (const peer of GPU_PEERS) {
    const why = missing(peer, folder, python);
    if (why) {
      // It is the same package for all.
      absent.push({ ...why, name: 'PyTorch' });
      break;
    }
    const args = ['-B', join(folder, peer.script), ...(peer.arguments ?? []), ...(onCpu ? ['--cpu'] : [])];
    const { name, title, operands } = peer;
    const talk = new Conversation({ name, operands, command: python, args, env: environment({}) });
    try {
      const { about } = await talk.ask({ do: 'open' });
      open.push({
        title,
        operands,
        about: String(about),
        ask: async (work, sizes) => secondsOf(name, await talk.ask({ do: work, ...sizes })),
        close: () => talk.close(),
      });
    } catch (error) {
      await talk.close();
      absent.push({
        name: title,
        why: messageOf(error),
        install: 'a PyTorch with CUDA or ROCm; name its Python with --python',
      });
    }
  }
  return { open, absent };
}
