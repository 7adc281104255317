/** RUN/checkpoint: the outputs that a run needs to go on, and a note of how and on what it is carried out. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf, PffError } from '../errors.js';
import { OutputFolder, type Damaged } from '../store/saved/directory.js';
import { Journal } from '../store/saved/journal.js';
import type { Output } from '../store/store.js';
import { writeWhole } from './folder.js';
import type { Execution } from './options.js';

export const CHECKPOINT_FOLDER = 'checkpoint';
const NOTE_FILE = 'run.json';
const FORMAT = 'pff-checkpoint/1';

/** What a resumed run has to know besides its spec. */
export interface RunNote {
  readonly execution: Execution;
  /** Digest of all data: on other data the run would not be the same. */
  readonly dataDigest: string;
  /** Folder of the dataset's files, where one was given. */
  readonly dataDir?: string | undefined;
  /** Folders of the shards, where they were given. */
  readonly shardDirs?: readonly string[] | undefined;
}

/** The checkpoint of a run that is carried out now. */
export class Checkpoint {
  readonly journal: Journal;
  readonly damaged: readonly Damaged[];
  readonly resumed: boolean;
  #found: ReadonlyMap<string, Output>;

  /** @param failed told when something could not be saved, and why. @throws PffError `files` */
  constructor(run: string, note: RunNote, resumed: boolean, failed: (reason: string) => void) {
    const folder = new OutputFolder(path.join(run, CHECKPOINT_FOLDER));
    const { outputs, damaged } = resumed ? folder.readAll() : { outputs: new Map<string, Output>(), damaged: [] };
    this.#found = outputs;
    this.damaged = damaged;
    this.resumed = resumed;
    this.journal = new Journal(folder, outputs.keys(), failed);
    writeWhole(noteFile(run), `${JSON.stringify({ format: FORMAT, ...note }, undefined, 2)}\n`);
  }

  /** Hands out the outputs that were found whole, by name; from then on they are no longer held here. */
  takeFound(): ReadonlyMap<string, Output> {
    const found = this.#found;
    this.#found = new Map();
    return found;
  }
}

/** @throws PffError `files` if there is none, or it cannot be used. */
export function readNote(run: string): RunNote {
  const file = noteFile(run);
  try {
    const note = JSON.parse(readFileSync(file, 'utf8')) as RunNote & { readonly format: string };
    if (note.format !== FORMAT) throw new Error(`its format is ${note.format}, and ${FORMAT} is read`);
    return note;
  } catch (error) {
    throw new PffError('files', `${run} cannot be resumed: ${file}: ${messageOf(error)}`, {
      hint: 'Only a run folder that pff train --out made can be resumed. One without a checkpoint had not begun to train: remove it and start again.',
      cause: error,
    });
  }
}

function noteFile(run: string): string {
  return path.join(run, CHECKPOINT_FOLDER, NOTE_FILE);
}
