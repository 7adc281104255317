/**
 * How layer states travel (`--wire`). f32 is exact. bf16 halves the bytes: every number of a published state (weights,
 * biases, Adam's moments, of heads too) is rounded to the upper half of its f32, to nearest, ties to even. Since that
 * changes bits it is part of the spec: the layer's own node goes on with the rounded state as well, and so does a run
 * without any wire, so that the digest is the same for every schedule.
 */
import { sharedBuffer } from '../platform/shared-memory.js';
import type { RunSpec } from '../spec/spec.js';

/** Rounds f32 values to bf16, in place. NaN stays NaN; what is beyond the largest bf16 becomes infinite. */
export function roundToBf16(buffer: ArrayBufferLike): void {
  const bits = new Uint32Array(buffer);
  for (let i = 0; i < bits.length; i++) bits[i] = rounded(bits[i] as number) << 16;
}

/** The upper halves of rounded f32 values, little-endian, in memory that threads can share. */
export function encodeBf16(buffer: ArrayBufferLike): ArrayBufferLike {
  const bits = new Uint32Array(buffer);
  const halves = new Uint16Array(sharedBuffer(buffer.byteLength / 2));
  for (let i = 0; i < bits.length; i++) halves[i] = rounded(bits[i] as number);
  return halves.buffer;
}

/** The f32 values of which `encodeBf16` made `buffer`. */
export function decodeBf16(buffer: ArrayBufferLike): ArrayBufferLike {
  const halves = new Uint16Array(buffer);
  const bits = new Uint32Array(sharedBuffer(2 * buffer.byteLength));
  for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] as number) << 16;
  return bits.buffer;
}

/** Bytes that a layer's state of so many bytes in memory takes on the way. */
export function wireBytes({ wire }: Pick<RunSpec, 'wire'>, stateBytes: number): number {
  return wire === 'bf16' ? stateBytes / 2 : stateBytes;
}

function rounded(bits: number): number {
  // A NaN whose payload is in the lower half alone would become an infinity.
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
