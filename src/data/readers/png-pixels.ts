/**
 * The rows of a PNG image, unpacked, to RGBA of 8 bits: filters, depths, palettes, transparent colours and interlacing. The same
 * code, and so the same bits, in Node.js and in browsers, whose own decoders scale colours as they see fit. (PNG, third edition: 7.3
 * "Scanline serialization", 8 "Interlacing", 9 "Filtering", 11.3.1.1 "tRNS", 13.12 "Sample depth rescaling".)
 */

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample: 1, 2, 4, 8, 16. */
  readonly depth: number;
  /** 0: grey, 2: red, green, blue, 3: palette; and 4, with alpha: 4, 6. */
  readonly colour: number;
  /** 0: none, 1: Adam7. */
  readonly interlace: number;
}

export interface PngRows extends PngHeader {
  /** [rows] each its filter and its bytes. They are overwritten. */
  readonly rows: Uint8Array;
  readonly palette?: Uint8Array | undefined;
  readonly transparency?: Uint8Array | undefined;
}

/** Samples of a pixel by colour type. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const PALETTE = 3;
type Pass = readonly [x: number, y: number, dx: number, dy: number];
const WHOLE: readonly Pass[] = [[0, 0, 1, 1]];
/** Adam7: first column and row of each pass, and the steps between. */
const PASSES: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

interface PassSize {
  readonly pass: Pass;
  readonly columns: number;
  readonly lines: number;
  /** Of a row, without its filter. */
  readonly bytes: number;
}

function passSizes({ width, height, depth, colour, interlace }: PngHeader): PassSize[] {
  const bits = (SAMPLES[colour] as number) * depth;
  return (interlace === 0 ? WHOLE : PASSES).flatMap((pass) => {
    const [x, y, dx, dy] = pass;
    const columns = Math.max(0, Math.ceil((width - x) / dx));
    const lines = Math.max(0, Math.ceil((height - y) / dy));
    return columns === 0 || lines === 0 ? [] : [{ pass, columns, lines, bytes: Math.ceil((columns * bits) / 8) }];
  });
}

/** Bytes of all rows, filters included; undefined for a header that makes no sense. */
export function pngRowBytes(header: PngHeader): number | undefined {
  const { depth, colour, interlace } = header;
  if (SAMPLES[colour] === undefined || ![1, 2, 4, 8, 16].includes(depth) || interlace > 1) return undefined;
  return passSizes(header).reduce((sum, { lines, bytes }) => sum + lines * (1 + bytes), 0);
}

/** [height, width, 4]. @throws Error with what is damaged */
export function rgbaOf(image: PngRows): Uint8Array {
  const { width, height, depth, colour, rows } = image;
  const samples = SAMPLES[colour] as number;
  const unit = Math.max(1, (samples * depth) >> 3);
  const out = new Uint8Array(width * height * 4);
  const paint = colour === PALETTE ? paletteOf(image) : coloursOf(image);
  let at = 0;
  for (const { pass, columns, lines, bytes } of passSizes(image)) {
    const [x, y, dx, dy] = pass;
    let above: Uint8Array | undefined;
    for (let line = 0; line < lines; line++) {
      const row = rows.subarray(at + 1, at + 1 + bytes);
      unfilter(rows[at] as number, row, above, unit);
      for (let column = 0; column < columns; column++)
        paint(row, column * samples, out, 4 * ((y + line * dy) * width + x + column * dx));
      above = row;
      at += 1 + bytes;
    }
  }
  return out;
}

/** Undoes a filter, in place. @param unit bytes of a pixel, at least 1 */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array | undefined, unit: number): void {
  if (filter > 4) throw new Error(`unknown filter ${filter}`);
  if (filter === 0) return;
  for (let i = 0; i < row.length; i++) {
    const a = i < unit ? 0 : (row[i - unit] as number);
    const b = above?.[i] ?? 0;
    const c = i < unit ? 0 : (above?.[i - unit] ?? 0);
    const more = filter === 1 ? a : filter === 2 ? b : filter === 3 ? (a + b) >> 1 : paeth(a, b, c);
    row[i] = (row[i] as number) + more;
  }
}

function paeth(a: number, b: number, c: number): number {
  const [da, db, dc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  return da <= db && da <= dc ? a : db <= dc ? b : c;
}

/** Writes the pixel of `row` that begins at sample `at` to `out[to]` and the three behind. */
type Paint = (row: Uint8Array, at: number, out: Uint8Array, to: number) => void;

function paletteOf({ depth, palette, transparency }: PngRows): Paint {
  const colours = Math.floor((palette?.length ?? 0) / 3);
  if (palette === undefined || colours === 0) throw new Error('no palette');
  if ((transparency?.length ?? 0) > colours) throw new Error('more transparent colours than its palette has');
  return (row, at, out, to) => {
    const index = sampleAt(row, at, depth);
    if (index >= colours) throw new Error(`colour ${index} is not in its palette`);
    out.set(palette.subarray(3 * index, 3 * index + 3), to);
    out[to + 3] = transparency?.[index] ?? 255;
  };
}

function coloursOf({ depth, colour, transparency }: PngRows): Paint {
  const samples = SAMPLES[colour] as number;
  const most = 2 ** depth - 1;
  const isGrey = samples < 3;
  const hasAlpha = samples === 2 || samples === 4;
  const channels = isGrey ? [0, 0, 0] : [0, 1, 2];
  // One colour may be transparent, where there is no alpha.
  const given = hasAlpha ? undefined : transparency;
  if (given && given.length < 2 * samples) throw new Error('its transparent colour is cut short');
  const clear = given && Array.from({ length: samples }, (_, i) => sampleAt(given, i, 16));
  const scaled = (value: number): number => (depth === 8 ? value : Math.floor((value * 255) / most + 0.5));
  return (row, at, out, to) => {
    if (clear?.every((value, i) => value === sampleAt(row, at + i, depth))) return;
    channels.forEach((channel, i) => (out[to + i] = scaled(sampleAt(row, at + channel, depth))));
    out[to + 3] = hasAlpha ? scaled(sampleAt(row, at + samples - 1, depth)) : 255;
  };
}

/** Sample `i` of a row. */
function sampleAt(row: Uint8Array, i: number, depth: number): number {
  if (depth === 8) return row[i] as number;
  if (depth === 16) return ((row[2 * i] as number) << 8) | (row[2 * i + 1] as number);
  const bit = i * depth;
  return ((row[bit >> 3] as number) >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}
