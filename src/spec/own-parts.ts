/**
 * A user's own parts, registered by name so that a spec can refer to them: objectives, goodness, samplers of negative labels,
 * schedules of the learning rate. They must be pure functions of their arguments: the same spec gives the same bits only as
 * long as its parts do. Each thread that trains registers them itself (node/threads/plugins.ts).
 */
import { sha256 } from '#platform/hash';
import { negatives, type OwnNegatives } from '../data/negatives-table.js';
import type { NamedParts } from '../named-parts.js';
import { goodnesses, type OwnGoodness } from '../objectives/goodness.js';
import { objectives, ownObjective, type AnyOwnObjective } from '../objectives/table.js';
import { guardedObjective } from './guarded-objective.js';
import { guardedGoodness, guardedNegatives, guardedSchedule } from './guarded-parts.js';
import { rateSchedules, type RateSchedule } from './rate-schedules.js';

/** The fields of a spec whose values are names of parts. */
export const OWN_KINDS = ['objective', 'goodness', 'negatives', 'schedule'] as const;
export type OwnKind = (typeof OWN_KINDS)[number];

/** The tables that these names are looked up in. */
export const partTables: {
  readonly [K in OwnKind]: Pick<NamedParts<unknown>, 'names' | 'ownNames' | 'has' | 'isOurs'>;
} = { objective: objectives, goodness: goodnesses, negatives, schedule: rateSchedules };

interface Registered {
  /** As it was given: an entry of a table may wrap it. */
  readonly part: object;
  /** Taken at once: what a part counts while it trains does not make it another one. */
  readonly source: string;
}

const registered: Readonly<Record<OwnKind, Map<string, Registered>>> = {
  objective: new Map(),
  goodness: new Map(),
  negatives: new Map(),
  schedule: new Map(),
};

/**
 * Makes `objective: name` in a spec mean `own`: a function that makes a loss of goodness, a local loss with heads, or a whole objective.
 * @throws PffError `usage` if that is no name, or one of ours.
 */
export function registerObjective(name: string, own: AnyOwnObjective): void {
  objectives.register(name, ownObjective(name, guardedObjective(name, own)));
  remember('objective', name, own);
}

/** Makes `goodness: name` in a spec mean `goodness`. @throws PffError as `registerObjective` */
export function registerGoodness(name: string, goodness: OwnGoodness): void {
  goodnesses.register(name, guardedGoodness(name, goodness));
  remember('goodness', name, goodness);
}

/** Makes `negatives: name` in a spec mean `sampler`. @throws PffError as `registerObjective` */
export function registerNegatives(name: string, sampler: OwnNegatives): void {
  negatives.register(name, guardedNegatives(name, sampler));
  remember('negatives', name, sampler);
}

/** Makes `schedule: name` in a spec mean `schedule`. @throws PffError as `registerObjective` */
export function registerSchedule(name: string, schedule: RateSchedule): void {
  rateSchedules.register(name, guardedSchedule(name, schedule));
  remember('schedule', name, schedule);
}

function remember(kind: OwnKind, name: string, part: object): void {
  registered[kind].set(name, { part, source: contentOf(part).join('\n') });
}

/** What was registered by that name, as it was given. */
export function ownPart(kind: OwnKind, name: string): unknown {
  return registered[kind].get(name)?.part;
}

/** Names of own parts of one kind that are registered in this thread. */
export function ownNames(kind: OwnKind): string[] {
  return partTables[kind].ownNames;
}

/**
 * The own parts that `spec` names, with a digest of the text of their functions and values: what nodes on several machines, and a run
 * that goes on, must have in common. (Code that they call elsewhere is not in it.) Undefined where a part is not registered in this thread.
 */
export function ownParts(
  spec: Readonly<Record<OwnKind, string>>,
): { readonly kind: OwnKind; readonly name: string; readonly digest: string | undefined }[] {
  return OWN_KINDS.filter((kind) => !partTables[kind].isOurs(spec[kind])).map((kind) => {
    const name = spec[kind];
    const source = registered[kind].get(name)?.source;
    return { kind, name, digest: source === undefined ? undefined : sha256().update(source).hex() };
  });
}

/** The function itself, or what an object has, by name: the methods of a class are not among its own entries. */
function contentOf(part: object): string[] {
  if (typeof part === 'function') return [String(part)];
  const names = new Set<string>();
  for (
    let of: object | null = part;
    of !== null && of !== Object.prototype;
    of = Object.getPrototypeOf(of) as object | null
  )
    for (const name of Object.getOwnPropertyNames(of)) if (name !== 'constructor') names.add(name);
  return [...names].toSorted().map((name) => {
    // A getter may throw before its plugin has trained.
    const value = valueOf(part, name);
    return typeof value === 'function' ? String(value) : `${name} ${valueText(value)}`;
  });
}

function valueOf(part: object, name: string): unknown {
  try {
    return (part as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}

/** Of whatever a plugin keeps: what JSON has no text for counts as its type. */
function valueText(value: unknown): string {
  try {
    return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each)) ?? String(value);
  } catch {
    return typeof value;
  }
}
