/** The run folder: spec.json, events.jsonl, model.safetensors, result.json, checkpoint/. Files are written whole or not at all. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { readRegularFile } from '../data/sources/regular-file.js';
import { codeOf, PffError, messageOf } from '../errors.js';
import { AppendFile, openToAppend } from './append-file.js';
import type { RunEvent } from './events.js';
import { lockFolder, type FolderLock } from './lock.js';

export const SPEC_FILE = 'spec.json';
export const EVENTS_FILE = 'events.jsonl';
export const MODEL_FILE = 'model.safetensors';
export const RESULT_FILE = 'result.json';

/** Progress events are many; the log keeps one a second and node. */
const PROGRESS_EVERY_MS = 1000;

export class RunFolder {
  readonly path: string;
  /** What there was before: nothing, an empty folder, a run. */
  readonly #before: 'nothing' | 'empty' | 'run';
  readonly #lock: FolderLock;
  readonly #events: AppendFile;
  readonly #lastProgress = new Map<number, number>();

  /**
   * Makes the folder, which must not exist or be empty; with `resume`, opens the one that is there and mends what a killed
   * process left in it: half-written files go, and a last line of the log that is cut short. Until `close` no other process can.
   * @param onTrouble told when the event log cannot be written, and why; the run goes on.
   * @throws PffError `files`
   */
  constructor(folder: string, resume = false, onTrouble: (reason: string) => void = () => {}) {
    this.path = path.resolve(folder);
    this.#before = resume ? 'run' : existsSync(this.path) ? 'empty' : 'nothing';
    if (!resume) this.#make(folder);
    this.#lock = lockFolder(this.path, `run folder ${folder}`);
    try {
      const log = path.join(this.path, EVENTS_FILE);
      const handle = resume ? reopen(this.path) : openSync(log, 'ax');
      this.#events = new AppendFile(() => handle, onTrouble);
    } catch (error) {
      this.#lock.release();
      if (error instanceof PffError) throw error;
      throw new PffError('files', `cannot write into the run folder ${folder}: ${messageOf(error)}`, {
        hint: resume ? 'Check its rights, and that the disk is not full.' : 'Choose another --out.',
        cause: error,
      });
    }
  }

