/** The run folder: spec.json, events.jsonl, model.safetensors, result.json, checkpoint/. Files are written whole or not at all. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { readRegularFile } from '../data/regular-file.js';
import { PffError, messageOf } from '../errors.js';
import type { RunEvent } from './events.js';

export const SPEC_FILE = 'spec.json';
export const EVENTS_FILE = 'events.jsonl';
export const MODEL_FILE = 'model.safetensors';
export const RESULT_FILE = 'result.json';

/** Progress events are many; the log keeps one a second and node. */
const PROGRESS_EVERY_MS = 1000;

/** While the disk is full, this much of the log waits in memory; what does not fit is left out of it. */
const MOST_PENDING = 4 << 20;

export class RunFolder {
  readonly path: string;
  readonly #events: number;
  readonly #lastProgress = new Map<number, number>();
  /** Lines, or the rest of one, that the disk had no room for. */
  #pending = Buffer.alloc(0);

  /**
   * Makes the folder, which must not exist or be empty; with `resume`, opens the one that is there and mends what a killed
   * process left in it: half-written files go, and a last line of the log that is cut short. @throws PffError `files`
   */
  constructor(folder: string, resume = false) {
    this.path = path.resolve(folder);
    if (resume) {
      try {
        this.#events = reopen(this.path);
      } catch (error) {
        throw new PffError('files', `cannot write into the run folder ${folder}: ${messageOf(error)}`, {
          hint: 'Check its rights, and that the disk is not full.',
          cause: error,
        });
      }
      return;
    }
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
    try {
      this.#events = openSync(path.join(this.path, EVENTS_FILE), 'ax');
    } catch (error) {
      throw new PffError('files', `cannot write into the run folder ${folder}: ${messageOf(error)}`, {
        hint: 'Choose another --out.',
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
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    if (this.#pending.length + line.length <= MOST_PENDING) this.#pending = Buffer.concat([this.#pending, line]);
    // A log that cannot grow must not end the run: the disk may have room again when the next line comes.
    try {
      while (this.#pending.length > 0) this.#pending = this.#pending.subarray(writeSync(this.#events, this.#pending));
    } catch {}
  }

  /** Writes a file under a temporary name, syncs it, renames it. Returns its path. */
  write(name: string, content: string | Uint8Array): string {
    return writeWhole(path.join(this.path, name), content);
  }

  close(): void {
    try {
      fsyncSync(this.#events);
    } catch {}
    closeSync(this.#events);
  }
}

/** Opens the log of a run that stopped. */
function reopen(folder: string): number {
  for (const name of readdirSync(folder)) if (/\.tmp-\d+$/.test(name)) rmSync(path.join(folder, name));
  const log = path.join(folder, EVENTS_FILE);
  if (existsSync(log)) {
    const bytes = readFileSync(log);
    truncateSync(log, bytes.lastIndexOf(10) + 1);
  }
  return openSync(log, 'a');
}

/** As mkdir -p. Not Node's own: its recursive mkdirSync never returns where a parent refuses (seen on /proc, Node 20). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
}

/** Writes a file so that it is there whole or not at all, also after a power cut. @throws PffError `files` */
export function writeWhole(file: string, content: string | Uint8Array): string {
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    const handle = openSync(temporary, 'w');
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new PffError('files', `cannot write ${file}: ${messageOf(error)}`, {
      hint: 'Is the disk full, or the folder read-only?',
      cause: error,
    });
  }
  return file;
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
export function readRunFile(file: string): Buffer {
  try {
    return readRegularFile(file);
  } catch (error) {
    throw new PffError('files', `cannot read ${file}: ${messageOf(error)}`, {
      hint: 'Give the folder of a finished run, as pff train printed it.',
      cause: error,
    });
  }
}
