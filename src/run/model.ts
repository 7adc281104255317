/** A trained model, opened once and used often: `loadModel`. */
import { byteOf, encodeRow, fitsRange, type Cell, type ColumnInputs, type Inputs } from '../data/columns.js';
import { imageSize, sharedBytes, type Dataset, type ImageShape, type SampleValues } from '../data/dataset.js';
import { labelLayout, type LabelLayout } from '../data/labels.js';
import { cellOf } from '../data/readers/table.js';
import { userImage } from '../data/sources/own/user-image.js';
import { checkClassNames, checkedValues, checkShape } from '../data/well-formed.js';
import { PffError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { openKernels, type KernelsChoice } from '../kernels/open.js';
import { checkOptions, described } from '../known-options.js';
import { imagePlanes, imageValues } from '../layers/sizes.js';
import type { SavedModel } from '../model/model-file.js';
import { sampleBlock, strongestClass } from '../model/prediction.js';
import { Predictor } from '../model/predictor.js';
import { labelled } from '../node/prepare.js';
import { softmaxOf } from '../objectives/softmax.js';
import { predictingParts, type RunSpec } from '../spec/spec.js';
import { checkedStates, type VerifyOption } from '../model/model-integrity.js';
import { checkParts } from './run-plugins.js';
import { checkClasses, loadDatasetOf, readModel, type Prediction } from './saved-model.js';

/** How a model is opened. */
export interface LoadModelOptions extends VerifyOption {
  readonly kernels?: KernelsChoice | undefined;
  /** Kernel threads; 1 by default. */
  readonly threads?: number | undefined;
  /** Where the dataset of the model lies; only models of earlier versions need it, for their shape and classes. */
  readonly dataDir?: string | undefined;
}

/** A row of a table: cells by the names of their columns, or in the order of the model's columns. */
export type ModelRow = Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * Opens the model of `run` (a run folder or a model file): its weights lie in the kernels' layout until `close`.
 * @throws PffError `files` where there is none, or it is damaged.
 */
export async function loadModel(run: string, options: LoadModelOptions = {}): Promise<Model> {
  checkOptions('loadModel', options, { kernels: true, threads: true, dataDir: true, verify: true });
  const saved = readModel(run, { verify: options.verify });
  checkParts(run, predictingParts(saved.spec));
  const known = saved.inputs && saved.classes ? undefined : await loadDatasetOf(run, saved.spec, options.dataDir);
  const inputs: Inputs = saved.inputs ?? { kind: 'image', shape: (known as Dataset).shape };
  const classes = saved.classes ?? (known as Dataset).classes;
  return openModel(run, saved, inputs, classes, options);
}

/**
 * Predicts images: `images` [n, width · height · channels], as a dataset of the given shape has them: bytes, planar, 0 … 255. Opens
 * the model for that one call.
 * @throws PffError as `loadModel`
 */
export async function predictImages(
  run: string,
  images: SampleValues | Uint8ClampedArray,
  shape: ImageShape,
  classes: readonly string[],
  options: { readonly kernels?: KernelsChoice | undefined } & VerifyOption = {},
): Promise<Prediction[]> {
  checkOptions('predictImages', options, { kernels: true, verify: true });
  checkShape('predictImages', shape);
  checkClassNames('predictImages', classes);
  const saved = readModel(run, options);
  checkParts(run, predictingParts(saved.spec));
  checkClasses(saved, classes.length, 'what it is used with');
  const model = await openModel(run, saved, { kind: 'image', shape }, classes, options);
  try {
    return await model.predict(images);
  } finally {
    await model.close();
  }
}

/** As `loadModel`, for a model that is read, given what it takes. @throws PffError `data` where its layers take something else. */
export async function openModel(
  run: string,
  saved: SavedModel,
  inputs: Inputs,
  classes: readonly string[],
  { kernels: choice = 'auto', threads = 1, verify }: LoadModelOptions,
): Promise<Model> {
  const { spec } = saved;
  const shape = inputs.kind === 'image' ? inputs.shape : { width: imageValues(spec.layers), height: 1, channels: 1 };
  if (imageSize(shape) !== imageValues(spec.layers))
    throw new PffError(
      'data',
      `the model takes images of ${imageValues(spec.layers)} values, but these have ${imageSize(shape)}`,
    );
  const layout = labelLayout(imagePlanes(spec.layers) ?? shape, classes.length, spec.labelMode);
  const states = checkedStates(saved, layout, run, { verify });
  const { kernels, reason } = await openKernels({ kernels: choice, threads, precision: spec.precision });
  try {
    const predictor = await Predictor.open(kernels, spec, states);
    return new Model({ spec, inputs, classes, shape, layout, kernels, predictor, kernelsReason: reason });
  } catch (error) {
    kernels.close();
    throw error;
  }
}

interface ModelParts {
  readonly spec: RunSpec;
  readonly inputs: Inputs;
  readonly classes: readonly string[];
  readonly shape: ImageShape;
  readonly layout: LabelLayout;
  readonly kernels: Kernels;
  readonly predictor: Predictor;
  readonly kernelsReason: string | undefined;
}

/** A trained model in memory. Calls that overlap are answered one after the other. */
export class Model {
  readonly #parts: ModelParts;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Made by `loadModel`. */
  constructor(parts: ModelParts) {
    this.#parts = parts;
  }

  get spec(): RunSpec {
    return this.#parts.spec;
  }

  /** Names of the classes, in order of their labels. */
  get classes(): readonly string[] {
    return this.#parts.classes;
  }

  /** What it takes: images of a shape, or columns of a table. */
  get inputs(): Inputs {
    return this.#parts.inputs;
  }

  /** The kernels that compute, such as `native/avx512`, and why the slow ones are taken, where they were not asked for. */
  get kernels(): { readonly name: string; readonly reason: string | undefined } {
    return { name: this.#parts.kernels.name, reason: this.#parts.kernelsReason };
  }

  /**
   * Predicts `values` [n, width · height · channels], as a dataset has them: bytes 0 … 255, channel by channel; or columns that are
   * scaled already.
   * @throws PffError `data` where they do not divide into samples, or are no bytes and no finite floats; `usage` after `close`.
   */
  predict(given: SampleValues | Uint8ClampedArray): Promise<Prediction[]> {
    return this.#inTurn(() => {
      const size = imageSize(this.#parts.shape);
      const values = checkedValues(given);
      if (values.length % size !== 0)
        throw new PffError('data', `${values.length} values do not divide into samples of ${size} values`, {
          hint: 'Give whole samples, one after the other.',
        });
      return () => this.#predict(values, values.length / size);
    });
  }

  /** Predicts rows as they are in a table. @throws PffError `data` naming row and column; `usage` for a model of images. */
  predictRows(rows: readonly ModelRow[]): Promise<Prediction[]> {
    return this.#inTurn(() => {
      const values = checkedValues(this.encodeRows(rows));
      return () => this.#predict(values, rows.length);
    });
  }

  /** Predicts an image file in memory (PNG, JPEG or WebP), which is scaled to the model's size. @throws PffError `data` */
  predictImage(bytes: Uint8Array, name = 'the image'): Promise<Prediction & { readonly remarks: readonly string[] }> {
    return this.#inTurn(() => {
      const { inputs } = this.#parts;
      if (inputs.kind === 'columns')
        throw new PffError(
          'usage',
          `the model takes rows of ${inputs.columns.length} columns, but was given an image`,
          {
            hint: `Its columns are ${inputs.columns.map((column) => column.name).join(', ')}.`,
          },
        );
      if (!((bytes as unknown) instanceof Uint8Array))
        throw new PffError('data', `${name} must be the bytes of an image file, but is ${typeof bytes}`, {
          hint: "Read the file first: predictImage(readFileSync('digit.png')).",
        });
      return async () => {
        const { pixels, remarks } = await userImage(bytes, name, inputs);
        const [prediction] = await this.#predict(pixels, 1);
        return { ...(prediction as Prediction), remarks };
      };
    });
  }

  /** A row as the network takes it. @throws PffError `data` naming the column */
  encodeRow(row: ModelRow): SampleValues {
    const { inputs, shape } = this.#parts;
    if (typeof (row as unknown) !== 'object' || (row as unknown) === null)
      throw new PffError('data', `it is ${described(row)}, but a row is an array or an object`, {
        hint: 'Give the cells in order, or by the names of their columns.',
      });
    if (inputs.kind === 'image') return pixelRow(row, imageSize(shape), inputs.range);
    const values = new Float32Array(imageSize(shape));
    encodeRow(inputs, cellsOf(row, inputs), values);
    return values;
  }

  /** Rows as the network takes them. @throws PffError as `predictRows` */
  encodeRows(rows: readonly ModelRow[]): SampleValues {
    const { inputs, shape } = this.#parts;
    if (!Array.isArray(rows))
      throw new PffError('data', `rows must be an array of rows, but are ${typeof rows}`, {
        hint: 'Put one row into an array: [row].',
      });
    const size = imageSize(shape);
    const values = inputs.kind === 'image' ? new Uint8Array(rows.length * size) : new Float32Array(rows.length * size);
    rows.forEach((row, i) => {
      try {
        values.set(this.encodeRow(row), i * size);
      } catch (error) {
        throw error instanceof PffError
          ? new PffError(error.code, `row ${i + 1}, ${error.message}`, { hint: error.hint ?? '', cause: error })
          : error;
      }
    });
    return values;
  }

  /** Frees the weights, once all that was asked for is answered. The model must not be used afterwards. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    this.#parts.predictor.close();
    this.#parts.kernels.close();
  }

  /** Checks what was asked at once, by `begin`, and does the work that this gives after all that was asked before. */
  async #inTurn<T>(begin: () => () => Promise<T>): Promise<T> {
    if (this.#closed) throw new PffError('usage', 'the model is closed', { hint: 'Load it again.' });
    const next = this.#last.then(begin());
    this.#last = next.catch(() => {});
    return next;
  }

  async #predict(values: SampleValues, count: number): Promise<Prediction[]> {
    const { predictor, layout, shape, spec, classes } = this.#parts;
    if (count === 0) return [];
    const data = labelled({ count, images: values, labels: sharedBytes(count) }, layout, shape, spec);
    const block = sampleBlock(classes.length);
    const all: Prediction[] = [];
    for (let from = 0; from < count; from += block) {
      const rows = Uint32Array.from({ length: Math.min(block, count - from) }, (_, i) => from + i);
      const { combined } = await predictor.scores(data, rows);
      strongestClass(combined, classes.length).forEach((label, b) => {
        const scores = Array.from(combined.subarray(b * classes.length, (b + 1) * classes.length));
        all.push({ label, className: classes[label] as string, scores, shares: softmaxOf(scores) });
      });
    }
    return all;
  }
}

