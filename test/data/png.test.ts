/** PNG images of every form: our decoder, which also runs in browsers, beside another one. */
import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { decodeRgba } from '../../src/data/readers/png.js';
import { pngRowBytes } from '../../src/data/readers/png-pixels.js';
import { RandomStream } from '../../src/random.js';

const FORMS: readonly [colour: number, depths: readonly number[]][] = [
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
];
const SIZES = [
  [1, 1],
  [5, 7],
  [9, 3],
  [18, 11],
] as const;

function chunk(type: string, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(body, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
  return bytes;
}

/** Random rows with random filters. */
function image(seed: number, width: number, height: number, colour: number, depth: number, interlace: number): Buffer {
  const random = new RandomStream(seed, 'test', 1);
  const bytes = (count: number, most = 256): Uint8Array => Uint8Array.from({ length: count }, () => random.below(most));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlace], 8);
  const one = pngRowBytes({ width, height: 1, depth, colour, interlace: 0 }) ?? 0;
  const rows = bytes(pngRowBytes({ width, height, depth, colour, interlace }) ?? 0);
  // Each first byte of a row is a filter. Of interlaced ones the rows have many lengths: no filter there.
  if (interlace === 0) for (let at = 0; at < rows.length; at += one) rows[at] = random.below(5);
  else rows.fill(0);
  const palette = colour === 3 ? [chunk('PLTE', bytes(3 * 2 ** depth))] : [];
  // Two values, so that some pixels are of the transparent colour.
  const clear = colour === 3 ? bytes(2 ** depth - 1) : colour < 3 ? bytes(colour === 0 ? 2 : 6, 2) : undefined;
  if (clear && colour === 0 && depth < 16) clear[0] = 0;
  if (clear && colour === 2 && depth === 8) for (const i of [0, 2, 4]) clear[i] = 0;
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...palette,
    ...(clear && seed % 2 === 0 ? [chunk('tRNS', clear)] : []),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}

describe.each(FORMS)('colour type %i', (colour, depths) => {
  it.each(depths.flatMap((depth) => [0, 1].map((interlace) => [depth, interlace] as const)))(
    'of %i bits, interlace %i',
    (depth, interlace) => {
      for (const [width, height] of SIZES)
        for (const seed of [1, 2, 3, 4]) {
          const file = image(seed, width, height, colour, depth, interlace);
          expect(Buffer.from(decodeRgba(file, 'image'))).toEqual(PNG.sync.read(file).data);
        }
    },
  );
});

it('images that the other one wrote, interlaced too, are those that were drawn', () => {
  const png = new PNG({ width: 13, height: 9 });
  png.data.set(Uint8Array.from({ length: png.data.length }, (_, i) => (i * 37) % 256));
  for (const filterType of [0, 1, 2, 3, 4])
    expect(Buffer.from(decodeRgba(PNG.sync.write(png, { filterType }), 'image'))).toEqual(png.data);
});

it.each<[string, readonly [depth: number, colour: number], number, RegExp]>([
  ['an unknown filter', [8, 0], 9, /truncated or damaged PNG image \(unknown filter 9\)/],
  ['no palette', [8, 3], 0, /no palette/],
  ['depth 3', [3, 0], 0, /colour type 0, depth 3 and interlace 0 do not go together/],
])('%s is damage', (_, form, filter, message) => {
  const rows = new Uint8Array(20);
  rows[0] = filter;
  expect(() => decodeRgba(assembled(form, rows), 'image')).toThrow(message);
});

function assembled(form: readonly [number, number], rows: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(4, 0);
  header.writeUInt32BE(4, 4);
  header.set(form, 8);
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}
