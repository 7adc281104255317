/**
 * Products of matrices of doubles, for losses over the pairs of a batch's samples.
 *
 * 13. doubleProducts   out[i, j] = ((0 + left[i, 0] · right[0, j]) + left[i, 1] · right[1, j]) + …, in doubles, products and sums rounded
 *                      one by one.
 */

/** M, K and N of left [M, K] · right [K, N]. */
export interface ProductShape {
  readonly rows: number;
  readonly terms: number;
  readonly columns: number;
  /** Only out[i, j] with j <= i is wanted: the rest may stay as it is. */
  readonly lower?: boolean;
}

/** Rule 13, done when it returns. `out` is [M, N]. */
export type DoubleProducts = (left: Float64Array, right: Float64Array, shape: ProductShape, out: Float64Array) => void;

const TILE = 4;

/** Rule 13 in JavaScript: in tiles of 4 x 4 sums, which changes no bit and is more than twice as fast as one sum after the other. */
export const doubleProductsInJavaScript: DoubleProducts = (
  left,
  right,
  { rows, terms, columns, lower = false },
  out,
) => {
  const panel = new Float64Array(terms * TILE);
  for (let column = 0; column < columns; column += TILE) {
    for (let k = 0; k < terms; k++)
      for (let t = 0; t < TILE; t++)
        panel[k * TILE + t] = column + t < columns ? (right[k * columns + column + t] as number) : 0;
    // Four rows from `row` on: the first that have a column from `column` on among those wanted.
    for (let row = lower ? column : 0; row < rows; row += TILE)
      writeTile(sumTile(left, rows, terms, panel, row), { rows, columns }, row, column, out);
  }
};

/** Rows `row` to `row + 3` of `left` times `panel` [K, 4]. Rows past the end stand for the last one. */
function sumTile(left: Float64Array, rows: number, terms: number, panel: Float64Array, row: number): readonly number[] {
  const last = (rows - 1) * terms;
  const i0 = row * terms;
  const i1 = Math.min(last, i0 + terms);
  const i2 = Math.min(last, i0 + 2 * terms);
  const i3 = Math.min(last, i0 + 3 * terms);
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  for (let k = 0, p = 0; k < terms; k++, p += TILE) {
    const b0 = panel[p] as number;
    const b1 = panel[p + 1] as number;
    const b2 = panel[p + 2] as number;
    const b3 = panel[p + 3] as number;
    let a = left[i0 + k] as number;
    s00 += a * b0;
    s01 += a * b1;
    s02 += a * b2;
    s03 += a * b3;
    a = left[i1 + k] as number;
    s10 += a * b0;
    s11 += a * b1;
    s12 += a * b2;
    s13 += a * b3;
    a = left[i2 + k] as number;
    s20 += a * b0;
    s21 += a * b1;
    s22 += a * b2;
    s23 += a * b3;
    a = left[i3 + k] as number;
    s30 += a * b0;
    s31 += a * b1;
    s32 += a * b2;
    s33 += a * b3;
  }
  return [s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33];
}

function writeTile(
  tile: readonly number[],
  { rows, columns }: { readonly rows: number; readonly columns: number },
  row: number,
  column: number,
  out: Float64Array,
): void {
  for (let r = 0; r < TILE && row + r < rows; r++)
    for (let c = 0; c < TILE && column + c < columns; c++)
      out[(row + r) * columns + column + c] = tile[r * TILE + c] as number;
}
