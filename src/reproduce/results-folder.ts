/**
 * The folder of `pff reproduce`: runs/ (ordinary run folders), speed/ (one JSON file a row), results.json, results.md.
 * Everything in it is written whole or not at all, so that whatever stops the command, it can go on.
 */
import { existsSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { messageOf, PffError } from '../errors.js';
import type { RunResult } from '../run/events.js';
import { RESULT_FILE, writeWhole } from '../run/folder.js';
import type { Costs } from '../schedule/costs.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import type { PipelineSchedule } from './plan.js';

/** Beside a run's own files, once it is finished. */
const NOTE_FILE = 'reproduce.json';
const LOCK_FILE = 'lock';

/** A finished training. */
export interface UnitRecord {
  readonly name: string;
  readonly result: RunResult;
  /** The result's spec, with the defaults of this version for fields that it is older than. */
  readonly spec: RunSpec;
  readonly note: UnitNote;
}

export interface UnitNote {
  /** ISO 8601. */
  readonly finished: string;
  readonly version: string;
  readonly cores: number;
}

/** One schedule in one round. */
export interface Timing {
  readonly schedule: 'sequential' | PipelineSchedule;
  readonly nodes: number;
  /** From the first task's start to the last one's end. */
  readonly seconds: number;
  readonly utilisation: number;
  /** Bytes that nodes took from each other, in a chapter. */
  readonly bytesPerChapter: number;
  readonly modelDigest: string;
}

/** What is known of a row's speed; rounds are added one by one. */
export interface SpeedRecord {
  readonly name: string;
  readonly row: string;
  readonly date: string;
  readonly version: string;
  readonly cores: number;
  readonly kernels: string;
  readonly measured: RunSpec;
  readonly nodes: number;
  readonly rounds: readonly (readonly Timing[])[];
  readonly simulated: readonly SimulatedLine[];
  readonly costs: Costs | undefined;
}

export interface SimulatedLine {
  readonly schedule: PipelineSchedule;
  readonly nodes: number;
  readonly labelLag: number;
  readonly splits: number;
  readonly speedUp: number;
  /** What the schedule allows at most. */
  readonly bound: number;
  readonly utilisation: number;
  readonly bytesPerChapter: number;
  /** One node of this machine, one kernel thread, whole length. */
  readonly aloneSeconds: number;
}

export class ResultsFolder {
  readonly path: string;

  /** Opens the folder for this process alone, making it if need be. @throws PffError `files` */
  constructor(folder: string) {
    this.path = path.resolve(folder);
    try {
      for (const each of ['runs', 'speed']) mkdirSync(path.join(this.path, each), { recursive: true });
    } catch (error) {
      throw new PffError('files', `cannot make the results folder ${folder}: ${messageOf(error)}`, {
        hint: 'Choose another --out.',
        cause: error,
      });
    }
    this.#lock(folder);
  }

  run(name: string): string {
    return path.join(this.path, 'runs', name);
  }

  /** The run whose name ends so, whatever row asked for it first; a finished one if there are several. */
  runEnding(ending: string): string | undefined {
    const names = readdirSync(path.join(this.path, 'runs')).filter((name) => name.endsWith(ending));
    return names.find((name) => this.unit(name) !== undefined) ?? names[0];
  }

  units(): UnitRecord[] {
    return readdirSync(path.join(this.path, 'runs')).flatMap((name) => this.unit(name) ?? []);
  }

  /** The training of this name, if it is finished. A damaged note or result counts as none. */
  unit(name: string): UnitRecord | undefined {
    const note = read(path.join(this.run(name), NOTE_FILE)) as UnitNote | undefined;
    const result = read(path.join(this.run(name), RESULT_FILE)) as RunResult | undefined;
    return note && result ? { name, note, result, spec: resolveSpec(result.spec, 'any') } : undefined;
  }

  finishUnit(name: string, note: UnitNote): void {
    writeWhole(path.join(this.run(name), NOTE_FILE), `${JSON.stringify(note, undefined, 2)}\n`);
  }

  speeds(): SpeedRecord[] {
    return readdirSync(path.join(this.path, 'speed'))
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => this.speed(file.slice(0, -'.json'.length)) ?? []);
  }

  speed(name: string): SpeedRecord | undefined {
    return read(path.join(this.path, 'speed', `${name}.json`)) as SpeedRecord | undefined;
  }

  saveSpeed(record: SpeedRecord): void {
    this.write(path.join('speed', `${record.name}.json`), `${JSON.stringify(record, undefined, 2)}\n`);
  }

  write(name: string, text: string): string {
    return writeWhole(path.join(this.path, name), text);
  }

  close(): void {
    rmSync(path.join(this.path, LOCK_FILE), { force: true });
  }

  /** A process that was killed leaves its lock behind; its number tells. */
  #lock(folder: string): void {
    const file = path.join(this.path, LOCK_FILE);
    const holder = Number(existsSync(file) ? readFileSync(file, 'utf8') : '');
    if (holder > 0 && holder !== process.pid && isAlive(holder))
      throw new PffError('files', `process ${holder} is working in the results folder ${folder}`, {
        hint: 'Wait for it, or choose another --out.',
      });
    rmSync(file, { force: true });
    let handle: number;
    try {
      handle = openSync(file, 'wx');
    } catch (error) {
      throw new PffError('files', `cannot write into the results folder ${folder}: ${messageOf(error)}`, {
        hint: 'Check its rights, and that nothing else works in it; or choose another --out.',
        cause: error,
      });
    }
    writeSync(handle, String(process.pid));
    closeSync(handle);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but not ours.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** What this module wrote earlier, whole or not at all. */
function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
