/**
 * RUN/validation: what early stopping needs to go on after a kill, with the same result: how far the run was measured, the layers of
 * the best chapter, and layers of chapters that are not whole yet, which the pipeline itself may have replaced by then.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readRegularFile } from '../data/sources/regular-file.js';
import { messageOf, PffError } from '../errors.js';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.js';
import { allocateState, namedParameters, type LayerState, type LayerStructure } from '../layers/layer-state.js';
import { modelDigest } from '../model/digest.js';
import { modelTensors } from '../model/model-file.js';
import { makeFolder, writeWhole } from './folder.js';

export const VALIDATION_FOLDER = 'validation';
const HISTORY_FILE = 'history.json';
const BEST_FILE = 'best.safetensors';

/** The chapter that did best on the validation samples. */
export interface Best {
  readonly chapter: number;
  readonly right: number;
  readonly samples: number;
  readonly states: readonly LayerState[];
}

const historySchema = z.object({
  /** Of the states' spec and the data, as the checkpoint has it. */
  of: z.string(),
  /** Chapters that are measured. */
  evaluated: z.int().min(0),
  best: z.object({ chapter: z.int().min(0), right: z.int().min(0), samples: z.int().min(1) }),
});

export interface Waiting {
  readonly chapter: number;
  readonly state: LayerState;
}

export class ValidationFolder {
  readonly #path: string;
  readonly #of: string;
  /** Chapters that are measured. */
  evaluated = 0;

  /** @param of what spec and data it belongs to; another run's folder is begun anew. */
  constructor(run: string, of: string) {
    this.#path = path.join(run, VALIDATION_FOLDER);
    this.#of = of;
    makeFolder(this.#path);
  }

  /** What an earlier process left. @throws PffError `files` where it is damaged, so that the result could be another one */
  read(shapes: readonly LayerStructure[]): { readonly best: Best | undefined; readonly waiting: readonly Waiting[] } {
    const history = this.#history();
    if (history && history.of !== this.#of) {
      rmSync(this.#path, { recursive: true });
      mkdirSync(this.#path);
      return { best: undefined, waiting: [] };
    }
    this.evaluated = history?.evaluated ?? 0;
    const waiting = readdirSync(this.#path).flatMap((file): Waiting[] => {
      const [, chapter = '', layer = ''] = /^(\d+)\.(\d+)\.safetensors$/.exec(file) ?? [];
      const shape = shapes[Number(layer)];
      if (chapter === '' || shape === undefined || Number(chapter) < this.evaluated) return [];
      return [{ chapter: Number(chapter), state: this.#load(file, [shape])[0] as LayerState }];
    });
    const best = history && { ...history.best, states: this.#load(BEST_FILE, shapes) };
    return { best, waiting };
  }

  /** Keeps a layer of a chapter until that is measured. */
  keep(chapter: number, state: LayerState): void {
    this.#save(`${chapter}.${state.structure.layer}.safetensors`, [state]);
  }

  /** A chapter was measured. @param improved it is the best one */
  evaluate(chapter: number, { states, ...best }: Best, improved: boolean): void {
    // First the layers: a history never names a chapter whose layers are not there.
    if (improved) this.#save(BEST_FILE, states);
    this.evaluated = chapter + 1;
    const history = { of: this.#of, evaluated: this.evaluated, best };
    writeWhole(path.join(this.#path, HISTORY_FILE), `${JSON.stringify(history)}\n`);
    for (const file of readdirSync(this.#path))
      if (Number(/^(\d+)\.\d+\.safetensors$/.exec(file)?.[1] ?? Infinity) <= chapter)
        rmSync(path.join(this.#path, file));
  }

  #history(): z.infer<typeof historySchema> | undefined {
    const file = path.join(this.#path, HISTORY_FILE);
    if (!existsSync(file)) return undefined;
    try {
      return historySchema.parse(JSON.parse(readRegularFile(file).toString()));
    } catch (error) {
      throw damaged(file, error);
    }
  }

  #save(name: string, states: readonly LayerState[]): void {
    const metadata = { digest: modelDigest(states) };
    writeWhole(path.join(this.#path, name), encodeSafetensors({ tensors: modelTensors(states), metadata }));
  }

  #load(name: string, shapes: readonly LayerStructure[]): LayerState[] {
    const file = path.join(this.#path, name);
    try {
      const { tensors, metadata } = decodeSafetensors(readRegularFile(file));
      const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.values]));
      const states = shapes.map((shape) => {
        const state = allocateState(shape);
        for (const { name: tensor, values } of namedParameters(state)) values.set(byName.get(tensor) ?? []);
        return state;
      });
      if (modelDigest(states) !== metadata['digest']) throw new Error('its digest is another one');
      return states;
    } catch (error) {
      throw damaged(file, error);
    }
  }
}

function damaged(file: string, error: unknown): PffError {
  return new PffError('files', `${file} cannot be used: ${messageOf(error)}`, {
    hint: 'Early stopping cannot go on without it: begin a new run with --config spec.json of this one.',
    cause: error,
  });
}
