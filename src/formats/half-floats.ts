/** Floats of 16 bits as they stand in files, little endian: widened to f32, which holds each of them exactly. */

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
export function widenF16(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => f16(view.getUint16(2 * i, true)));
}

function f16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** bfloat16: the upper half of an f32. */
export function widenBf16(bytes: Uint8Array): Float32Array {
  const words = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i += 2) {
    words[2 * i + 2] = bytes[i] as number;
    words[2 * i + 3] = bytes[i + 1] as number;
  }
  return new Float32Array(words.buffer);
}
