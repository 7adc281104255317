/**
 * The model that a run begins with (`--init`): its parameters, where they fit the run's network. What they are is part of the spec, by
 * their digest; where they come from is not. A run folder keeps them, so that it can go on without the model.
 */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ColumnInputs, Inputs } from '../data/columns.js';
import type { Dataset } from '../data/dataset.js';
import { labelLayout, type LabelLayout } from '../data/labels.js';
import { PffError } from '../errors.js';
import { decodeSafetensors, type Tensor } from '../formats/safetensors.js';
import { initialState, namedParameters, partName, type LayerState } from '../layers/layer-state.js';
import { imageValues } from '../layers/sizes.js';
import { modelDigest } from '../model/digest.js';
import { decodeModel, MODEL_FORMAT, type SavedModel } from '../model/model-file.js';
import { allStructures, networkStructure } from '../model/network.js';
import type { PreparedData } from '../node/prepare.js';
import { fieldText, isKnownName, type RunSpec } from '../spec/spec.js';
import { MODEL_FILE, readRunFile } from './folder.js';
import { checkedStates, checkModelMetadata, encodeSealed } from '../model/model-integrity.js';
import { checkIsModel } from './model-kind.js';
import type { TrainOptions } from './options.js';
import { VERSION } from './version.js';

/** In a run folder: what the run began with. */
export const INITIAL_FILE = 'init.safetensors';
const MOST_NAMED = 4;

/** What a run begins with. */
export interface Initial {
  /** Model digest over all parameters: `init` of the spec. */
  readonly digest: string;
  /** Layers, and the classifier if there is one; moments and step counts are 0. */
  readonly states: readonly LayerState[];
  /** What of the model does not stand in the run's network, and the other way round. */
  readonly notes: readonly string[];
}

/** The network that parameters are to fit. */
export interface InitialFor {
  readonly spec: RunSpec;
  readonly layout: LabelLayout;
  readonly classes: readonly string[];
  /** How the run's data become values. */
  readonly inputs: Inputs | undefined;
}

/**
 * Reads a run folder or a safetensors file. Heads that the model has none of begin as they do without it; layers must be there, and all
 * shapes must fit. @throws PffError `files`, `usage` where it does not fit, saying which tensors
 */
export function readInitial(model: string, { spec, layout, classes, inputs }: InitialFor): Initial {
  const file = existsSync(model) && statSync(model).isDirectory() ? path.join(model, MODEL_FILE) : model;
  const bytes = readRunFile(file, 'Give the folder of a finished run, or a safetensors file with its weights.');
  checkIsModel(file, bytes);
  const { tensors, metadata } = decodeSafetensors(bytes);
  const ours = metadata['format'] === MODEL_FORMAT ? decodeModel(bytes) : undefined;
  if (ours) checkWhole(ours, file);
  const { states, unused, anew } = fitted(tensors, { spec, layout }, (misfits) => {
    const named = misfits.slice(0, MOST_NAMED).join('; ');
    const more = misfits.length > MOST_NAMED ? `; and ${misfits.length - MOST_NAMED} more` : '';
    return new PffError('usage', `the model ${model} does not fit the network: ${named}${more}`, {
      hint: ours
        ? `It was trained with --layers ${fieldText('layers', ours.spec)} --objective ${ours.spec.objective} on ${ours.spec.dataset}, ${ours.classes?.length ?? '?'} classes.`
        : 'Tensors are named as those of pff are (pff help import).',
    });
  });
  const columns = otherColumns(model, ours?.inputs, inputs);
  const known = ours?.classes;
  const notes = [
    ...(unused.length > 0 ? [`of the model ${model} are not used: ${unused.join(', ')}`] : []),
    ...(anew.length > 0 ? [`the model ${model} has no ${anew.join(', ')}: they begin anew`] : []),
    ...(known && known.length === classes.length && String(known) !== String(classes)
      ? [`the model ${model} has other classes: ${known.slice(0, 10).join(', ')}`]
      : []),
    ...(columns === undefined ? [] : [columns]),
  ];
  return { digest: modelDigest(states), states, notes };
}

/**
 * A note where the model was trained on other columns of a table. @throws PffError `usage` where they are the same in another order: then
 * what was learned of one column would be applied to another
 */
function otherColumns(model: string, theirs: Inputs | undefined, own: Inputs | undefined): string | undefined {
  if (theirs?.kind !== 'columns' || own?.kind !== 'columns') return undefined;
  const text = ({ columns }: ColumnInputs): string[] =>
    columns.map((column) => (column.kind === 'text' ? `${column.name} (${column.values.join(', ')})` : column.name));
  const [before, now] = [text(theirs), text(own)];
  if (String(before) === String(now)) return undefined;
  const named = (names: readonly string[]): string => names.slice(0, 10).join(', ');
  if (String(before.toSorted()) === String(now.toSorted()))
    throw new PffError('usage', `the model ${model} takes columns ${named(before)}, but the data have ${named(now)}`, {
      hint: 'Put the columns in the order of the model.',
    });
  return `the model ${model} was trained on other columns: ${named(before)}`;
}

