/** runs/manifest.json: the paper's tables, row by row, and the spec file that reproduces each row. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, PffError } from '../errors.js';
import { PACKAGE_FOLDER } from '../package-folder.js';
import { presets } from '../spec/presets.js';
import { VARIANTS } from '../schedule/assign.js';
import { didYouMean } from '../suggest.js';
import { partialSpecSchema, resolveSpec, type PartialSpec, type RunSpec } from '../spec/spec.js';

/** The folder of the recipes, in the source tree and in the package. */
export const RECIPES_FOLDER = join(PACKAGE_FOLDER, 'runs');
const MANIFEST_FILE = 'manifest.json';

const percent = z.number().min(0).max(100);
const name = z.string().regex(/^[a-z][a-z0-9-]*$/);

const lineSchema = z.strictObject({
  schedule: z.enum(VARIANTS).exclude(['federated']),
  /** Nodes that the paper has. */
  nodes: z.int().positive(),
  /** AdaptiveNEG: how old its labels are, where it is not 1. */
  labelLag: z.int().positive().optional(),
  /** The paper's figures: seconds on its machines, accuracy in percent. */
  paper: z.strictObject({ seconds: z.number().positive().optional(), accuracy: percent.optional() }).optional(),
});

const trainedSchema = z.strictObject({
  id: name,
  label: z.string().min(1),
  /** A file beside the manifest, or a preset; fields of `change` go over it. */
  spec: z.string().endsWith('.json').optional(),
  preset: z.string().optional(),
  change: partialSpecSchema.optional(),
  /** Accuracy is that of the last layer's head alone, from the same training. */
  reads: z.literal('last-layer').optional(),
  lines: z.array(lineSchema).min(1),
});

/** A figure of others that nothing here trains. */
const quotedSchema = z.strictObject({
  id: name,
  label: z.string().min(1),
  quoted: z.strictObject({ accuracy: percent, from: z.string().min(1) }),
});

const manifestSchema = z.strictObject({
  format: z.literal('pff-reproduce/1'),
  /** Digests of datasets that are not the original, and what they are; said beside each figure. */
  copies: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.string().min(1)),
  tables: z.array(
    z.strictObject({
      name,
      title: z.string().min(1),
      /** Not of the paper: left out of `all`. */
      extra: z.literal(true).optional(),
      rows: z.array(z.union([trainedSchema, quotedSchema])).min(1),
    }),
  ),
});

/** What a line's schedule can be. */
export const LINE_SCHEDULES = lineSchema.shape.schedule.options;

export type Manifest = z.infer<typeof manifestSchema>;
export type Line = z.infer<typeof lineSchema>;
export type TrainedRow = z.infer<typeof trainedSchema>;
export type QuotedRow = z.infer<typeof quotedSchema>;
export type Table = Manifest['tables'][number];

export interface Recipes {
  readonly folder: string;
  readonly manifest: Manifest;
  /** The spec of each trained row at full length, by the row's id; seed and label lag are still to be said. */
  readonly specs: ReadonlyMap<string, PartialSpec>;
}

export function isTrained(row: TrainedRow | QuotedRow): row is TrainedRow {
  return 'lines' in row;
}

/** Reads manifest and spec files, and checks that every line gives a spec. @throws PffError `files` */
export function readRecipes(folder: string = RECIPES_FOLDER): Recipes {
  const manifest = parsed(folder, MANIFEST_FILE, manifestSchema);
  const specs = new Map<string, PartialSpec>();
  for (const row of manifest.tables.flatMap(({ rows }) => rows)) {
    if (!isTrained(row)) continue;
    const spec = { ...sourceOf(folder, row), ...row.change };
    specs.set(row.id, spec);
    for (const line of row.lines) specOfLine(spec, line);
  }
  return { folder, manifest, specs };
}

function sourceOf(folder: string, { id, spec, preset }: TrainedRow): PartialSpec {
  if ((spec === undefined) === (preset === undefined)) throw broken(`row ${id} must have a spec or a preset`);
  if (spec !== undefined) return parsed(folder, spec, partialSpecSchema);
  const found = Object.hasOwn(presets, preset ?? '') ? presets[preset ?? ''] : undefined;
  if (found === undefined) throw broken(`row ${id} names preset ${preset}, which there is none of`);
  return found.spec;
}

/** The complete spec of a line at full length, with seed 1. */
export function specOfLine(spec: PartialSpec, { labelLag }: Line): RunSpec {
  return resolveSpec(labelLag === undefined ? spec : { ...spec, labelLag });
}

/** Which tables and rows are asked for: words such as `table1` or `all`, and ids of rows, all of them if there are none. */
export interface Asked {
  readonly tables: readonly string[];
  readonly rows: readonly string[];
  /** Only the lines of these schedules are carried out; all of them if it is left out. */
  readonly schedules?: readonly Line['schedule'][] | undefined;
}

/** The tables that are asked for, with the rows that are. @throws PffError `usage` for a name that is none. */
export function selectTables(manifest: Manifest, { tables, rows }: Asked): Table[] {
  const names = manifest.tables.map((table) => table.name);
  const ids = [...new Set(manifest.tables.flatMap((table) => table.rows.filter(isTrained).map(({ id }) => id)))];
  for (const word of tables) if (word !== 'all') known(word, [...names, 'all'], 'table');
  for (const id of rows) known(id, ids, 'row');
  const selected = manifest.tables
    .filter((table) => tables.includes(table.name) || (tables.includes('all') && !table.extra))
    .map((table) => ({ ...table, rows: table.rows.filter(({ id }) => rows.length === 0 || rows.includes(id)) }))
    .filter((table) => table.rows.length > 0);
  if (selected.length === 0)
    throw new PffError('usage', `${tables.join(', ')} has no row ${rows.join(', ')}`, {
      hint: 'pff reproduce --list shows which rows each table has.',
    });
  return selected;
}

/** Of each row only the lines of some schedules. @throws PffError `usage` where that leaves none. */
export function onlySchedules(tables: readonly Table[], schedules: Asked['schedules']): Table[] {
  if (schedules === undefined) return [...tables];
  const selected = tables
    .map((table) => ({
      ...table,
      rows: table.rows
        .filter(isTrained)
        .map((row) => ({ ...row, lines: row.lines.filter(({ schedule }) => schedules.includes(schedule)) }))
        .filter(({ lines }) => lines.length > 0),
    }))
    .filter(({ rows }) => rows.length > 0);
  if (selected.length === 0)
    throw new PffError('usage', `no row that is asked for has the schedule ${schedules.join(' or ')}`, {
      hint: 'pff reproduce --list shows the schedules of each row.',
    });
  return selected;
}

function known(given: string, names: readonly string[], what: string): void {
  if (names.includes(given)) return;
  throw new PffError('usage', `there is no ${what} ${JSON.stringify(given)}`, {
    hint: didYouMean(given, names, 'pff reproduce --list shows them all.'),
  });
}

function parsed<T>(folder: string, file: string, schema: z.ZodType<T>): T {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
  } catch (error) {
    throw broken(`${file}: ${messageOf(error)}`);
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw broken(result.error.issues.map(({ path, message }) => `${file}: ${path.join('.')}: ${message}`).join('; '));
}

function broken(what: string): PffError {
  return new PffError('files', `the recipes in runs/ cannot be used: ${what}`, {
    hint: 'They belong to the program: has a file been changed or left out?',
  });
}
