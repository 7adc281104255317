/** The runs in a folder, from what they wrote: `pff list` and `pff compare`. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { readRegularFile, TEXT_BYTES } from '../data/sources/regular-file.js';
import { PffError } from '../errors.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import type { RunResult } from './events.js';
import { readTags } from './tags.js';
import { EVENTS_FILE, RESULT_FILE, SPEC_FILE } from './folder.js';

/** A run folder. */
export interface LocalRun {
  /** Its path below the folder that was asked for. */
  readonly name: string;
  readonly folder: string;
  readonly state: 'finished' | 'not finished';
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
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .flatMap((entry) => found(path.join(folder, entry.name), path.join(name, entry.name), depth - 1));
}

/** Undefined for a folder whose files cannot be read: one of many must not keep the others from being listed. */
function readRun(folder: string, name: string): LocalRun | undefined {
  const read = (file: string): unknown =>
    JSON.parse(readRegularFile(path.join(folder, file), { maxBytes: TEXT_BYTES }).toString());
  try {
    const result = existsSync(path.join(folder, RESULT_FILE)) ? (read(RESULT_FILE) as RunResult) : undefined;
    const log = path.join(folder, EVENTS_FILE);
    return {
      name,
      folder,
      state: result ? 'finished' : 'not finished',
      changed: statSync(existsSync(log) ? log : folder).mtime.toISOString(),
      ...readTags(folder),
      spec: resolveSpec(read(SPEC_FILE) as object, 'any'),
      result,
    };
  } catch {
    return undefined;
  }
}
