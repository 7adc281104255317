/** The run folder: spec.json, events.jsonl, model.safetensors, result.json. Files are written whole or not at all. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { PffError, messageOf } from '../errors.js';
import type { RunEvent } from './events.js';

export const SPEC_FILE = 'spec.json';
export const EVENTS_FILE = 'events.jsonl';
export const MODEL_FILE = 'model.safetensors';
export const RESULT_FILE = 'result.json';

/** Progress events are many; the log keeps one a second and node. */
const PROGRESS_EVERY_MS = 1000;

export class RunFolder {
  readonly path: string;
  readonly #events: number;
  readonly #lastProgress = new Map<number, number>();

  /** Makes the folder, which must not exist or be empty. @throws PffError `files` */
  constructor(folder: string) {
    this.path = path.resolve(folder);
    try {
      makeFolder(this.path);
    } catch (error) {
      throw new PffError('files', `cannot make the run folder ${folder}: ${messageOf(error)}`, {
        hint: 'Choose another --out.',
        cause: error,
      });
    }
    if (readdirSync(this.path).length > 0)
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
    writeSync(this.#events, `${JSON.stringify(event)}\n`);
  }

  /** Writes a file under a temporary name, syncs it, renames it. Returns its path. */
  write(name: string, content: string | Uint8Array): string {
    return writeWhole(path.join(this.path, name), content);
  }

  close(): void {
    fsyncSync(this.#events);
    closeSync(this.#events);
  }
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
  } catch (error) {
    throw new PffError('files', `cannot write ${file}: ${messageOf(error)}`, {
      hint: 'Is the disk full, or the folder read-only?',
      cause: error,
    });
  }
  return file;
}

/** Reads a file of a run. @throws PffError `files` */
export function readRunFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new PffError('files', `cannot read ${file}: ${messageOf(error)}`, {
      hint: 'Give the folder of a finished run, as pff train printed it.',
      cause: error,
    });
  }
}
