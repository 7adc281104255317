/**
 * RUN/checkpoint: the outputs that a run needs to go on, and a note of what it is and how it is carried out. The note and
 * every output say of which spec, version and numerics they are, under a digest: what does not fit is not gone on with.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readRegularFile, TEXT_BYTES } from '../data/sources/regular-file.js';
import { messageOf, PffError } from '../errors.js';
import { kernelsChoiceSchema } from '../kernels/choices.js';
import { OWN_KINDS, ownParts, type OwnKind } from '../spec/own-parts.js';
import type { RunSpec } from '../spec/spec.js';
import { OutputFolder, type Damaged } from '../store/saved/directory.js';
import { Journal } from '../store/saved/journal.js';
import type { Output } from '../store/store.js';
import { clusterNote } from './cluster/cluster-note.js';
import { MODEL_FILE, writeWhole } from './folder.js';
import { VERSION } from './version.js';

export const CHECKPOINT_FOLDER = 'checkpoint';
export const NOTE_FILE = 'run.json';
const FORMAT = 'pff-checkpoint/2';

const noteSchema = z.object({
  execution: z.object({
    variant: z.enum(['sequential', 'single-layer', 'all-layers', 'federated', 'dff']),
    nodes: z.int().min(1).max(100_000),
    threadsPerNode: z.int().min(1).max(256),
    kernels: kernelsChoiceSchema,
    gpus: z.array(z.string()).readonly().exactOptional(),
    plugins: z.array(z.string()).readonly().exactOptional(),
    store: z.string().exactOptional(),
  }),
  /** Digest of all data: on other data the run would not be the same. */
  dataDigest: z.string(),
  /** Folder of the dataset's files, where one was given. */
  dataDir: z.string().optional(),
  /** Folders of the shards, where they were given. */
  shardDirs: z.array(z.string()).readonly().optional(),
  /** As the run was last carried out; spec.json beside it can be edited. */
  spec: z.record(z.string(), z.unknown()),
  /** Digests of what its spec names of plugins; notes of earlier versions lack them. */
  ownParts: z.partialRecord(z.enum(OWN_KINDS), z.string()).exactOptional(),
  /** What its outputs say of their spec, see `specOfStates`. */
  stateSpec: z.string(),
  /** Of pff. */
  version: z.string(),
  /** With its build; notes of earlier versions lack it. */
  program: z.string().exactOptional(),
  /** The kernels' numerics (the id). */
  numerics: z.string(),
});

/** What a resumed run has to know. */
export type RunNote = z.infer<typeof noteSchema>;

/**
 * Hex SHA-256 over the fields of a spec that its layer states depend on: all but the length of the run, its phases, and the samples
 * that it is measured on, which a resumed run may change.
 */
