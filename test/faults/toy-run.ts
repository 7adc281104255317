/** Starts toy-run.mjs, and ends it by force where a test says so. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TrainOptions } from '../../src/run/options.js';

const PROGRAM = fileURLToPath(new URL('toy-run.mjs', import.meta.url));

export interface ToyEnd {
  /** Hex digest, if the run finished. */
  readonly digest: string | undefined;
  readonly lines: readonly string[];
  /** True if the kill struck, be it after the digest was printed and before the process had cleaned up. */
  readonly killed: boolean;
  /** Milliseconds from the beginning of training to the end of the process. */
  readonly ms: number;
}

/** Runs to the end, or kills the process `killAfterMs` after training began. */
export function toyRun(options: Omit<TrainOptions, 'signal'>, killAfterMs?: number): Promise<ToyEnd> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  let begun = performance.now();
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (timer !== undefined || !out.includes('started')) return;
    begun = performance.now();
    timer = setTimeout(() => killAfterMs !== undefined && child.kill('SIGKILL'), killAfterMs ?? 0);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (_, signal) => {
      clearTimeout(timer);
      const lines = out.trimEnd().split('\n');
      const digest = lines.find((line) => line.startsWith('finished '))?.split(' ')[1];
      resolve({ digest, lines, killed: signal === 'SIGKILL', ms: performance.now() - begun });
    });
  });
}

/** What a finished run leaves, and nothing else: files of the run folder, and of its checkpoint those that are no outputs. */
export function leftovers(run: string): string[] {
  const expected = ['checkpoint', 'events.jsonl', 'model.safetensors', 'result.json', 'spec.json'];
  return [
    ...readdirSync(run).filter((name) => !expected.includes(name)),
    ...readdirSync(`${run}/checkpoint`).filter((name) => !/^(run\.json|c\d+\.(l\d+|labels)\.state)$/.test(name)),
  ];
}
