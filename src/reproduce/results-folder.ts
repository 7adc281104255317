/**
 * The folder of `pff reproduce`: runs/ (ordinary run folders), speed/ (one JSON file a row), results.json, results.md.
 * Everything in it is written whole or not at all, so that whatever stops the command, it can go on.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { readRegularFile } from '../data/sources/regular-file.js';
import { messageOf, PffError } from '../errors.js';
import { readNote } from '../run/checkpoint.js';
import type { RunResult } from '../run/events.js';
import { makeFolder, RESULT_FILE, SPEC_FILE, writeWhole } from '../run/folder.js';
import type { Costs } from '../simulate/costs.js';
import { resolveSpec, type RunSpec } from '../spec/spec.js';
import { lockFolder, type FolderLock } from '../run/lock.js';
import type { PipelineSchedule } from './plan.js';

/** Beside a run's own files, once it is finished. */
const NOTE_FILE = 'reproduce.json';

/** A finished training. */
export interface UnitRecord {
  readonly name: string;
  readonly result: RunResult;
  /** The result's spec, with the defaults of this version for fields that it is older than. */
  readonly spec: RunSpec;
  readonly note: UnitNote;
}

/** A training that is there, by what fixes its bits: names hold a hash of a spec, which has other fields in other versions. */
export interface KnownRun {
  readonly name: string;
  readonly spec: RunSpec;
  readonly dff: boolean;
  readonly dataDigest: string;
  readonly finished: boolean;
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
  readonly #lock: FolderLock;

  /** Opens the folder for this process alone, making it if need be. @throws PffError `files` */
  constructor(folder: string) {
    this.path = path.resolve(folder);
    try {
      for (const each of ['runs', 'speed']) makeFolder(path.join(this.path, each));
    } catch (error) {
      throw new PffError('files', `cannot make the results folder ${folder}: ${messageOf(error)}`, {
        hint: 'Choose another --out.',
        cause: error,
      });
    }
    this.#lock = lockFolder(this.path, `results folder ${folder}`);
  }

  run(name: string): string {
    return path.join(this.path, 'runs', name);
  }

  /** Trainings that are finished, and those that can go on, the finished ones first. */
  runs(): KnownRun[] {
    const finished = this.units();
    const done = new Set(finished.map(({ name }) => name));
    const begun = this.#names().filter((name) => !done.has(name));
    return [
      ...finished.map(({ name, spec, result: { variant, dataDigest } }) => ({
        name,
        spec,
        dff: variant === 'dff',
        dataDigest,
        finished: true,
      })),
      ...begun.flatMap((name) => this.#begun(name) ?? []),
    ];
  }

  units(): UnitRecord[] {
    return this.#names().flatMap((name) => this.#unit(name) ?? []);
  }

  #names(): string[] {
    return readdirSync(path.join(this.path, 'runs'));
  }

  /** The training of this name, if it is finished. A damaged note or result, or that of a later version, counts as none. */
  #unit(name: string): UnitRecord | undefined {
    const note = read(path.join(this.run(name), NOTE_FILE)) as UnitNote | undefined;
    const result = read(path.join(this.run(name), RESULT_FILE)) as RunResult | undefined;
    const spec = specOf(result?.spec);
    return note && result && spec ? { name, note, result, spec } : undefined;
  }

  #begun(name: string): KnownRun | undefined {
    const spec = specOf(read(path.join(this.run(name), SPEC_FILE)));
    if (spec === undefined) return undefined;
    try {
      const { execution, dataDigest } = readNote(this.run(name));
      return { name, spec, dff: execution.variant === 'dff', dataDigest, finished: false };
    } catch (error) {
      if (error instanceof PffError) return undefined;
      throw error;
    }
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
    this.#lock.release();
  }
}

/** A spec of whatever version, with the defaults of this one for fields that it is older than; none if it cannot be used here. */
function specOf(given: unknown): RunSpec | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  try {
    return resolveSpec(given, 'any');
  } catch (error) {
    if (error instanceof PffError) return undefined;
    throw error;
  }
}

/** What this module wrote earlier, whole or not at all. */
function read(file: string): unknown {
  try {
    return JSON.parse(readRegularFile(file).toString());
  } catch {
    return undefined;
  }
}
