/** A flag for every field of the run spec, made from its schema: name, text, default, what is allowed. */
import { z } from 'zod';
import { DATASET_NAMES } from '../../data/dataset-names.js';
import { PffError } from '../../errors.js';
import { parseLayers } from '../../layers/sizes.js';
import { OWN_KINDS, ownNames } from '../../spec/own-parts.js';
import { presets } from '../../spec/presets.js';
import { fieldText, type PartialSpec, resolveSpec, type RunSpec, specFields } from '../../spec/spec.js';
import { badValue, parseNumber, type Flag, type Flags } from './flags.js';
import { didYouMean } from '../../suggest.js';

type Field = keyof RunSpec;
const FIELDS = Object.keys(specFields) as Field[];

/** Fields whose values have a form of their own on the command line. */
const OWN_FORMS: Readonly<
  Partial<
    Record<Field, { readonly value: string; readonly parse: (raw: string) => unknown; readonly described: string }>
  >
> = {
  layers: {
    value: 'N,N,…',
    parse: parseLayers,
    described: 'at least 2 sizes: the values of an image (784, or 3x32x32), then each layer (500, or conv64+bn+max2)',
  },
  phases: { value: 'N,N,…', parse: parseNumbers, described: 'whole numbers from small to large, such as 10,15' },
  freeze: { value: 'N,N,…', parse: parseNumbers, described: 'numbers of layers from small to large, such as 1,2' },
};

/** `10,15`, or `none`. */
function parseNumbers(raw: string): unknown {
  return raw === 'none' ? [] : raw.split(',').map((each) => parseNumber(each));
}

const GROUPS: readonly (readonly [heading: string, first: Field])[] = [
  ['Data', 'dataset'],
  ['Network', 'layers'],
  ['Training', 'epochs'],
  ['Shards', 'shards'],
];

/** What comes out with no options, with more epochs, and with another objective. */
const defaults = ((base: PartialSpec) => {
  const usual = resolveSpec(base);
  const objective = usual.objective === 'performance-optimized' ? 'goodness' : 'performance-optimized';
  return { usual, longer: resolveSpec({ ...base, epochs: usual.epochs + 1 }), other: resolveSpec({ objective }) };
})(presets['default']?.spec ?? {});

/** Defaults that data of one's own bring along (run/fit-to-data.ts). */
const BY_DATA: Readonly<Partial<Record<Field, string>>> = {
  labelMode: 'append',
  layers: 'from the data',
  epochs: 'from the data',
  splits: 'from the data',
  batch: 'from the data',
};

