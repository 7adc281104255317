/**
 * Deformed images: a random affine map of each, and an elastic distortion (Simard, Steinkraus and Platt, "Best practices
 * for convolutional neural networks applied to visual document analysis", ICDAR 2003), its field given on a coarse grid
 * in place of smoothed noise. Only sums, products and quotients of doubles, so the bytes are the same on every machine.
 */
import type { ImageShape } from '../../data/dataset.js';
import { philox, philoxName } from '../../random.js';
import type { RunSpec } from '../../spec/spec.js';
import type { Move, ViewKey } from './move.js';

/** Cells of the elastic grid along each side of the image, whatever its size. */
const ELASTIC_CELLS = 4;
const POINTS = ELASTIC_CELLS + 1;
const FIELD = POINTS * POINTS;

/** Where the pixels of one image come from. Valid until the next one is drawn. */
export interface Deformation {
  /** Rows of the 2 x 2 matrix that takes a place, seen from the middle of the image, to where its value is found. */
  readonly matrix: Float64Array;
  /** By how many pixels that is off in x, then in y: [2, 5, 5], at the corners of the grid's cells, linear in between. */
  readonly field: Float64Array | undefined;
}

/**
 * Draws each sample's deformation: entries of the matrix evenly within ±`affine` of the identity's,
 * displacements evenly within ±`elastic` pixels.
 */
export function deformations(
  { seed, affine, elastic }: Pick<RunSpec, 'seed' | 'affine' | 'elastic'>,
  { chapter, layer }: ViewKey,
): (sample: number) => Deformation {
  const matrix = new Float64Array(4);
  const field = elastic > 0 ? new Float64Array(2 * FIELD) : undefined;
  const name = philoxName(seed, 'deform', chapter, layer);
  return (sample) => {
    drawEvenly(name, sample, 0, affine, matrix);
    matrix[0] = 1 + (matrix[0] as number);
    matrix[3] = 1 + (matrix[3] as number);
    if (field) drawEvenly(name, sample, 1, elastic, field);
    return { matrix, field };
  };
}

/** Fills `out` with numbers in [-bound, bound): the words of the sample's blocks `first`, `first` + 1, … */
function drawEvenly(name: Uint32Array, sample: number, first: number, bound: number, out: Float64Array): void {
  const [key0 = 0, key1 = 0, c1 = 0, c2 = 0] = name;
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i++) {
    if (i % 4 === 0) philox([sample, c1, c2, first + i / 4], key0, key1, words);
    out[i] = bound * ((words[i % 4] as number) / 2 ** 31 - 1);
  }
}

/** Deforms images of one shape. */
export class ImageDeformer {
  readonly #shape: ImageShape;
  /** Of each column, and of each row: the grid's cell, and how far into it. */
  readonly #columns: Cells;
  readonly #rows: Cells;
  /** The field at the grid's columns, for the row that is being written. */
  readonly #alongX = new Float64Array(POINTS);
  readonly #alongY = new Float64Array(POINTS);

  constructor(shape: ImageShape) {
    this.#shape = shape;
    this.#columns = cellsOf(shape.width);
    this.#rows = cellsOf(shape.height);
  }

  /**
   * Writes `image` (planar) deformed, then moved and mirrored, to `out`, which is `ground` before: values between pixels are bilinear,
   * the ground comes in from outside.
   */
  deform(
    image: Uint8Array,
    { matrix, field }: Deformation,
    { dx, dy, mirrored }: Move,
    out: Uint8Array,
    ground = 0,
  ): void {
    const { width, height } = this.#shape;
    const [xx = 1, xy = 0, yx = 0, yy = 1] = matrix;
    const centreX = (width - 1) / 2;
    const centreY = (height - 1) / 2;
    const { cell, into } = this.#columns;
    const alongX = this.#alongX;
    const alongY = this.#alongY;
    for (let y = 0; y < height; y++) {
      if (field) this.#interpolateRow(field, y);
      const v = y - centreY - dy;
      for (let x = 0; x < width; x++) {
        const u = x - centreX - dx;
        let fromX = centreX + xx * u + xy * v;
        let fromY = centreY + yx * u + yy * v;
        if (field) {
          const left = cell[x] as number;
          const t = into[x] as number;
          fromX += (alongX[left] as number) * (1 - t) + (alongX[left + 1] as number) * t;
          fromY += (alongY[left] as number) * (1 - t) + (alongY[left + 1] as number) * t;
        }
        this.#sample(image, fromX, fromY, out, y * width + (mirrored ? width - 1 - x : x), ground);
      }
    }
  }

  #interpolateRow(field: Float64Array, y: number): void {
    const top = POINTS * (this.#rows.cell[y] as number);
    const t = this.#rows.into[y] as number;
    for (let i = 0; i < POINTS; i++) {
      const at = top + i;
      this.#alongX[i] = (field[at] as number) * (1 - t) + (field[at + POINTS] as number) * t;
      this.#alongY[i] = (field[FIELD + at] as number) * (1 - t) + (field[FIELD + at + POINTS] as number) * t;
    }
  }

  /** The value of every channel at a place between pixels, to pixel `to` of `out`. */
  #sample(image: Uint8Array, x: number, y: number, out: Uint8Array, to: number, ground: number): void {
    const { width, height, channels } = this.#shape;
    const left = Math.floor(x);
    const top = Math.floor(y);
    if (left < -1 || top < -1 || left >= width || top >= height) return;
    const tx = x - left;
    const ty = y - top;
    const plane = width * height;
    const inLeft = left >= 0;
    const inRight = left + 1 < width;
    const inTop = top >= 0;
    const inBottom = top + 1 < height;
    for (let c = 0; c < channels; c++) {
      const at = c * plane + top * width + left;
      const a = inTop && inLeft ? (image[at] as number) : ground;
      const b = inTop && inRight ? (image[at + 1] as number) : ground;
      const d = inBottom && inLeft ? (image[at + width] as number) : ground;
      const e = inBottom && inRight ? (image[at + width + 1] as number) : ground;
      if ((a | b | d | e | ground) === 0) continue;
      const above = a * (1 - tx) + b * tx;
      const below = d * (1 - tx) + e * tx;
      out[c * plane + to] = Math.floor(above * (1 - ty) + below * ty + 0.5);
    }
  }
}

interface Cells {
  readonly cell: Uint8Array;
  readonly into: Float64Array;
}

/** Places 0 … size - 1 spread over the grid; the last one is the end of the last cell. */
function cellsOf(size: number): Cells {
  const at = Float64Array.from({ length: size }, (_, i) => (size === 1 ? 0 : (i * ELASTIC_CELLS) / (size - 1)));
  const cell = Uint8Array.from(at, (each) => Math.min(ELASTIC_CELLS - 1, Math.floor(each)));
  return { cell, into: at.map((each, i) => each - (cell[i] as number)) };
}