function cellsOf(row: ModelRow, { columns }: ColumnInputs): Cell[] {
  if (Array.isArray(row)) {
    if (row.length !== columns.length)
      throw new PffError('data', `it has ${row.length} cells, but the model takes ${columns.length} columns`, {
        hint: `Its columns are ${columns.map((column) => column.name).join(', ')}.`,
      });
    return row.map(cellOf);
  }
  const byName = row as Readonly<Record<string, unknown>>;
  return columns.map(({ name }) => {
    if (!Object.hasOwn(byName, name))
      throw new PffError('data', `column ${name} is missing`, {
        hint: `The model's columns are ${columns.map((column) => column.name).join(', ')}.`,
      });
    return cellOf(byName[name]);
  });
}

/** A row of a table whose columns are pixels. @param range what becomes 0 and 255, where that is not what they are */
function pixelRow(row: ModelRow, size: number, range: readonly [number, number] | undefined): Uint8Array {
  const cells = Array.isArray(row) ? (row as readonly unknown[]) : Object.values(row);
  if (cells.length !== size)
    throw new PffError('data', `it has ${cells.length} values, but the model takes images of ${size}`, {
      hint: 'Give a row of pixels, 0 to 255, without the label.',
    });
  return Uint8Array.from(cells, (cell, p) => {
    const isEmpty = typeof cell === 'string' && cell.trim() === '';
    // Not what Number makes of other things: [7], true and a date are no pixels.
    const value = isEmpty || !['number', 'bigint', 'string'].includes(typeof cell) ? Number.NaN : Number(cell);
    if (range && fitsRange(value, range)) return byteOf(value, range);
    if (range || !(Number.isInteger(value) && value >= 0 && value <= 255))
      throw new PffError(
        'data',
        `value ${p + 1} is ${cellText(cell)}, which is no pixel${range ? ` as those of training, from ${range[0]} to ${range[1]}` : ': a whole number from 0 to 255'}`,
        {
          hint: range
            ? `Give a row of pixels, ${range[0]} to ${range[1]}, as those that were trained on.`
            : 'Give a row of pixels, 0 to 255.',
        },
      );
    return value;
  });
}

function cellText(cell: unknown): string {
  if (typeof cell === 'object' && cell !== null) return 'an object';
  return typeof cell === 'string' ? JSON.stringify(cell) : String(cell);
}