/** `init` of a spec that begins with `model`. @throws PffError as `readInitial` */
export function initialDigest(
  model: string,
  spec: RunSpec,
  { shape, classes, inputs }: Pick<Dataset, 'shape' | 'classes' | 'inputs'>,
): string {
  const layout = labelLayout(shape, classes.length, spec.labelMode);
  return readInitial(model, { spec, layout, classes, inputs }).digest;
}

/** What a run that began with a model keeps of it. */
export function encodeInitial(spec: RunSpec, { digest, states }: Initial): Uint8Array {
  return encodeSealed(spec, states, { program: `pff ${VERSION}`, modelDigest: digest });
}

/** @throws PffError `usage` where the model is not the one that the spec says */
export function checkInitial(found: string, spec: RunSpec, model: string): void {
  if (spec.init === '' || spec.init === found) return;
  throw new PffError(
    'usage',
    `the spec begins with the model of digest ${spec.init.slice(0, 16)}, but ${model} has ${found.slice(0, 16)}`,
    {
      hint: 'Give the model that the spec was made with by --init, or leave init out of the spec.',
    },
  );
}

/** For a spec that begins with a model which nobody has given. */
function initialIsMissing({ init }: RunSpec): PffError {
  return new PffError('usage', `the spec begins with the model of digest ${init.slice(0, 16)}, which was not given`, {
    hint: 'Give it by --init (init of train()).',
  });
}

/** @throws PffError `files` where the model is not as it was written */
function checkWhole(model: SavedModel, file: string): void {
  const { spec, classes } = model;
  checkModelMetadata(model, file);
  // Of an objective that is not loaded, its layers' parts are not known.
  if (classes === undefined || !isKnownName('objective', spec.objective)) return;
  const image = { width: imageValues(spec.layers), height: 1, channels: 1 };
  checkedStates(model, labelLayout(image, classes.length, spec.labelMode), file, {});
}

function fitted(
  tensors: readonly Tensor[],
  { spec, layout }: Pick<InitialFor, 'spec' | 'layout'>,
  refusal: (misfits: readonly string[]) => PffError,
): { readonly states: LayerState[]; readonly unused: string[]; readonly anew: string[] } {
  const left = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const misfits: string[] = [];
  const anew: string[] = [];
  const states = allStructures(networkStructure(spec, layout)).map((structure) => {
    const state = initialState(structure, spec.seed);
    // A head that the model has nothing of; else all of it must be there.
    const without = new Set(
      structure.parts.flatMap(({ role }, part) => {
        const name = partName(structure, part);
        return role === 'layer' || tensors.some((tensor) => tensor.name.startsWith(`${name}.`)) ? [] : [name];
      }),
    );
    anew.push(...without);
    // Those that an objective has without a bias keep 0, whatever another one trained there.
    const biases = new Set(
      structure.parts.flatMap(({ withoutBias }, part) => (withoutBias ? [`${partName(structure, part)}.bias`] : [])),
    );
    for (const { name, shape, values } of namedParameters(state)) {
      if (without.has(name.replace(/\.[^.]*$/, ''))) continue;
      if (biases.has(name)) {
        if (left.get(name)?.values.every((value) => value === 0)) left.delete(name);
        continue;
      }
      const tensor = left.get(name);
      left.delete(name);
      if (tensor && tensor.shape.join() === shape.join()) values.set(tensor.values);
      else
        misfits.push(
          `${name} must be [${shape.join(', ')}], but ${tensor ? `is [${tensor.shape.join(', ')}]` : 'is not there'}`,
        );
    }
    return state;
  });
  if (misfits.length > 0) throw refusal(misfits);
  return { states, unused: [...left.keys()], anew };
}

/** The model that a run begins with: given, or kept in the folder of a run that goes on. @throws PffError as `readInitial` */
export function initialOf(
  { init, resume }: Pick<TrainOptions, 'init' | 'resume'>,
  spec: RunSpec,
  { layout, facts, inputs }: PreparedData,
): Initial | undefined {
  const model = init ?? (resume !== undefined && spec.init !== '' ? path.join(resume, INITIAL_FILE) : undefined);
  if (model === undefined) {
    if (spec.init !== '') throw initialIsMissing(spec);
    return undefined;
  }
  const initial = readInitial(model, { spec, layout, classes: facts.classes, inputs });
  checkInitial(initial.digest, spec, model);
  return initial;
}
