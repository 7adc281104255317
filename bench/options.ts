/** The bench's options, checked: a wrong one is told with what there is. */
import { parseArgs } from 'node:util';
import { PffError } from '../src/errors.js';
import { precisions, type Precision } from '../src/kernels/numerics.js';
import { PEERS } from './compare/peers.js';

export const SECTIONS = ['kernels', 'peers', 'epoch', 'convolutions', 'memory', 'gpu'] as const;
export type Section = (typeof SECTIONS)[number];

export const HELP = `Measures our kernels, and our training step, forward pass, prediction and epoch beside what else could be used.

  npm run bench -- [options]

  --only LIST          of ${SECTIONS.join(', ')}; without it all of them
  --repetitions N      of each measurement of kernels and peers (15)
  --rounds N           of the epoch (2)
  --share-seconds N    what a peer's share of an epoch may take; the whole is scaled from it (10)
  --samples N          training images of an epoch; 0 for all of MNIST (0)
  --threads LIST       kernel threads to measure (1,2)
  --precisions LIST    of ${precisions.join(', ')} (all)
  --peers LIST         of ${PEERS.map(({ name }) => name).join(', ')}, or none; without it all that are installed
  --peer-threads N     threads of ours and every peer where they are compared (1)
  --python FILE        the Python that has PyTorch (/usr/bin/python3)
  --kernels NAME       instruction set of our kernels; the best there is by default
  --gpu-peak N         f32 peak of the GPU in TFLOP/s, of which shares are told; measured where it is not given
  --gpu-tiny           sizes of a moment, on any GPU, one of software too: that the bench works
  --json FILE          writes all figures to FILE as JSON; - for stdout instead of Markdown
  --install-peers      installs the peers that npm has, into bench/peers/, and says how to install the others
`;

export interface Options {
  readonly help: boolean;
  readonly only: ReadonlySet<Section>;
  readonly repetitions: number;
  readonly rounds: number;
  readonly shareSeconds: number;
  readonly samples: number;
  readonly threads: readonly number[];
  readonly precisions: readonly Precision[];
  readonly peers: ReadonlySet<string>;
  readonly peerThreads: number;
  readonly python: string;
  readonly kernels: string | undefined;
  readonly gpuPeak: number | undefined;
  readonly gpuTiny: boolean;
  readonly json: string | undefined;
  readonly installPeers: boolean;
}

/** @throws PffError `usage` for an unknown option or a bad value. */
export function parseOptions(args: readonly string[]): Options {
  const values = parsed(args);
  return {
    help: values.help ?? false,
    only: new Set(listOf('only', values.only, SECTIONS)),
    repetitions: wholeNumber('repetitions', values.repetitions ?? '15', 1),
    rounds: wholeNumber('rounds', values.rounds ?? '2', 1),
    shareSeconds: wholeNumber('share-seconds', values['share-seconds'] ?? '10', 1),
    samples: wholeNumber('samples', values.samples ?? '0', 0),
    threads: (values.threads ?? '1,2').split(',').map((one) => wholeNumber('threads', one, 1)),
    precisions: listOf('precisions', values.precisions, precisions),
    peers: new Set(
      values.peers === 'none'
        ? []
        : listOf(
            'peers',
            values.peers,
            PEERS.map(({ name }) => name),
          ),
    ),
    peerThreads: wholeNumber('peer-threads', values['peer-threads'] ?? '1', 1),
    python: values.python ?? '/usr/bin/python3',
    kernels: values.kernels,
    gpuPeak: values['gpu-peak'] === undefined ? undefined : positive('gpu-peak', values['gpu-peak']),
    gpuTiny: values['gpu-tiny'] ?? false,
    json: values.json,
    installPeers: values['install-peers'] ?? false,
  };
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        only: text,
        repetitions: text,
        rounds: text,
        'share-seconds': text,
        samples: text,
        threads: text,
        precisions: text,
        peers: text,
        'peer-threads': text,
        python: text,
        kernels: text,
        'gpu-peak': text,
        'gpu-tiny': flag,
        json: text,
        'install-peers': flag,
      },
    }).values;
  } catch (error) {
    throw new PffError('usage', error instanceof Error ? error.message : String(error), {
      hint: 'npm run bench -- --help lists the options.',
    });
  }
}

function listOf<T extends string>(option: string, given: string | undefined, known: readonly T[]): readonly T[] {
  if (given === undefined) return known;
  return given.split(',').map((name) => {
    const found = known.find((each) => each === name);
    if (found === undefined)
      throw new PffError('usage', `--${option}: there is no ${name}`, { hint: `There are: ${known.join(', ')}.` });
    return found;
  });
}

function wholeNumber(option: string, given: string, least: number): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < least || given.trim() === '')
    throw new PffError('usage', `--${option} must be a whole number of at least ${least}, but is ${given}`);
  return value;
}

function positive(option: string, given: string): number {
  const value = Number(given);
  if (!(value > 0) || !Number.isFinite(value))
    throw new PffError('usage', `--${option} must be a number above 0, but is ${given}`);
  return value;
}
