/** A peer in a process of its own: questions on its stdin, answers on its stdout, what it complains of on its stderr. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Computed, Contender, EpochTime, Operands, Work } from './contender.js';
import { WORK_NAMES } from './contender.js';
import { numbersOf, parseAnswer, secondsOf, type Question } from './lines.js';

type Fields = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly id: number;
  readonly resolve: (ok: Fields) => void;
  readonly reject: (error: Error) => void;
}

export interface PeerCommand {
  readonly name: string;
  readonly operands: Operands;
  readonly command: string;
  readonly args: readonly string[];
  /** Instead of the bench's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One question at a time; a peer that dies or says nonsense fails the question. */
export class Conversation {
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  #complaints = '';
  #waiting: Waiting | undefined;
  #asked = 0;
  #ended: string | undefined;

  constructor({ name, command, args, env }: PeerCommand) {
    this.#name = name;
    this.#child = spawn(command, args, { env, stdio: 'pipe' });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString()).slice(-2000);
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (code, signal) => this.#end(`it ended with ${signal ?? `exit code ${code ?? '?'}`}`));
    this.#child.stdin.on('error', () => {}); // 'close' says it better
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
  }

  ask(question: Question): Promise<Fields> {
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting = { id, resolve, reject };
      if (this.#ended !== undefined) this.#end(this.#ended);
      else this.#child.stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    });
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await closed;
    clearTimeout(timer);
  }

  #hear(line: string): void {
    const waiting = this.#waiting;
    const answer = parseAnswer(line);
    if (!waiting) return;
    if (!('wrong' in answer) && answer.id !== waiting.id) return;
    this.#waiting = undefined;
    if ('wrong' in answer) waiting.reject(new Error(`${this.#name}: ${answer.wrong}`));
    else if ('error' in answer) waiting.reject(new Error(`${this.#name}: ${answer.error}`));
    else waiting.resolve(answer.ok);
  }

  #end(reason: string): void {
    this.#ended = reason;
    const last = this.#complaints.trim().split('\n').slice(-3).join(' | ');
    this.#waiting?.reject(new Error(`${this.#name}: ${reason}${last ? ` (${last})` : ''}`));
    this.#waiting = undefined;
  }
}

/** Losses and a file of values in the answer of a peer. */
export function computedBy(name: string, ok: Fields): Computed {
  const values = new Float32Array(new Uint8Array(readFileSync(String(ok['file']))).buffer);
  return { losses: numbersOf(name, ok, 'losses'), values };
}

/** Starts a peer and hands it the workload in `folder`. @throws Error with the peer's own words if it cannot start. */
export async function openPeer(
  command: PeerCommand,
  folder: string,
  threads: number,
  checkedBatches: number,
): Promise<Contender> {
  const talk = new Conversation(command);
  const { name, operands } = command;
  let opened: Fields;
  try {
    opened = await talk.ask({ do: 'open', folder, threads });
  } catch (error) {
    await talk.close();
    throw error;
  }
  const can = Array.isArray(opened['work']) ? opened['work'] : [];
  const computed = (ok: Fields): Computed => computedBy(name, ok);
  return {
    name,
    about: String(opened['about']),
    operands,
    isOurs: false,
    work: new Set(WORK_NAMES.filter((work) => can.includes(work))),
    trains: opened['trains'] === true,
    whole: false,
    run: async (work: Work) => secondsOf(name, await talk.ask({ do: 'run', work })),
    compute: async (work: Work, steps: number) => computed(await talk.ask({ do: 'compute', work, steps })),
    epoch: async (batches: number): Promise<EpochTime> => ({
      seconds: secondsOf(name, await talk.ask({ do: 'epoch', batches })),
      batches,
    }),
    computeEpoch: async () => computed(await talk.ask({ do: 'compute_epoch', batches: checkedBatches })),
    close: () => talk.close(),
  };
}
