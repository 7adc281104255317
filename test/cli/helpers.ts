/** Runs the built program as a user would, in a folder of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../bin/pff.js', import.meta.url));

/** A run of less than a second. */
export const SMALL = '--train-samples 640 --test-samples 200 --layers 784,32,32 --epochs 1'.split(' ');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder that is removed by the caller (`drop`), or at the end of the test. */
export function tempFolder(): { readonly folder: string; readonly drop: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'pff-cli-'));
  return { folder, drop: () => rmSync(folder, { recursive: true, force: true }) };
}

/** `tempFolder` for the running test only. */
export function ownFolder(): string {
  const { folder, drop } = tempFolder();
  onTestFinished(drop);
  return folder;
}

/** Runs `pff args` in `cwd` to its end; `watch` sees the process, and what stderr has so far each time it grows. `more` goes over the environment. */
export function pff(
  args: readonly string[],
  cwd: string,
  watch?: (child: ChildProcessWithoutNullStreams, stderr: string) => void,
  more: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const env = { ...process.env };
  for (const name of ['FORCE_COLOR', 'NO_COLOR', 'PFF_DEBUG', 'PFF_CACHE_DIR']) delete env[name];
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env: { ...env, ...more } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    watch?.(child, stderr);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Anything that a log file or a pipe should not get: escape sequences, carriage returns. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
export const CONTROL = /[\u0000-\u0009\u000B-\u001F\u007F]/;
