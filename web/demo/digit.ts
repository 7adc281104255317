/**
 * From strokes to an image as MNIST has them: scaled into a box of 20 x 20, placed by its centre of mass into 28 x 28 (LeCun et al.,
 * the data set's own description).
 */

const [SIDE, BOX] = [28, 20];

/** @param pixels [side, side] of ink, 0 … 255; undefined where there is none */
export function digitOf(pixels: Uint8ClampedArray, side: number): Uint8Array | undefined {
  let [left, top, right, bottom] = [side, side, -1, -1];
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      if ((pixels[y * side + x] as number) < 32) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  if (right < left) return undefined;
  const scale = BOX / Math.max(right - left + 1, bottom - top + 1, side / BOX);
  const small = shrunk(pixels, side, { left, top, right, bottom }, scale);
  return centred(small.values, small.width, small.height);
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Each small pixel is the mean of those that fall on it. */
function shrunk(
  pixels: Uint8ClampedArray,
  side: number,
  { left, top, right, bottom }: Box,
  scale: number,
): { readonly values: Float64Array; readonly width: number; readonly height: number } {
  const width = Math.max(1, Math.round((right - left + 1) * scale));
  const height = Math.max(1, Math.round((bottom - top + 1) * scale));
  const values = new Float64Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [x0, x1] = [Math.floor(left + x / scale), Math.ceil(left + (x + 1) / scale)];
      const [y0, y1] = [Math.floor(top + y / scale), Math.ceil(top + (y + 1) / scale)];
      let [sum, count] = [0, 0];
      for (let v = y0; v < Math.min(y1, side); v++)
        for (let u = x0; u < Math.min(x1, side); u++) {
          sum += pixels[v * side + u] as number;
          count++;
        }
      values[y * width + x] = count === 0 ? 0 : sum / count;
    }
  return { values, width, height };
}

function centred(values: Float64Array, width: number, height: number): Uint8Array {
  let [mass, sumX, sumY] = [0, 0, 0];
  values.forEach((value, i) => {
    mass += value;
    sumX += value * (i % width);
    sumY += value * Math.floor(i / width);
  });
  const place = (middle: number, size: number): number =>
    Math.min(SIDE - size, Math.max(0, Math.round((SIDE - 1) / 2 - middle)));
  const [left, top] = [place(sumX / mass, width), place(sumY / mass, height)];
  const most = values.reduce((a, b) => Math.max(a, b), 1);
  const image = new Uint8Array(SIDE * SIDE);
  values.forEach((value, i) => {
    const [x, y] = [left + (i % width), top + Math.floor(i / width)];
    image[y * SIDE + x] = Math.min(255, Math.round((value / most) * 255));
  });
  return image;
}
