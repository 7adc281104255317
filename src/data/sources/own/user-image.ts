/**
 * An image of a user's own as a network takes it: scaled to its size, on the background that it knows, and what was done to it in
 * words. Node.js only.
 */
import type { PixelInputs } from '../../columns.js';
import { imageSize } from '../../dataset.js';
import { PffError } from '../../../errors.js';
import { decodeImage, type Pixels } from '../../readers/image-bytes.js';
import { resizeArea } from '../../readers/resize.js';

export interface UserImage {
  /** [channels, height, width] bytes. */
  readonly pixels: Uint8Array;
  /** What was done to it, such as `scaled from 100 x 100 to 28 x 28`. */
  readonly remarks: readonly string[];
}

const BLACK = 0;
const WHITE = 255;
const MIDDLE = 128;

/**
 * PNG, JPEG or WebP. Transparent parts are laid over the network's background; where light and dark are the other way round than
 * in training (told from the edges), they are turned over. An image of other proportions keeps them, with background beside it,
 * unless those of training were scaled to the whole of the size, too.
 * @param name what errors call it. @throws PffError `data` for what is no image, or has nothing in it.
 */
export async function userImage(bytes: Uint8Array, name: string, inputs: PixelInputs): Promise<UserImage> {
  const { shape, edge } = inputs;
  if (shape.channels !== 1 && shape.channels !== 3)
    throw new PffError('data', `${name}: an image file cannot give ${shape.channels} channels`, {
      hint: 'Use a network for grey (1 channel) or colour (3 channels) images.',
    });
  const image = await decodeImage(bytes, name);
  const remarks: string[] = [];
  const ground = (edge ?? BLACK) >= MIDDLE ? WHITE : BLACK;
  let planes = flattened(image, ground, shape.channels);
  const transparent = image.rgba.some((value, i) => i % 4 === 3 && value < 255);
  if (transparent && isFlat(planes)) {
    // Black ink on nothing: over black nothing can be seen.
    planes = flattened(image, WHITE - ground, shape.channels);
    remarks.push(`transparent parts were taken as ${ground === BLACK ? 'white' : 'black'}`);
  } else if (transparent) remarks.push(`transparent parts were taken as ${ground === BLACK ? 'black' : 'white'}`);
  if (isFlat(planes))
    throw new PffError('data', `${name}: all of its pixels are the same`, {
      hint: 'Give an image with something in it.',
    });
  if (edge !== undefined && shape.channels === 1 && isOtherWayRound(planes, image, edge)) {
    planes = planes.map((value) => WHITE - value);
    remarks.push('light and dark were turned over, as the network was trained on the opposite');
  }
  const { width, height } = image;
  if (width === shape.width && height === shape.height)
    return { pixels: planesFirst(planes, width * height, shape.channels), remarks };
  const scale = Math.min(shape.width / width, shape.height / height);
  const [w, h] = inputs.stretched
    ? [shape.width, shape.height]
    : [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const beside = w < shape.width || h < shape.height ? ', with background beside it' : '';
  remarks.push(`scaled from ${width} x ${height} to ${shape.width} x ${shape.height} pixels${beside}`);
  const small = resizeArea(planes, [width, height], [w, h], shape.channels);
  const pixels = new Uint8Array(imageSize(shape)).fill(ground);
  const [left, top] = [Math.floor((shape.width - w) / 2), Math.floor((shape.height - h) / 2)];
  for (let channel = 0; channel < shape.channels; channel++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        pixels[(channel * shape.height + top + y) * shape.width + left + x] = small[
          (y * w + x) * shape.channels + channel
        ] as number;
  return { pixels, remarks };
}

/** [height, width, channels] over a background. Grey by ITU-R BT.601 luma, as data sets are read. */
function flattened({ rgba }: Pixels, ground: number, channels: number): Uint8Array {
  const count = rgba.length / 4;
  const out = new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    const alpha = rgba[4 * i + 3] as number;
    const over = (channel: number): number =>
      Math.round(((rgba[4 * i + channel] as number) * alpha + ground * (255 - alpha)) / 255);
    if (channels === 1) out[i] = Math.round((299 * over(0) + 587 * over(1) + 114 * over(2)) / 1000);
    else for (let channel = 0; channel < 3; channel++) out[3 * i + channel] = over(channel);
  }
  return out;
}

function planesFirst(values: Uint8Array, pixels: number, channels: number): Uint8Array {
  if (channels === 1) return values;
  const out = new Uint8Array(values.length);
  for (let i = 0; i < pixels; i++)
    for (let channel = 0; channel < channels; channel++)
      out[channel * pixels + i] = values[i * channels + channel] as number;
  return out;
}

function isFlat(values: Uint8Array): boolean {
  return values.every((value) => value === values[0]);
}

/** Whether its edges are light where those of training were dark, or the other way round; only where both are clear. */
function isOtherWayRound(values: Uint8Array, { width, height }: Pixels, edge: number): boolean {
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x += y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1)) {
      sum += values[y * width + x] as number;
      count++;
    }
  const own = sum / count;
  return (edge < 64 && own > 160) || (edge > 191 && own < 96);
}
