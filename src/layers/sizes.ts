/** The `layers` of a spec: the values of an image, then a description of each layer; and the sizes that follow from it. */
import { z } from 'zod';
import { PffError } from '../errors.js';
import type { DenseDescription } from './dense.js';
import { kindOf, layerKinds, type LayerDescription } from './kinds.js';
import type { Geometry } from './layer-kind.js';

/** A layer in a spec: a number means a dense layer of so many units. The first entry counts the values of an image. */
export type LayerSize = number | LayerDescription;

/** Descriptions that a number says as well become that number, so that one network has one spec. */
export const layersSchema: z.ZodType<LayerSize[]> = z
  .array(z.union([z.int().nonnegative(), ...layerKinds.map((kind) => kind.schema)]))
  .min(2)
  .transform((layers) => layers.map(shortest))
  .refine(([first]) => typeof first === 'number', {
    error: 'the first entry must be the number of values of an image',
  })
  .refine(([, ...above]) => !above.includes(0), { error: 'a layer has at least one unit' });

function shortest(size: LayerSize): LayerSize {
  return typeof size === 'object' && size.kind === 'dense' ? size.units : size;
}

function described(size: LayerSize): LayerDescription {
  return typeof size === 'number' ? ({ kind: 'dense', units: size } satisfies DenseDescription) : size;
}

/** Stands for the values of an image until the data are there, which say how many they are; `auto` on the command line. */
export const AUTO = 0;

/** Values of an image that the network takes. */
export function imageValues(layers: readonly LayerSize[]): number {
  return layers[0] as number;
}

/** The layers above the input, with their sizes. `labelInputs` values enter the first one beside the image's. */
export function geometries(layers: readonly LayerSize[], firstInputs = imageValues(layers)): Geometry[] {
  let inputs = firstInputs;
  return layers.slice(1).map((size) => {
    const description = described(size);
    const geometry = kindOf(description).geometry(description, inputs);
    inputs = geometry.outputs;
    return geometry;
  });
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
  const description = described(size);
  return kindOf(description).format(description);
}

/** Reads `784,500,500` or `auto,500,500`. @throws PffError `usage` naming the entry that no kind takes */
export function parseLayers(text: string): LayerSize[] {
  return text.split(',').map((entry, i) => (i === 0 && entry.trim() === 'auto' ? AUTO : parseSize(entry.trim())));
}

function parseSize(text: string): LayerSize {
  for (const kind of layerKinds) {
    const found = kind.parse(text);
    if (found) return shortest(found);
  }
  throw new PffError('usage', `layers: ${JSON.stringify(text)} is no layer`, {
    hint: 'Give the values of an image and the units of each layer, such as 784,500,500.',
  });
}