/** What a schema allows, as JSON Schema says it. */
interface Allowed {
  readonly type: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** `labelMode` → `label-mode`. */
export function flagName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Fields that a flag of another meaning fills in: `--init` takes a model, of which the spec has the digest. */
const WITHOUT_FLAG: readonly Field[] = ['init'];
const FLAG_FIELDS = FIELDS.filter((field) => !WITHOUT_FLAG.includes(field));

/** The flags, by name. */
export const specFlags: Flags = Object.fromEntries(FLAG_FIELDS.map((field) => [flagName(field), flagOf(field)]));

/** The part of a spec that the given flags are. @throws PffError `usage` for names that no loaded plugin has either. */
export function specFromFlags(values: Readonly<Record<string, unknown>>): PartialSpec {
  // A plugin may add names to these fields, so they are checked once it is loaded.
  for (const kind of OWN_KINDS) {
    const given = values[kind];
    const known = [...(allowedBy(kind).enum ?? []), ...ownNames(kind)];
    if (typeof given === 'string' && !known.includes(given))
      throw badValue(kind, given, `one of ${known.join(', ')}`, known);
  }
  return Object.fromEntries(
    FLAG_FIELDS.flatMap((field) => {
      const value = values[flagName(field)];
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** Checks what a file says of a spec. @throws PffError `usage`, naming `source` and the field. */
export function checkedSpec(given: object, source: string): PartialSpec {
  for (const [name, value] of Object.entries(given)) {
    const field = FIELDS.find((each) => each === name);
    if (field === undefined)
      throw new PffError('usage', `${source}: unknown field ${JSON.stringify(name)}`, {
        hint: didYouMean(name, FIELDS, 'Fields are named as in spec.json of a run.'),
      });
    if (!specFields[field].safeParse(value).success)
      throw new PffError(
        'usage',
        `${source}: ${name} must be ${describe(field, allowedBy(field))}, but is ${JSON.stringify(value)}`,
      );
  }
  return given;
}

function flagOf(field: Field): Flag<unknown> {
  const allowed = allowedBy(field);
  return {
    text: textOf(field, allowed),
    ...(allowed.type === 'boolean' ? {} : { value: OWN_FORMS[field]?.value ?? placeholder(allowed) }),
    choices: field === 'dataset' ? DATASET_NAMES : allowed.enum,
    group: groupOf(field),
    shownDefault: shownDefault(field),
    parse: (raw, name) => {
      const own = OWN_FORMS[field];
      const value = own ? own.parse(raw ?? '') : valueOf(raw ?? '', allowed);
      if (!specFields[field].safeParse(value).success)
        throw badValue(name, raw, describe(field, allowed), allowed.enum);
      return value;
    },
  };
}

/** The field's text; names are listed where it does not say all of them. */
function textOf(field: Field, allowed: Allowed): string {
  const text = specFields[field].description ?? '';
  return (allowed.enum ?? []).every((name) => text.includes(name))
    ? text
    : `${text}; one of ${allowed.enum?.join(', ')}`;
}

function allowedBy(field: Field): Allowed {
  return z.toJSONSchema(specFields[field], { io: 'input' }) as Allowed;
}

function valueOf(raw: string, { type }: Allowed): unknown {
  if (type === 'boolean') return true;
  return type === 'integer' || type === 'number' ? parseNumber(raw) : raw;
}

function placeholder({ type }: Allowed): string {
  return { integer: 'N', number: 'X' }[type] ?? 'NAME';
}

/** What is allowed, in words: `a whole number of at least 1`. */
function describe(field: Field, allowed: Allowed): string {
  const own = OWN_FORMS[field]?.described;
  if (own !== undefined) return own;
  if (allowed.enum) return `one of ${allowed.enum.join(', ')}`;
  if (allowed.type === 'string') return 'a name';
  if (allowed.type === 'boolean') return 'true or false';
  const whole = allowed.type === 'integer';
  const limits: string[] = [];
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = allowed;
  if (exclusiveMinimum !== undefined)
    limits.push(whole ? `of at least ${exclusiveMinimum + 1}` : `above ${exclusiveMinimum}`);
  else if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) limits.push(`of at least ${minimum}`);
  if (exclusiveMaximum !== undefined) limits.push(`below ${exclusiveMaximum}`);
  else if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) limits.push(`at most ${maximum}`);
  return [whole ? 'a whole number' : 'a number', limits.join(' and ')].filter(Boolean).join(' ');
}

function groupOf(field: Field): string {
  const at = FIELDS.indexOf(field);
  return GROUPS.findLast(([, first]) => FIELDS.indexOf(first) <= at)?.[0] ?? 'Run';
}

/** The default, and where it follows from another field, from which. */
function shownDefault(field: Field): string {
  const [value, longer, other] = [defaults.usual, defaults.longer, defaults.other].map((spec) =>
    fieldText(field, spec),
  );
  const fitted = BY_DATA[field] === undefined ? '' : `; with --data: ${BY_DATA[field]}`;
  if (field === 'objective' || field === 'epochs') return `${value ?? ''}${fitted}`;
  if (longer !== value) return `as --epochs${fitted}`;
  return (other === value ? (value ?? '') : `${value}; ${other} with --objective ${defaults.other.objective}`) + fitted;
}
