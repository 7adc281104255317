/** Images scaled to another size by the mean over the area that each new pixel covers, in whole numbers: the same everywhere. */

/**
 * `values` [height, width, channels] to [toHeight, toWidth, channels]. Each new pixel is the mean of what lies under it, pixels that
 * are partly covered counting by that part; enlarging so repeats pixels.
 */
export function resizeArea(
  values: Uint8Array,
  [width, height]: readonly [number, number],
  [toWidth, toHeight]: readonly [number, number],
  channels: number,
): Uint8Array {
  const columns = spans(width, toWidth);
  const rows = spans(height, toHeight);
  const out = new Uint8Array(toWidth * toHeight * channels);
  const area = width * height;
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (const [fromY, partY] of row)
          for (const [fromX, partX] of column)
            sum += partY * partX * (values[(fromY * width + fromX) * channels + channel] as number);
        out[(y * toWidth + x) * channels + channel] = Math.floor((2 * sum + area) / (2 * area));
      }
    });
  });
  return out;
}

/** For each of `to` places the old places under it, each with its part: in units in which a new place is `from` wide, an old one `to`. */
function spans(from: number, to: number): (readonly [place: number, part: number])[][] {
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * from, (i + 1) * from];
    const parts: [number, number][] = [];
    for (let place = Math.floor(start / to); place * to < end; place++)
      parts.push([place, Math.min(end, (place + 1) * to) - Math.max(start, place * to)]);
    return parts;
  });
}
