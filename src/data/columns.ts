/**
 * How rows of a table become the values that a network takes, fixed by the training rows alone: numbers by their mean and
 * deviation, texts as one value of 0 or 1 for each. A model carries it, so that it takes rows as they are in the file.
 */
import { z } from 'zod';
import { PffError } from '../errors.js';

/** A cell: a number, a text, or nothing. */
export type Cell = number | string | null;

export interface NumberColumn {
  readonly name: string;
  readonly kind: 'number';
  /** Of the training rows. */
  readonly mean: number;
  /** Standard deviation of the training rows, above 0. */
  readonly deviation: number;
}

export interface TextColumn {
  readonly name: string;
  readonly kind: 'text';
  /** The texts of the training rows, sorted; any other one gives zeros. */
  readonly values: readonly string[];
}

export type Column = NumberColumn | TextColumn;

/** Rows of a table. */
export interface ColumnInputs {
  readonly kind: 'columns';
  readonly columns: readonly Column[];
  /** Name of the column with the classes. */
  readonly label: string;
  /** Whether an empty cell becomes the mean (no text); else it is an error. */
  readonly fill: boolean;
}

/** Images of bytes. */
export interface PixelInputs {
  readonly kind: 'image';
  /** As an `ImageShape`. */
  readonly shape: { readonly width: number; readonly height: number; readonly channels: number };
  /** The numbers that became 0 and 255, where the source has others. */
  readonly range?: readonly [low: number, high: number] | undefined;
  /** Mean of the bytes along the edges of the training images: whether things stand on black or on white. */
  readonly edge?: number | undefined;
  /** Name of the column with the classes, where the images are rows of a table. */
  readonly label?: string | undefined;
  /** Whether images of any proportions were scaled to the whole of the shape (`imageSize`). */
  readonly stretched?: boolean | undefined;
}

/** What a network takes: columns of a table, or images. */
export type Inputs = ColumnInputs | PixelInputs;

/** A value further from the mean than so many deviations counts as that far: one odd cell must not drown a whole row. */
export const FURTHEST = 10;

/** Values that the network takes of a row. */
export function columnsWidth(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + (column.kind === 'number' ? 1 : column.values.length), 0);
}

/**
 * Writes the values of a row to `out`. Each is computed in f64 and rounded once.
 * @param cells one for each column. @throws PffError `data` naming the column, without the row's place.
 */
export function encodeRow({ columns, fill }: ColumnInputs, cells: readonly Cell[], out: Float32Array): void {
  let at = 0;
  columns.forEach((column, i) => {
    const cell = cells[i] ?? null;
    if (cell === null && !fill)
      throw new PffError('data', `column ${column.name}: the cell is empty`, {
        hint: 'Fill it in; a network that was trained with --missing fill takes rows with empty cells.',
      });
    if (column.kind === 'text') {
      column.values.forEach((value, j) => (out[at + j] = cell !== null && String(cell) === value ? 1 : 0));
      at += column.values.length;
      return;
    }
    out[at++] = cell === null ? 0 : scaled(column, numberOf(cell, column.name));
  });
}

function scaled({ mean, deviation }: NumberColumn, value: number): number {
  return Math.max(-FURTHEST, Math.min(FURTHEST, (value - mean) / deviation));
}

/** The number in a cell. @throws PffError `data` */
function numberOf(cell: number | string, name: string): number {
  const value = typeof cell === 'number' ? cell : toNumber(cell);
  if (!Number.isFinite(value))
    throw new PffError('data', `column ${name}: ${JSON.stringify(String(cell).slice(0, 100))} is no number`, {
      hint: 'The network was trained with numbers in this column.',
    });
  return value;
}

/** Whether a value may be one of an image: bytes beside fractions from 0 to 1 would all be white; other ranges are those of the training images alone. */
export function fitsRange(value: number, [low, high]: readonly [number, number]): boolean {
  return Number.isFinite(value) && (low !== 0 || high !== 1 || (value > -0.5 && value < 1.5));
}

/** A value of an image as a byte: `range` becomes 0 … 255, and what lies beyond it its ends. */
export function byteOf(value: number, [low, high]: readonly [number, number]): number {
  return Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255)));
}

/** A decimal number, as tables have them; NaN for any other text. */
export function toNumber(text: string): number {
  return text.trim() === '' || /^\s*[+-]?0[xob]/i.test(text) ? Number.NaN : Number(text);
}

/** The column of `cells`, which are those of the training rows, all numbers or none; undefined where they are all the same. */
export function numberColumn(name: string, cells: readonly (number | null)[]): NumberColumn | undefined {
  const values = cells.filter((cell) => cell !== null);
  const { mean, deviation } = moments(values);
  // What rounding leaves of a column that is always the same is no deviation.
  return deviation > 1e-12 * Math.abs(mean) && Number.isFinite(deviation) && deviation > 0
    ? { name, kind: 'number', mean, deviation }
    : undefined;
}

function moments(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / values.length;
  if (Number.isFinite(variance) || values.length === 0) return { mean, deviation: Math.sqrt(variance) };
  // Sums of so large values leave the range of f64.
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const small = moments(values.map((value) => value / most));
  return { mean: small.mean * most, deviation: small.deviation * most };
}

const size = z
  .int()
  .min(1)
  .max(1 << 24);
const name = z.string().max(10_000);
/** `Inputs` as they travel. */
export const inputsSchema = z.union([
  z.object({
    kind: z.literal('image'),
    shape: z.object({ width: size, height: size, channels: size }).readonly(),
    range: z.tuple([z.number(), z.number()]).readonly().optional(),
    edge: z.number().min(0).max(255).optional(),
    label: name.optional(),
    stretched: z.boolean().optional(),
  }),
  z.object({
    kind: z.literal('columns'),
    columns: z
      .array(
        z.union([
          z.object({ name, kind: z.literal('number'), mean: z.number(), deviation: z.number().positive() }).readonly(),
          z.object({ name, kind: z.literal('text'), values: z.array(name).readonly() }).readonly(),
        ]),
      )
      .readonly(),
    label: name,
    fill: z.boolean(),
  }),
]);

/** What a model's metadata say of its inputs, or undefined for what is none. */
export function parseInputs(value: unknown): Inputs | undefined {
  const parsed = inputsSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
