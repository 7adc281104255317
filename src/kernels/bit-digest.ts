/** FNV-1a over the words of f32 or f64 values, and a second lane that mixes them otherwise. It tells arithmetic apart; it is no proof against an attacker. */
export class BitDigest {
  #a = 0x811c9dc5;
  #b = 0x01000193;

  add(values: Float32Array | Float64Array): void {
    for (const word of new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4)) {
      this.#a = Math.imul(this.#a ^ word, 0x01000193);
      this.#b = Math.imul(this.#b ^ (this.#a >>> 15), 0x85ebca6b) ^ word;
    }
  }

  hex(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
