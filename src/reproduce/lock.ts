/** Keeps a folder for one process: a file that holds its number, and that a process leaves behind only when it is killed. */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { codeOf, messageOf, PffError } from '../errors.js';

const LOCK_FILE = 'lock';

export interface FolderLock {
  release(): void;
}

/**
 * Takes the lock of `folder`, from a process that is gone if need be.
 * @param named the folder as the user named it.
 * @throws PffError `files` if another process has it, or it cannot be written.
 */
export function lockFolder(folder: string, named: string): FolderLock {
  const file = path.join(folder, LOCK_FILE);
  try {
    if (!create(file)) {
      removeLeftOver(file, named);
      if (!create(file)) throw isHeld(named, file);
    }
  } catch (error) {
    if (error instanceof PffError) throw error;
    throw new PffError('files', `cannot write into the results folder ${named}: ${messageOf(error)}`, {
      hint: 'Check its rights, or choose another --out.',
      cause: error,
    });
  }
  return { release: () => rmSync(file, { force: true }) };
}

/** False if the file is there already. */
function create(file: string): boolean {
  let handle: number;
  try {
    handle = openSync(file, 'wx');
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  writeSync(handle, String(process.pid));
  closeSync(handle);
  return true;
}

/** Removes the lock of a process that is gone, and no other: one that was taken meanwhile is put back. */
function removeLeftOver(file: string, named: string): void {
  const holder = holderOf(file);
  if (holder === undefined || isAlive(holder)) throw isHeld(named, file, holder);
  const aside = `${file}.${process.pid}`;
  renameSync(file, aside);
  const moved = holderOf(aside);
  if (moved !== holder) {
    renameSync(aside, file);
    throw isHeld(named, file, moved);
  }
  rmSync(aside);
}

/** Undefined for a file that is not written yet. */
function holderOf(file: string): number | undefined {
  const holder = Number(readFileSync(file, 'utf8'));
  return holder > 0 ? holder : undefined;
}

function isHeld(named: string, file: string, holder?: number): PffError {
  const who = holder === undefined ? 'another process' : `process ${holder}`;
  return new PffError('files', `${who} is working in the results folder ${named}`, {
    hint: `Wait for it, or choose another --out. If nothing of pff runs there, remove ${file}.`,
  });
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but not ours.
    return codeOf(error) === 'EPERM';
  }
}
