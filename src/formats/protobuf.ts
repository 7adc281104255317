/**
 * Writes Protocol Buffers messages: the few wire types that ONNX and TensorBoard files need. A message is a list of
 * fields; what each field number means is up to the caller. Reading is not for here.
 */

/** A message under construction; each method appends a field and returns the message. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** A whole number of at least 0 and at most 2^53 - 1 (int32, int64, uint64, bool, enum). */
  integer(field: number, value: number): this {
    return this.#key(field, 0).#varint(value);
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#key(field, 5).#append(bytes);
  }

  /** A 64-bit float. */
  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.#key(field, 1).#append(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#key(field, 2).#varint(value.length).#append(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** Messages inside this one; several make a repeated field. */
  messages(field: number, ...values: readonly Message[]): this {
    for (const value of values) {
      this.#key(field, 2).#varint(value.#length);
      for (const part of value.#parts) this.#append(part);
    }
    return this;
  }

  /** The message's bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #key(field: number, wireType: number): this {
    return this.#varint(field * 8 + wireType);
  }

  #varint(value: number): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
    return this.#append(Uint8Array.from(bytes));
  }

  #append(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}
