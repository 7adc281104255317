/** The trials of a sweep: a pure function of what its file says, so that a sweep that was stopped goes on with the same ones. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PffError } from '../errors.js';
import { exp, log } from '../math.js';
import { RandomStream } from '../random.js';
import { specFields, type PartialSpec, type SpecField } from '../spec/spec.js';

const values = z.array(z.unknown()).min(1);
const range = z.union([
  z.strictObject({ from: z.number(), to: z.number() }),
  z.strictObject({ from: z.number().positive(), to: z.number().positive(), scale: z.literal('log') }),
  z.strictObject({ values }),
]);

/** What a sweep file may say. */
export const sweepSchema = z.strictObject({
  /** Fields that all trials have. */
  spec: z.record(z.string(), z.unknown()).default({}),
  /** Data of one's own, as `--data`. */
  data: z.string().optional(),
  /** The model that all trainings begin with, as `--init`. */
  init: z.string().optional(),
  /** Every combination of these. */
  grid: z.record(z.string(), values).optional(),
  /** So many draws of these. */
  random: z
    .strictObject({
      trials: z.int().min(1).max(10_000),
      seed: z.int().min(0).default(1),
      fields: z.record(z.string(), range),
    })
    .optional(),
  /** Each trial is trained with so many seeds, from the spec's on. */
  seeds: z.int().min(1).max(1000).default(1),
  /**
   * Successive halving (Jamieson and Talwalkar 2016): all trials with `epochs` epochs, then the best 1 of `factor` of them with `factor`
   * times as many, and so on, `rungs` times in all.
   */
  halving: z
    .strictObject({
      epochs: z.int().min(1),
      factor: z.int().min(2).default(3),
      rungs: z.int().min(1).max(10).default(3),
    })
    .optional(),
});

export type Sweep = z.infer<typeof sweepSchema>;

/** One setting; its seeds are trained apart. */
export interface Trial {
  readonly number: number;
  /** The fields in which trials differ. */
  readonly fields: PartialSpec;
}

/** @throws PffError `usage` naming the field that is no field of a spec, or a value that it does not take */
export function trialsOf({
  grid,
  random,
  spec,
}: Pick<Partial<Sweep>, 'grid' | 'random'> & Pick<Sweep, 'spec'>): Trial[] {
  if (grid && random)
    throw new PffError('usage', 'a sweep is a grid or random, but has both', { hint: 'Leave one of them out.' });
  const all = grid ? combinations(Object.entries(grid)) : random ? draws(random) : [{}];
  for (const fields of [spec, ...all]) checkFields(fields);
  return all.map((fields, number) => ({ number, fields: fields as PartialSpec }));
}

function checkFields(fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(specFields, name))
      throw new PffError('usage', `a sweep over ${name}: a spec has no such field`, {
        hint: 'Fields are named as in spec.json of a run, such as learningRate.',
      });
    if (!specFields[name as SpecField].safeParse(value).success)
      throw new PffError('usage', `a sweep over ${name}: ${JSON.stringify(value)} is no value of that field`, {
        hint: 'pff train --help says what each field takes.',
      });
  }
}

function combinations(fields: readonly (readonly [string, readonly unknown[]])[]): Record<string, unknown>[] {
  return fields.reduce<Record<string, unknown>[]>(
    (all, [name, options]) => all.flatMap((each) => options.map((value) => ({ ...each, [name]: value }))),
    [{}],
  );
}

function draws({ trials, seed, fields }: NonNullable<Sweep['random']>): Record<string, unknown>[] {
  return Array.from({ length: trials }, (_, trial) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, from], field) => [
        name,
        drawn(name, from, new RandomStream(seed, 'sweep', trial, field)),
      ]),
    ),
  );
}

function drawn(name: string, from: z.infer<typeof range>, stream: RandomStream): unknown {
  if ('values' in from) return from.values[stream.below(from.values.length)];
  const share = stream.uniform();
  const value =
    'scale' in from
      ? exp(log(from.from) + share * (log(from.to) - log(from.from)))
      : from.from + share * (from.to - from.from);
  // Three figures: a person can read and repeat them. Never beyond the range.
  const within = (found: number): number => Math.min(from.to, Math.max(from.from, found));
  const read = within(Number(value.toPrecision(3)));
  const isNumber = !Object.hasOwn(specFields, name) || specFields[name as SpecField].safeParse(read).success;
  return isNumber ? read : within(Math.round(value));
}

/** A name for what fixes a training: the same spec on the same data, with the same parts of plugins, has the same one. */
export function unitName(
  trial: Trial,
  seed: number,
  spec: object,
  { data, parts }: { readonly data: string; readonly parts: readonly object[] },
): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([spec, data, ...parts]))
    .digest('hex')
    .slice(0, 8);
  return `trial-${String(trial.number + 1).padStart(3, '0')}-seed-${seed}-${digest}`;
}
