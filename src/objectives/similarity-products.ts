/**
 * Products of a batch's rows, in doubles: each sum in the order of its index, products and sums rounded one by one. Worked on in tiles of
 * 4 x 4 sums, which changes no bit and is more than twice as fast as one sum after the other.
 */
const TILE = 4;

/** @returns [B, B]: the product of rows i and j of `rows` [B, size], for j < i; the rest is not to be read. */
export function pairProducts(rows: Float64Array, batch: number, size: number): Float64Array {
  const products = new Float64Array(batch * batch);
  const panel = new Float64Array(size * TILE);
  for (let j = 0; j < batch; j += TILE) {
    for (let t = 0; t < TILE; t++) {
      // Rows past the end stand for the last one; their sums are not written.
      const row = Math.min(batch - 1, j + t) * size;
      for (let k = 0; k < size; k++) panel[k * TILE + t] = rows[row + k] as number;
    }
    for (let i = j; i < batch; i += TILE) sumTile({ left: rows, height: batch, count: size }, panel, i, j, products);
  }
  return products;
}

/** @returns [B, size]: row i is the sum over k, in order, of `weights`[i, k] · row k of `rows`; `weights` is [B, B]. */
export function weightedRows(weights: Float64Array, rows: Float64Array, batch: number, size: number): Float64Array {
  const sums = new Float64Array(batch * size);
  const panel = new Float64Array(batch * TILE);
  for (let at = 0; at < size; at += TILE) {
    for (let k = 0; k < batch; k++)
      for (let t = 0; t < TILE; t++) panel[k * TILE + t] = at + t < size ? (rows[k * size + at + t] as number) : 0;
    for (let i = 0; i < batch; i += TILE) sumTile({ left: weights, height: batch, count: batch }, panel, i, at, sums);
  }
  return sums;
}

/** The rows on the left of a product: [height, count]. */
interface Left {
  readonly left: Float64Array;
  readonly height: number;
  readonly count: number;
}

/** Rows i to i + 3 of `left` times `panel` [count, 4], into columns `at` to `at` + 3 of `out`. */
function sumTile({ left, height, count }: Left, panel: Float64Array, i: number, at: number, out: Float64Array): void {
  const last = (height - 1) * count;
  const i0 = i * count;
  const i1 = Math.min(last, i0 + count);
  const i2 = Math.min(last, i0 + 2 * count);
  const i3 = Math.min(last, i0 + 3 * count);
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
  for (let k = 0, p = 0; k < count; k++, p += TILE) {
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
  writeTile(
    [s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33],
    height,
    out.length / height,
    i,
    at,
    out,
  );
}

function writeTile(
  tile: readonly number[],
  height: number,
  width: number,
  i: number,
  j: number,
  out: Float64Array,
): void {
  for (let r = 0; r < TILE && i + r < height; r++)
    for (let c = 0; c < TILE && j + c < width; c++) out[(i + r) * width + j + c] = tile[r * TILE + c] as number;
}
