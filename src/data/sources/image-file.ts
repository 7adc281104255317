/** Image files of the user's own, for `pff predict`: PNG decoded to a dataset's shape. Node.js only. */
import { PffError } from '../../errors.js';
import { type ImageShape, imageSize } from '../dataset.js';
import { readBytes } from './files.js';
import { decodeRgba, pngSize } from './png.js';

/**
 * The image as a dataset of `shape` has it: `imageSize(shape)` bytes, channel by channel. Transparent pixels are laid
 * over black; colour becomes grey (ITU-R BT.601 luma) where the dataset has one channel. The image is not resized.
 * @throws PffError `data`: not readable, not PNG, damaged, or of another size.
 */
export async function readImageFile(path: string, shape: ImageShape): Promise<Uint8Array> {
  return decodePng(await readBytes(path), path, shape);
}

/** As `readImageFile`, for bytes in memory; `name` is what errors call them. */
export function decodePng(bytes: Uint8Array, name: string, shape: ImageShape): Uint8Array {
  if (shape.channels !== 1 && shape.channels !== 3)
    throw new PffError('data', `${name}: PNG cannot give images of ${shape.channels} channels`, {
      hint: 'Use a network for grey (1 channel) or colour (3 channels) images.',
    });
  const { width, height } = pngSize(bytes, name);
  if (width !== shape.width || height !== shape.height)
    throw new PffError(
      'data',
      `${name}: the image is ${width} x ${height} pixels, but the network was trained on ${shape.width} x ${shape.height}`,
      { hint: `Scale the image to ${shape.width} x ${shape.height} pixels.` },
    );
  return planesOf(decodeRgba(bytes, name), name, shape);
}

/** `rgba` [height, width, 4] as a dataset of `shape` has images. @throws PffError `data` where nothing of it can be seen. */
export function planesOf(rgba: Uint8Array, name: string, shape: ImageShape): Uint8Array {
  const planes = toPlanes(rgba, shape);
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
