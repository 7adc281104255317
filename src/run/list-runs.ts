/** The runs in a folder, from what they wrote: `pff list` and `pff compare`. */
import { existsSync, readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { readRegularFile, TEXT_BYTES } from '../data/sources/regular-file.js';
import { PffError } from '../errors.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import type { RunResult } from './events.js';
import { EVENTS_FILE, SPEC_FILE } from './folder.js';
import { readResult } from './read-result.js';
import { readTags } from './tags.js';

/** A run folder. */
export interface LocalRun {
  /** Its path below the folder that was asked for. */
  readonly name: string;
  readonly folder: string;
  /** `damaged`: it has a result that cannot be read. */
  readonly state: 'finished' | 'not finished' | 'damaged';
  /** When its log was last written. */
  readonly changed: string;
  readonly tags: readonly string[];
  readonly note: string;
  readonly spec: RunSpec;
  /** Of a finished run. */
  readonly result: RunResult | undefined;
}

/** How deep run folders are looked for: those of a sweep lie one deeper. */
const DEPTH = 3;

/** All runs below `folder`, by name. @throws PffError `files` if there is no such folder */
export function localRuns(folder: string): LocalRun[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new PffError('files', `there is no folder ${folder}`, { hint: 'pff train makes runs in pff-runs.' });
  return localRunFolders(folder).flatMap((name) => {
    const whole = path.join(folder, name);
    const run = readRun(whole, name || path.basename(path.resolve(folder)));
    return run ? [run] : [];
  });
}

/** Paths below `folder` of all run folders in it, by name; the files in them are not read. */
export function localRunFolders(folder: string): string[] {
  return found(folder, '', DEPTH).sort();
}

/** One run. @throws PffError `files` if it is none */
export function localRun(folder: string, name = folder): LocalRun {
  const run = existsSync(path.join(folder, SPEC_FILE)) ? readRun(folder, name) : undefined;
  if (run === undefined)
    throw new PffError('files', `${folder} is no run folder: it has no ${SPEC_FILE} that can be read`, {
      hint: 'Give the folder that pff train made.',
    });
  return run;
}

function found(folder: string, name: string, depth: number): string[] {
  if (existsSync(path.join(folder, SPEC_FILE)) && existsSync(path.join(folder, EVENTS_FILE))) return [name];
  if (depth === 0) return [];
  return entriesOf(folder)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .flatMap((entry) => found(path.join(folder, entry.name), path.join(name, entry.name), depth - 1));
}

/** A folder that may not be read has no runs that could be listed. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Undefined for a folder whose files cannot be read: one of many must not keep the others from being listed. */
function readRun(folder: string, name: string): LocalRun | undefined {
  try {
    const text = readRegularFile(path.join(folder, SPEC_FILE), { maxBytes: TEXT_BYTES }).toString();
    const spec = resolveSpec(JSON.parse(text) as object, 'any');
    const { state, result } = resultFor(folder, spec);
    const log = path.join(folder, EVENTS_FILE);
    const changed = statSync(existsSync(log) ? log : folder).mtime.toISOString();
    return { name, folder, state, changed, ...readTags(folder), spec, result };
  } catch {
    return undefined;
  }
}

function resultFor(folder: string, spec: RunSpec): Pick<LocalRun, 'state' | 'result'> {
  try {
    const result = readResult(folder);
    // A finished run that is gone on with has the result of its shorter self until it is finished again.
    const isOf = result !== undefined && result.epochs === spec.epochs;
    return isOf ? { state: 'finished', result } : { state: 'not finished', result: undefined };
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    return { state: 'damaged', result: undefined };
  }
}
