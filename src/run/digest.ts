/** `modelDigest`: what proves that two runs gave the same bits. */
import { createHash } from 'node:crypto';
import { endianness } from 'node:os';
import type { LayerState } from '../layers/layer-state.js';
import { modelTensors } from '../model/model-file.js';

/** Hex SHA-256 over every layer's (and head's) little-endian f32 weights and biases, in order. */
export function modelDigest(states: readonly LayerState[]): string {
  const hash = createHash('sha256');
  for (const { values } of modelTensors(states)) hash.update(littleEndianBytes(values));
  return hash.digest('hex');
}

/** The bytes of f32 values as files and digests have them: little-endian on every machine. */
export function littleEndianBytes(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32();
}
