/** Small images on canvases: bytes of the dataset, and weights. */
import type { ImageShape } from '../src/data/dataset.js';
import { h } from './dom.js';

export function bytesOf(base64: string): Uint8Array {
  const text = atob(base64);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Colour of pixel `p`, as red, green and blue of 0 … 255. */
export type Paint = (p: number) => readonly [number, number, number];

export function image({ width, height }: ImageShape, label: string, paint: Paint): HTMLCanvasElement {
  const canvas = h('canvas', { class: 'image', width, height, role: 'img', 'aria-label': label, title: label });
  const context = canvas.getContext('2d');
  const data = context?.createImageData(width, height);
  if (!context || !data) return canvas;
  for (let p = 0; p < width * height; p++) data.data.set([...paint(p), 255], 4 * p);
  context.putImageData(data, 0, 0);
  return canvas;
}

/** A dataset's image, planar bytes from `offset` on; grey where it has one channel. */
export function photo(bytes: Uint8Array, offset: number, { width, height, channels }: ImageShape): Paint {
  const plane = width * height;
  const value = (p: number, channel: number): number =>
    bytes[offset + Math.min(channel, channels - 1) * plane + p] ?? 0;
  return (p) => [value(p, 0), value(p, 1), value(p, 2)];
}

/** Weights as int8: blue below 0, orange above, the brighter the larger; colour images by their own channels. */
export function weights(bytes: Uint8Array, offset: number, { width, height, channels }: ImageShape): Paint {
  const plane = width * height;
  const signed = (p: number, channel: number): number =>
    (((bytes[offset + channel * plane + p] ?? 0) << 24) >> 24) / 127;
  if (channels >= 3) return (p) => [128 + 127 * signed(p, 0), 128 + 127 * signed(p, 1), 128 + 127 * signed(p, 2)];
  return (p) => {
    const value = signed(p, 0);
    const strength = Math.abs(value) ** 0.75;
    const [r, g, b] = value < 0 ? [38, 120, 210] : [235, 130, 20];
    return [r, g, b].map((part) => 245 + (part - 245) * strength) as [number, number, number];
  };
}