  /** Appends one line to the event log. */
  log(event: RunEvent): void {
    if (event.type === 'progress') {
      const now = performance.now();
      if (now - (this.#lastProgress.get(event.node) ?? -Infinity) < PROGRESS_EVERY_MS) return;
      this.#lastProgress.set(event.node, now);
    }
    this.#events.append(`${JSON.stringify(event)}\n`);
  }

  /** Writes a file under a temporary name, syncs it, renames it. Returns its path. */
  write(name: string, content: string | Uint8Array): string {
    return writeWhole(path.join(this.path, name), content);
  }

  close(): void {
    this.#events.close();
    this.#lock.release();
  }

  /** Closes a folder that was made in vain, and leaves things as they were before; one of a run that goes on is only closed. */
  discard(): void {
    this.close();
    if (this.#before === 'nothing') rmSync(this.path, { recursive: true, force: true });
    else if (this.#before === 'empty')
      for (const name of readdirSync(this.path)) rmSync(path.join(this.path, name), { recursive: true, force: true });
  }

  #make(folder: string): void {
    let found: string[];
    try {
      makeFolder(this.path);
      found = readdirSync(this.path);
    } catch (error) {
      throw new PffError('files', `cannot make the run folder ${folder}: ${messageOf(error)}`, {
        hint: 'Choose another --out.',
        cause: error,
      });
    }
    if (found.length > 0)
      throw new PffError('files', `the run folder ${folder} exists and is not empty`, {
        hint: 'Choose another --out; nothing there has been touched.',
      });
  }
}

/** Opens the log of a run that stopped. @throws PffError `files` for links in its folder. */
function reopen(folder: string): number {
  refuseLinks(folder);
  for (const name of readdirSync(folder)) if (/\.tmp-[\w-]+$/.test(name)) rmSync(path.join(folder, name));
  const log = path.join(folder, EVENTS_FILE);
  const handle = openToAppend(log);
  ftruncateSync(handle, endOfLines(log));
  return handle;
}

/** The byte after the last whole line of a file, found from its end: a log may be longer than what memory takes. */
function endOfLines(file: string): number {
  const handle = openSync(file, 'r');
  try {
    const piece = Buffer.allocUnsafe(1 << 16);
    for (let end = fstatSync(handle).size; end > 0;) {
      const from = Math.max(0, end - piece.length);
      const taken = readSync(handle, piece, 0, end - from, from);
      const newline = piece.subarray(0, taken).lastIndexOf(10);
      if (newline >= 0) return from + newline + 1;
      end = from;
    }
    return 0;
  } finally {
    closeSync(handle);
  }
}

/**
 * A run writes into its own folder only, whoever made that: through a link, or into a file that has a second name elsewhere, it would
 * change something else. @throws PffError `files`
 */
function refuseLinks(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      refuseLinks(file);
      continue;
    }
    // All other files are replaced, not written into.
    const names = entry.name === EVENTS_FILE ? lstatSync(file).nlink : 1;
    if (entry.isFile() && names === 1) continue;
    const what = entry.isSymbolicLink() ? 'a link' : names > 1 ? `one of ${names} names of a file` : 'no ordinary file';
    throw new PffError('files', `${file} is ${what}; a run writes only into files of its own folder`, {
      hint: 'Put a copy of the file there in its place, or remove it.',
    });
  }
}

/** Makes a folder and those that it lies in, unless it is there. @param what it is called in errors. @throws PffError `files` */
export function makeFolderFor(folder: string, what: string): void {
  const refused = (why: string, cause?: unknown): PffError =>
    new PffError('files', `cannot make the ${what} ${folder}: ${why}`, { hint: 'Choose another --out.', cause });
  try {
    makeFolder(path.resolve(folder));
  } catch (error) {
    throw refused(messageOf(error), error);
  }
  if (!statSync(folder).isDirectory()) throw refused('there is a file of that name');
}

/** As mkdir -p. Not Node's own: its recursive mkdirSync never returns where a parent refuses (seen on /proc, Node 20). */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
}

/** Node.js writes less than 2 GiB at once. */
const PIECE_BYTES = 1 << 30;

/** Writes a file so that it is there whole or not at all, also after a power cut. @throws PffError `files` */
export function writeWhole(file: string, content: string | Uint8Array): string {
  const temporary = `${file}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const handle = openSync(temporary, 'wx');
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at, Math.min(bytes.length - at, PIECE_BYTES));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw cannotWrite(file, error);
  }
  return file;
}

export function cannotWrite(file: string, error: unknown): PffError {
  const hint = hintOfWriting(codeOf(error), file);
  return new PffError('files', `cannot write ${file}: ${messageOf(error)}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

function hintOfWriting(code: unknown, file: string): string {
  switch (code) {
    case 'ENOENT':
      return `There is no folder ${path.dirname(file)}: make it first, or choose another place.`;
    case 'ENOTDIR':
      return `${path.dirname(file)} is no folder: choose another place.`;
    case 'EISDIR':
      return 'A folder is there: give the name of a file.';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'The disk is full: make room, or choose another place.';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `Nothing may be written into ${path.dirname(file)}: change its rights, or choose another place.`;
    default:
      return 'Is the disk full, or the folder read-only?';
  }
}

/** Makes a renamed file last through a power cut. Some file systems cannot; then there is nothing more to do. */
function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {}
}

/** Reads a file of a run. @throws PffError `files` */
export function readRunFile(
  file: string,
  hint = 'Give the folder of a finished run, as pff train printed it.',
): Buffer {
  try {
    return readRegularFile(file);
  } catch (error) {
    throw new PffError('files', `cannot read ${file}: ${messageOf(error)}`, {
      hint,
      cause: error,
    });
  }
}
