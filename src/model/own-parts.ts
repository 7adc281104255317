/**
 * A user's own parts, registered by name so that a spec can refer to them: losses of goodness, goodness itself,
 * samplers of negative labels, schedules of the learning rate. They must be pure functions of their arguments: the same spec
 * gives the same bits only as long as its parts do. Each thread that trains registers them itself (node/threads/plugins.ts).
 */
import { PffError } from '../errors.js';
import type { RandomStream } from '../random.js';
import { addOwnName, OWN_KINDS, type OwnKind } from '../spec/own-names.js';
import type { RunSpec } from '../spec/spec.js';
import type { GoodnessLoss } from './objectives/goodness-losses.js';

/** Makes the loss of goodness that layers learn by; called once for each task, with the run's spec. */
export type OwnObjective = (spec: RunSpec) => Omit<GoodnessLoss, 'name'>;

/** A goodness of one's own: a number for each row of a layer's activations, and its gradient. */
export interface OwnGoodness {
  /** Goodness of one row of activations [O], all of them 0 or above. */
  of(row: Float32Array): number;
  /** Writes its gradient by each activation to `out` [O]. */
  gradient(row: Float32Array, out: Float32Array): void;
}

/** What a sampler of negative labels is given. */
export interface NegativesRequest {
  /** The true labels [n], each below `classes`. */
  readonly labels: Uint8Array;
  readonly classes: number;
  readonly chapter: number;
  /** Random numbers of this chapter; the only ones it may use. */
  readonly stream: RandomStream;
  /** [n], to be filled with a wrong label for each sample. */
  readonly out: Uint8Array;
}

/** Draws the negative labels of a chapter. */
export type OwnNegatives = (request: NegativesRequest) => void;

/** What learning rates are multiplied by at `progress`, the share of the run that lies behind (0 … 1). */
export type OwnSchedule = (progress: number, spec: RunSpec) => number;

const objectives = new Map<string, OwnObjective>();
const goodnesses = new Map<string, OwnGoodness>();
const negatives = new Map<string, OwnNegatives>();
const schedules = new Map<string, OwnSchedule>();

const partsOf = { objective: objectives, goodness: goodnesses, negatives, schedule: schedules } as const;

/** Makes `objective: name` in a spec mean `make`. @throws PffError `usage` if that is no name, or one of ours. */
export function registerObjective(name: string, make: OwnObjective): void {
  register('objective', objectives, name, make);
}

/** Makes `goodness: name` in a spec mean `goodness`. @throws PffError as `registerObjective` */
export function registerGoodness(name: string, goodness: OwnGoodness): void {
  register('goodness', goodnesses, name, goodness);
}

/** Makes `negatives: name` in a spec mean `sampler`. @throws PffError as `registerObjective` */
export function registerNegatives(name: string, sampler: OwnNegatives): void {
  register('negatives', negatives, name, sampler);
}

/** Makes `schedule: name` in a spec mean `schedule`. @throws PffError as `registerObjective` */
export function registerSchedule(name: string, schedule: OwnSchedule): void {
  register('schedule', schedules, name, schedule);
}

const OURS = new Set(
  'goodness mean sum symba performance-optimized mono-forward backprop backprop-heads none fixed random adaptive sampled cooldown'.split(
    ' ',
  ),
);

function register<T>(kind: OwnKind, parts: Map<string, T>, name: string, part: T): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name) || OURS.has(name))
    throw new PffError('usage', `${JSON.stringify(name)} cannot be the name of an own ${kind}`, {
      hint: 'Take lower-case letters, digits and dashes, and no name that pff itself has.',
    });
  parts.set(name, part);
  addOwnName(kind, name);
}

export function ownObjective(spec: RunSpec): GoodnessLoss {
  return { ...found('objective', objectives, spec.objective)(spec), name: spec.objective };
}

/** Undefined for the names of pff itself. */
export function ownGoodness(name: string): OwnGoodness | undefined {
  return OURS.has(name) ? undefined : found('goodness', goodnesses, name);
}

/** Undefined for the names of pff itself. */
export function ownNegatives(name: string): OwnNegatives | undefined {
  return OURS.has(name) ? undefined : found('negatives', negatives, name);
}

export function ownSchedule(name: string): OwnSchedule {
  return found('schedule', schedules, name);
}

function found<T>(kind: OwnKind, parts: ReadonlyMap<string, T>, name: string): T {
  const part = parts.get(name);
  if (part === undefined)
    throw new PffError('usage', `${kind} ${name} is not registered in this thread`, {
      hint: 'Give the file that registers it by --plugin (plugins of train()), so that worker threads load it too.',
    });
  return part;
}

/**
 * The own parts that `spec` names, as the text of their functions: what nodes on several machines must have in common.
 * (Code that they call elsewhere is not in it.) Undefined text where the part is not registered in this thread.
 */
export function ownSources(
  spec: RunSpec,
): { readonly kind: OwnKind; readonly name: string; source: string | undefined }[] {
  return OWN_KINDS.filter((kind) => !OURS.has(spec[kind])).map((kind) => {
    const name = spec[kind];
    const part = partsOf[kind].get(name);
    if (part === undefined) return { kind, name, source: undefined };
    // By name, for the methods of a class are not among an object's own entries.
    const functions = typeof part === 'object' ? (['of', 'gradient'] as const).map((key) => part[key]) : [part];
    return { kind, name, source: functions.map(String).join('\n') };
  });
}

/** @throws PffError `training` if an own sampler drew a true label, or one that there is not. */
export function checkWrong(name: string, truth: Uint8Array, drawn: Uint8Array, classes: number): void {
  const bad = drawn.findIndex((label, i) => label === truth[i] || label >= classes);
  if (bad >= 0)
    throw new PffError(
      'training',
      `negatives ${name} gave sample ${bad} of label ${truth[bad]} the label ${drawn[bad]}`,
      {
        hint: `Each sample needs a wrong label below ${classes}.`,
      },
    );
}
