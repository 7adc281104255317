/** Image files of the user's own, for `pff predict`: PNG decoded to a dataset's shape. Node.js only. */
import { PffError } from '../../errors.js';
import { checkText } from '../../known-options.js';
import type { ImageShape } from '../dataset.js';
import { checkShape } from '../well-formed.js';
import { planesOf } from '../readers/image-planes.js';
import { readBytes } from './files.js';
import { decodeRgba, pngSize } from '../readers/png.js';

/**
 * The image as a dataset of `shape` has it: `imageSize(shape)` bytes, channel by channel. Transparent pixels are laid
 * over black; colour becomes grey (ITU-R BT.601 luma) where the dataset has one channel. The image is not resized.
 * @throws PffError `data`: not readable, not PNG, damaged, or of another size.
 */
export async function readImageFile(path: string, shape: ImageShape): Promise<Uint8Array> {
  checkText('the path of readImageFile', path);
  checkShape(path, shape);
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
