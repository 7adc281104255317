/** `modelDigest`: what proves that two runs gave the same bits. */
import { sha256 } from '#platform/hash';
import type { LayerState } from '../layers/layer-state.js';
import { modelTensors } from './model-file.js';

/** Hex SHA-256 over every layer's (and head's) little-endian f32 weights and biases, in order. */
export function modelDigest(states: readonly LayerState[]): string {
  const hash = sha256();
  for (const { values } of modelTensors(states)) hash.update(littleEndianBytes(values));
  return hash.hex();
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The bytes of f32 values as files and digests have them: little-endian on every machine. */
export function littleEndianBytes(values: Float32Array): Uint8Array {
  if (littleEndian) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new DataView(new ArrayBuffer(values.byteLength));
  values.forEach((value, i) => bytes.setFloat32(4 * i, value, true));
  return new Uint8Array(bytes.buffer);
}
