/** The `layers` of a spec: an image's values or shape, then a description of each layer; and the sizes that follow from it. */
import { z } from 'zod';
import { PffError } from '../errors.js';
import { planeValues, type Planes } from '../kernels/block/contract.js';
import type { DenseDescription } from './dense.js';
import { kindOf, layerKinds, type LayerDescription } from './kinds.js';
import type { Entering, Geometry } from './layer-kind.js';

/**
 * A layer in a spec: a number means a dense layer of so many units, a text is the short form of any kind (`conv64+max2`). The
 * first entry is the number of an image's values, or its shape: channels x height x width, such as `3x32x32`.
 */
export type LayerSize = number | string | LayerDescription;

/** Numbers stand for dense layers and texts for others, whichever way they were given, so that one network has one spec. */
export const layersSchema: z.ZodType<LayerSize[]> = z
  .array(z.union([z.int().nonnegative(), z.string().max(1000), ...layerKinds.map((kind) => kind.schema)]))
  .min(2)
  .transform((layers, context) => {
    try {
      return canonical(layers);
    } catch (error) {
      if (!(error instanceof PffError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  })
  .refine(([, ...above]) => !above.includes(0), { error: 'a layer has at least one unit' });

function canonical([image, ...layers]: readonly LayerSize[]): LayerSize[] {
  const sizes = layers.map(shortest);
  if (typeof image === 'number') return [image, ...sizes];
  const planes = typeof image === 'string' ? parseImage(image) : undefined;
  if (!planes)
    throw new PffError(
      'usage',
      'the first entry must be the number of values of an image, or its shape, such as 3x32x32',
    );
  return [readsPlanes(sizes) ? formatImage(planes) : planeValues(planes), ...sizes];
}

function shortest(size: LayerSize): LayerSize {
  if (typeof size === 'number') return size;
  const description = described(size);
  return description.kind === 'dense' ? description.units : kindOf(description).format(description);
}

function described(size: LayerSize): LayerDescription {
  if (typeof size === 'number') return { kind: 'dense', units: size } satisfies DenseDescription;
  if (typeof size !== 'string') return size;
  for (const kind of layerKinds) {
    const found = kind.parse(size);
    if (found) return found;
  }
  const why = layerKinds.flatMap((kind) => kind.explain?.(size) ?? [])[0];
  throw new PffError('usage', `${JSON.stringify(size)} is no layer${why === undefined ? '' : `: ${why.message}`}`, {
    hint:
      why?.hint ?? 'Give the units of a dense layer, or a convolution such as conv64, conv64+bn+max2 or conv64k5s2.',
  });
}

/** Whether a layer needs to know the shape of images. `layers` are those above the image. */
export function readsPlanes(layers: readonly LayerSize[]): boolean {
  return layers.some((size) => kindOf(described(size)).readsPlanes === true);
}

function parseImage(text: string): Planes | undefined {
  const [, channels, height, width] = /^([1-9]\d{0,3})x([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  if (channels === undefined) return undefined;
  return { channels: Number(channels), height: Number(height), width: Number(width) };
}

function formatImage({ channels, height, width }: Planes): string {
  return `${channels}x${height}x${width}`;
}

/** The shape of images that the network takes; undefined where only the number of their values counts. */
export function imagePlanes([image]: readonly LayerSize[]): Planes | undefined {
  return typeof image === 'string' ? parseImage(image) : undefined;
}

/** Stands for the values of an image until the data are there, which say how many they are; `auto` on the command line. */
export const AUTO = 0;

/** The first entry of `layers` for images of this shape, under the layers `above`. */
export function imageEntry(shape: Planes, above: readonly LayerSize[]): LayerSize {
  return readsPlanes(above) ? formatImage(shape) : planeValues(shape);
}

/** Values of an image that the network takes. */
export function imageValues(layers: readonly LayerSize[]): number {
  const planes = imagePlanes(layers);
  return planes ? planeValues(planes) : (layers[0] as number);
}

/**
 * The layers above the input, with their sizes. `firstInputs` values enter the first one, label values included.
 * @throws PffError `usage` naming the layer that does not fit what enters it
 */
export function geometries(layers: readonly LayerSize[], firstInputs = imageValues(layers)): Geometry[] {
  let inputs = firstInputs;
  const image = imagePlanes(layers);
  let entering: Entering | undefined = image && { planes: image, channelsFirst: true };
  return layers.slice(1).map((size, index) => {
    const description = described(size);
    const geometry = fitted(description, index, inputs, entering);
    inputs = geometry.outputs;
    entering = geometry.planes && { planes: geometry.planes, channelsFirst: false };
    return geometry;
  });
}

function fitted(
  description: LayerDescription,
  index: number,
  inputs: number,
  entering: Entering | undefined,
): Geometry {
  const kind = kindOf(description);
  try {
    return kind.geometry(description, inputs, entering);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    const what = entering ? `planes of ${formatImage(entering.planes)}` : `rows of ${inputs} values`;
    throw new PffError(
      'usage',
      `layer ${index + 1} (${kind.format(description)}) does not fit what enters it, ${what}: ${error.message}`,
      { ...(error.hint === undefined ? {} : { hint: error.hint }), cause: error },
    );
  }
}

/** Whether one row alone gives some normalisation over the batch a single value, which has no variance. */
export function needsSeveralRows(layers: readonly LayerSize[]): boolean {
  return geometries(layers).some((geometry) => kindOf(geometry).batchNormalised?.(geometry) === 1);
}

/** Values of a row that leaves each layer. */
export function rowWidths(layers: readonly LayerSize[]): number[] {
  return geometries(layers).map(({ outputs }) => outputs);
}

/** Multiply-adds of one row on its way through each layer. */
export function multiplyAdds(layers: readonly LayerSize[]): number[] {
  return geometries(layers).map((geometry) => kindOf(geometry).multiplyAdds(geometry));
}

/** `784-500-500` */
export function describeLayers(layers: readonly LayerSize[], separator = '-'): string {
  return layers.map(formatSize).join(separator);
}

function formatSize(size: LayerSize): string {
  if (typeof size !== 'object') return String(size);
  return size.kind === 'dense' ? String(size.units) : kindOf(size).format(size);
}

/**
 * Reads `784,500,500`, `auto,500,500` or `3x32x32,conv64,max2,dense500`: an operation without a layer of its own joins the one before it.
 * @throws PffError `usage` naming the entry that no kind takes
 */
export function parseLayers(text: string): LayerSize[] {
  const entries: string[] = [];
  for (const entry of text.split(',').map((each) => each.trim())) {
    const before = entries.at(-1);
    const joins = before !== undefined && entries.length > 1 && layerKinds.some((kind) => kind.joins?.(entry, before));
    if (joins) entries[entries.length - 1] = `${before}+${entry}`;
    else entries.push(entry);
  }
  return entries.map((entry, index) => {
    const number = /^[1-9]\d*$/.test(entry);
    if (number) return Number(entry);
    if (index === 0 && entry === 'auto') return AUTO;
    if (index === 0 && parseImage(entry)) return entry;
    if (index === 0)
      throw new PffError('usage', `layers begin with ${JSON.stringify(entry)}, which is no image`, {
        hint: 'Begin with the number of values of an image (784), its shape (3x32x32), or auto: as the data have it.',
      });
    return parseSize(entry, index);
  });
}

/** `layer` counts from 1. */
function parseSize(text: string, layer: number): LayerSize {
  try {
    return shortest(text);
  } catch (error) {
    if (!(error instanceof PffError)) throw error;
    throw new PffError('usage', `layer ${layer}, ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}
