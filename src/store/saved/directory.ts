/**
 * Outputs in a folder, one file each. A file is there whole or not at all: it is written under a temporary name, synced
 * and renamed. Which outputs are written, and which files go, is for the journal to say.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { readRegularFile } from '../../data/sources/regular-file.js';
import { codeOf, messageOf, PffError } from '../../errors.js';
import { parseTaskKey, taskKey, type Task } from '../../schedule/tasks.js';
import { parseState, stateHeader, type Origin } from './state-file.js';
import type { Output } from '../store.js';

/** What file systems say that sync no folders. */
const CANNOT_SYNC = new Set(['EPERM', 'EACCES', 'EINVAL', 'EISDIR', 'ENOTSUP', 'ENOSYS', 'EBADF']);

const ENDING = '.state';
const TEMPORARY = '.tmp';
/** Written piece by piece, so that a write never holds up other file work for long. */
const PIECE_BYTES = 4 << 20;

/** A file that could not be used, and why. */
export interface Damaged {
  readonly file: string;
  readonly reason: string;
}

/** Names of the tasks whose outputs lie in `folder`, damaged or not. */
export function savedKeys(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => /^(c\d+\.(?:l\d+|labels))\.state$/.exec(name)?.[1] ?? []);
}

export class OutputFolder {
  readonly path: string;
  readonly #origin: Origin;

  /**
   * Makes the folder if it is not there; files that an earlier process left half-written are removed.
   * @param origin what its outputs are of; files of anything else count as damaged. @throws PffError `files`
   */
  constructor(folder: string, origin: Origin) {
    this.path = folder;
    this.#origin = origin;
    try {
      mkdirSync(folder, { recursive: true });
      for (const name of readdirSync(folder)) if (name.endsWith(TEMPORARY)) rmSync(path.join(folder, name));
    } catch (error) {
      throw new PffError('files', `cannot make or clean the folder ${folder}: ${messageOf(error)}`, {
        hint: 'Check the rights of the run folder, and that the disk is not full.',
        cause: error,
      });
    }
  }

  /** Every output there is, by its task's name, and every file that is damaged. @throws PffError `files` if the folder cannot be read. */
  readAll(): { readonly outputs: Map<string, Output>; readonly damaged: readonly Damaged[] } {
    const outputs = new Map<string, Output>();
    const damaged: Damaged[] = [];
    for (const key of this.keys().sort()) {
      const file = path.join(this.path, `${key}${ENDING}`);
      try {
        outputs.set(key, parseState(this.#origin, parseTaskKey(key), readRegularFile(file)));
      } catch (error) {
        damaged.push({ file, reason: messageOf(error) });
      }
    }
    return { outputs, damaged };
  }

  /** Writes one output. Rejects with what the file system says, and leaves nothing of it then. */
  async write(task: Task, output: Output): Promise<void> {
    const file = this.#file(task);
    // Its own name, should another process ever write here, too.
    const temporary = `${file}.${process.pid}-${randomBytes(4).toString('hex')}${TEMPORARY}`;
    try {
      const handle = await open(temporary, 'wx');
      try {
        await writeWhole(handle, stateHeader(this.#origin, task, output));
        const bytes = new Uint8Array(output.buffer);
        for (let at = 0; at < bytes.length; at += PIECE_BYTES)
          await writeWhole(handle, bytes.subarray(at, at + PIECE_BYTES));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Makes renamed files last through a power cut. Some file systems cannot, and Windows; then there is nothing more to do. */
  async sync(): Promise<void> {
    const handle = await open(this.path, 'r');
    try {
      await handle.sync();
    } catch (error) {
      if (!CANNOT_SYNC.has(String(codeOf(error)))) throw error;
    } finally {
      await handle.close();
    }
  }

  /** Names of the tasks whose outputs are here, damaged or not. */
  keys(): string[] {
    return savedKeys(this.path);
  }

  async remove(key: string): Promise<void> {
    await rm(path.join(this.path, `${key}${ENDING}`), { force: true });
  }

  #file(task: Task): string {
    return path.join(this.path, `${taskKey(task)}${ENDING}`);
  }
}

/** A write may take fewer bytes than it was given. */
async function writeWhole(
  handle: { write: (bytes: Uint8Array, offset: number) => Promise<{ bytesWritten: number }> },
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
}
