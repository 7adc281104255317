/** Starts worker threads: always from built JavaScript, and so that their end cannot take the process with it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Worker, type MessagePort } from 'node:worker_threads';
import { checkBuild } from './build.js';
import { PffError } from '../../errors.js';
import { PACKAGE_FOLDER } from '../../package-folder.js';

export interface ThreadOptions {
  /** The module that the thread runs, such as `node/threads/worker.js`; its name ends in `worker` or `-thread`, so that it is built. */
  readonly entry: string;
  /** Shown by debuggers and profilers. */
  readonly name: string;
  /** Cloned into the thread's `workerData`. */
  readonly setup: unknown;
  /** Ports within `setup`; they move to the thread. */
  readonly ports?: readonly MessagePort[];
}

/** @throws PffError `files` where the program is not built, or has been built anew since this process began */
export function startThread({ entry, name, setup, ports = [] }: ThreadOptions): Worker {
  compileOnTheThreadItself();
  checkBuild();
  return new Worker(builtFile(entry), { workerData: setup, transferList: [...ports], name });
}

/**
 * Node.js (20.20 at least) forgets an ending thread a moment before it stops that thread's background compiler. If the
 * compiler asks for memory just then, the whole process aborts (`NodePlatform::ForIsolate`, `(data.first) != nullptr`).
 * Threads that start after this compile in the foreground; the main thread goes on as it was.
 */
function compileOnTheThreadItself(): void {
  setFlagsFromString('--no-concurrent-recompilation');
}

/** This module may run as TypeScript under a test runner; threads cannot. */
function builtFile(entry: string): string {
  const built = path.join(PACKAGE_FOLDER, 'dist', entry);
  if (existsSync(built)) return built;
  throw new PffError('files', 'worker threads need the built program, which is not there', {
    hint: 'Run npm run build.',
  });
}
