/**
 * The run spec: everything that fixes the final bits of a run (and nothing else), and how a partial one is filled in.
 * How a run is carried out (threads, folders, servers) is no part of it; see run/.
 */
import type { z } from 'zod';
import { PffError } from '../errors.js';
import { described } from '../known-options.js';
import { describeLayers, readsPlanes, type LayerSize } from '../layers/sizes.js';
import { objectiveOf } from '../objectives/table.js';
import { didYouMean } from '../suggest.js';
import { common } from './defaults.js';
import { partialSpecSchema, type PartialSpec, type RunSpec, type SpecField } from './fields.js';
import { checkLearns, checkTogether } from './fields-together.js';
import { OWN_KINDS, partTables, type OwnKind } from './own-parts.js';
import { usesNegatives } from './predicates.js';

export * from './fields.js';
export * from './predicates.js';

/** The value of a field as a flag takes it. */
export function fieldText<K extends SpecField>(field: K, spec: { readonly [F in K]?: RunSpec[F] | undefined }): string {
  const value: unknown = spec[field];
  if (!Array.isArray(value)) return String(value);
  return value.length === 0 ? 'none' : describeLayers(value as LayerSize[], ',');
}

/**
 * Fills in what `given` leaves out and checks that the fields fit each other.
 * @param names `any` where a spec is only read, such as a model's: names that are not registered are accepted.
 * @throws PffError `usage`, naming the field, what was found and what would do.
 */
export function resolveSpec(given: PartialSpec, names: 'registered' | 'any' = 'registered'): RunSpec {
  checkIsSpec(given);
  const parsed = partialSpecSchema.safeParse(withoutUndefined(given));
  if (!parsed.success)
    throw new PffError('usage', describeIssues(parsed.error), { hint: 'pff train --help lists every field.' });
  const part = withoutUndefined(parsed.data);
  const objective = part.objective ?? 'goodness';
  const { classifiers, rates } = objectiveOf(objective);
  const spec: RunSpec = {
    ...common,
    objective,
    negatives: usesNegatives(objective) ? 'sampled' : 'none',
    classifier: classifiers[0],
    ...rates[part.optimizer ?? common.optimizer],
    splits: part.epochs ?? common.epochs,
    // Labels as planes beside the image's, where the first layer knows planes.
    ...(part.layers && readsPlanes(part.layers.slice(1)) ? { labelMode: 'append' as const } : {}),
    ...part,
  };
  if (names === 'registered') {
    checkNames(spec);
    checkLearns(spec);
  }
  checkTogether(spec);
  return spec;
}

/** @throws PffError `usage` for what has no fields at all: a program without types may give anything. */
export function checkIsSpec(given: unknown): void {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return;
  throw new PffError('usage', `a spec must be an object of fields, but is ${described(given)}`, {
    hint: 'Give {} for all defaults.',
  });
}

/** Whether a spec may say `field: name`: it is one of our names, or one that is registered. */
export function isKnownName(field: OwnKind, name: string): boolean {
  return partTables[field].has(name);
}

/** Own names must be registered by now. */
function checkNames(spec: RunSpec): void {
  for (const field of OWN_KINDS) {
    const name: string = spec[field];
    if (isKnownName(field, name)) continue;
    const all = partTables[field].names;
    throw new PffError('usage', `${field} must be one of ${all.join(', ')}, but is ${name}`, {
      hint: didYouMean(name, all, 'Names of your own come with --plugin FILE.'),
    });
  }
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'spec'}: ${issue.message}`).join('; ');
}
