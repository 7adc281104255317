/** RGBA to the planes of a dataset's images: transparent pixels over black, colour to grey where there is one channel. */
import { PffError } from '../../errors.js';
import { type ImageShape, imageSize } from '../dataset.js';
import type { Pixels } from './image-bytes.js';
import { resizeArea } from './resize.js';

/** `rgba` [height, width, 4] as a dataset of `shape` has images. @throws PffError `data` where nothing of it can be seen. */
export function planesOf(rgba: Uint8Array, name: string, shape: ImageShape): Uint8Array {
  return visible(toPlanes(rgba, shape), rgba, name);
}

/** @throws PffError `data` where transparency hides all of an image */
function visible(planes: Uint8Array, rgba: Uint8Array, name: string): Uint8Array {
  if (planes.every((value) => value === planes[0]) && rgba.some((value, i) => i % 4 === 3 && value !== rgba[3]))
    throw new PffError('data', `${name}: laid over black, where it is transparent, nothing of the image can be seen`, {
      hint: 'Lay it over a background of your choice, and save it without transparency.',
    });
  return planes;
}

function toPlanes(rgba: Uint8Array, shape: ImageShape): Uint8Array {
  const pixels = shape.width * shape.height;
  const out = new Uint8Array(imageSize(shape));
  for (let i = 0; i < pixels; i++) {
    const alpha = rgba[4 * i + 3] as number;
    const overBlack = (channel: number): number => Math.round(((rgba[4 * i + channel] as number) * alpha) / 255);
    if (shape.channels === 1) {
      out[i] = Math.round((299 * overBlack(0) + 587 * overBlack(1) + 114 * overBlack(2)) / 1000);
    } else {
      for (let channel = 0; channel < 3; channel++) out[channel * pixels + i] = overBlack(channel);
    }
  }
  return out;
}

/** The image as the dataset has it. @throws PffError `data` for one of another size that may not be scaled. */
export function fitted(image: Pixels, name: string, shape: ImageShape, resize: boolean): Uint8Array {
  const { width, height, rgba } = image;
  if (width === shape.width && height === shape.height) return planesOf(rgba, name, shape);
  if (!resize)
    throw new PffError(
      'data',
      `${name}: the image is ${width} x ${height} pixels, but others are ${shape.width} x ${shape.height}`,
      {
        hint: `Give --image-size ${shape.width}x${shape.height} to scale all images to one size.`,
      },
    );
  // Over black before it is scaled: what transparent pixels hide must not come through between others.
  const opaque = rgba.map((value, i) => (i % 4 === 3 ? 255 : Math.round((value * (rgba[i | 3] as number)) / 255)));
  return visible(toPlanes(resizeArea(opaque, [width, height], [shape.width, shape.height], 4), shape), rgba, name);
}
