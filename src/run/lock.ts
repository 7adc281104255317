/**
 * Keeps a folder for one process: a file that says whose it is. A process leaves it behind only when it is killed; then the next one
 * takes it, as soon as it can tell that the owner is gone.
 */
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { codeOf, messageOf, PffError } from '../errors.js';

export const LOCK_FILE = 'lock';

/** A lock without content that is older was left by a process that was killed at that very moment. */
const HALF_WRITTEN_MS = 10_000;

export interface FolderLock {
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own terms: numbers of processes are given out again. Linux only. */
  readonly began?: string | undefined;
}

/** Locks of this process itself, whose number says nothing: in a container it is often the same after a restart. */
const ours = new Set<string>();

/**
 * Takes the lock of `folder`, from a process that is gone if need be.
 * @param named the folder as messages name it, such as `run folder X`.
 * @throws PffError `files` if another process (or another run of this one) has it, or it cannot be written.
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
    throw new PffError('files', `cannot write into the ${named}: ${messageOf(error)}`, {
      hint: 'Check its rights, or choose another --out.',
      cause: error,
    });
  }
  ours.add(file);
  return {
    release() {
      if (ours.delete(file)) rmSync(file, { force: true });
    },
  };
}

/** False if the file is there already. It appears with its content, so that nobody reads half of it. */
function create(file: string): boolean {
  const owner: Owner = { pid: process.pid, host: os.hostname(), began: beginningOf(process.pid) };
  const text = `${JSON.stringify(owner)}\n`;
  const whole = `${file}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    writeFileSync(whole, text, { flag: 'wx' });
    linkSync(whole, file);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return false;
    // Some file systems have no second names for a file.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
  } finally {
    rmSync(whole, { force: true });
  }
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a process that is gone, and no other: one that was taken meanwhile is put back. */
function removeLeftOver(file: string, named: string): void {
  const text = contentOf(file);
  if (text === undefined) return;
  const owner = ownerOf(text);
  const gone = owner === undefined ? Date.now() - statSync(file).mtimeMs > HALF_WRITTEN_MS : isGone(owner, file);
  if (!gone) throw isHeld(named, file, owner);
  const aside = `${file}.${process.pid}`;
  renameSync(file, aside);
  const moved = contentOf(aside);
  if (moved !== text) {
    renameSync(aside, file);
    throw isHeld(named, file, moved === undefined ? undefined : ownerOf(moved));
  }
  rmSync(aside);
}

/** Undefined where the file is gone meanwhile. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined for a file that is not written yet. */
function ownerOf(text: string): Owner | undefined {
  try {
    const found: unknown = JSON.parse(text);
    // Earlier versions wrote the number only.
    if (typeof found === 'number') return { pid: found, host: os.hostname() };
    if (typeof found !== 'object' || found === null || !('pid' in found) || !('host' in found)) return undefined;
    const began = 'began' in found && typeof found.began === 'string' ? found.began : undefined;
    return { pid: Number(found.pid), host: String(found.host), began };
  } catch {
    return undefined;
  }
}

/** Of a process on another machine nothing can be known. */
function isGone({ pid, host, began }: Owner, file: string): boolean {
  if (host !== os.hostname()) return false;
  if (pid === process.pid) return !ours.has(file);
  if (!isAlive(pid)) return true;
  const now = beginningOf(pid);
  return began !== undefined && now !== undefined && began !== now;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but not ours.
    return codeOf(error) === 'EPERM';
  }
}

/** The system's start and the process's in it, as Linux says them; undefined elsewhere. */
function beginningOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The name of the program stands in brackets and may hold anything; the start is the 20th field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\)\s*/s, '')
      .split(' ');
    return fields[19] === undefined ? undefined : `${boot}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function isHeld(named: string, file: string, owner?: Owner): PffError {
  const elsewhere = owner !== undefined && owner.host !== os.hostname();
  const who = owner === undefined ? 'another process' : `process ${owner.pid}${elsewhere ? ` on ${owner.host}` : ''}`;
  return new PffError('files', `${who} is working in the ${named}`, {
    hint: `Wait for it, or choose another folder. If nothing of pff runs there${elsewhere ? ` on ${owner.host}` : ''}, remove ${file}.`,
  });
}