export function specOfStates(spec: RunSpec): string {
  const { epochs, splits, phases: _, testSamples: __, ...fixed } = spec;
  const entries = Object.entries({ ...fixed, epochsPerChapter: epochs / splits });
  return sha256(JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/** The checkpoint of a run that is carried out now. */
export class Checkpoint {
  readonly journal: Journal;
  readonly damaged: readonly Damaged[];
  readonly resumed: boolean;
  #found: ReadonlyMap<string, Output>;

  /** @param failed told when something could not be saved, and why. @throws PffError `files` */
  constructor(run: string, note: RunNote, resumed: boolean, failed: (reason: string) => void) {
    const { stateSpec: spec, version, numerics } = note;
    const folder = new OutputFolder(path.join(run, CHECKPOINT_FOLDER), { spec, version, numerics });
    const { outputs, damaged } = resumed ? folder.readAll() : { outputs: new Map<string, Output>(), damaged: [] };
    this.#found = outputs;
    this.damaged = damaged;
    this.resumed = resumed;
    this.journal = new Journal(folder, outputs.keys(), failed);
    // As it will be read: without what is undefined.
    const written = JSON.parse(JSON.stringify({ ...note, ...partsOf(note) })) as RunNote;
    writeWhole(
      noteFile(run),
      `${JSON.stringify({ format: FORMAT, digest: digestOf(written), ...written }, undefined, 2)}\n`,
    );
  }

  /** Hands out the outputs that were found whole, by name; from then on they are no longer held here. */
  takeFound(): ReadonlyMap<string, Output> {
    const found = this.#found;
    this.#found = new Map();
    return found;
  }
}

/** Of parts that are loaded now; nothing for a run that has none. */
function partsOf({ spec }: Pick<RunNote, 'spec'>): Pick<RunNote, 'ownParts'> {
  const parts = ownParts(spec as Readonly<Record<OwnKind, string>>);
  return parts.length === 0 ? {} : { ownParts: Object.fromEntries(parts.map(({ kind, digest }) => [kind, digest])) };
}

/** @throws PffError `usage` if a run would go on with another part than it began with: its layers would have learnt by two. */
export function checkSameParts(run: string, { ownParts: before }: RunNote, spec: RunSpec): void {
  for (const { kind, name, digest } of ownParts(spec))
    if (before?.[kind] !== undefined && before[kind] !== digest)
      throw new PffError(
        'usage',
        `${run} cannot be resumed: its ${kind} ${name}, of a plugin, has changed since it began`,
        {
          hint: 'Give back the old file of the plugin, or begin a new run with --config spec.json of this one.',
        },
      );
}

/** Whether a run has a note, whole or not. */
export function hasNote(run: string): boolean {
  return existsSync(noteFile(run));
}

/** @throws PffError `files` if there is none, it is damaged, or another version wrote it. */
export function readNote(run: string): RunNote {
  const file = noteFile(run);
  const refuse = (found: string, hint: string, cause?: unknown): never => {
    throw new PffError('files', `${run} cannot be resumed: ${found}`, { hint, cause });
  };
  let text: string;
  try {
    text = readRegularFile(file, { maxBytes: TEXT_BYTES }).toString();
  } catch (error) {
    const cluster = clusterNote(run);
    if (cluster)
      return refuse(`it is run ${cluster.run} of a cluster, which keeps it`, `${cluster.attach} follows it.`, error);
    const hint = existsSync(path.join(run, MODEL_FILE))
      ? 'It has a model, but no checkpoint. pff attach RUN follows the run of a cluster; pff train --init begins a new run with the model.'
      : 'Only a run folder that pff train --out made can be resumed. One without a checkpoint had not begun to train: remove it and start again.';
    return refuse(messageOf(error), hint, error);
  }
  const { format, digest, ...rest } = parsed(text);
  const again = 'Begin a new run with --config spec.json of this one.';
  if (typeof format === 'string' && format.startsWith('pff-checkpoint/') && format !== FORMAT)
    return refuse(`${file}: its format is ${format}, of another version of pff, and ${FORMAT} is read`, again);
  const note = noteSchema.safeParse(rest);
  if (format !== FORMAT || digest !== digestOf(rest) || !note.success) return refuse(`${file} is damaged`, again);
  if (note.data.version !== VERSION)
    return refuse(
      `pff ${note.data.version} began it, and this is pff ${VERSION}, which may compute other bits`,
      `Resume it with pff ${note.data.version}. ${again}`,
    );
  return note.data;
}

/** Where the data of a run lay that this or another version began; undefined where its note is missing or damaged. */
export function readDataPlaces(run: string): Pick<RunNote, 'dataDir' | 'shardDirs'> | undefined {
  try {
    const { dataDir, shardDirs } = parsed(readRegularFile(noteFile(run), { maxBytes: TEXT_BYTES }).toString());
    return noteSchema.pick({ dataDir: true, shardDirs: true }).safeParse({ dataDir, shardDirs }).data;
  } catch {
    return undefined;
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

function digestOf(note: unknown): string {
  return sha256(JSON.stringify(note));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function noteFile(run: string): string {
  return path.join(run, CHECKPOINT_FOLDER, NOTE_FILE);
}
