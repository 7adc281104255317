/** The files of bench/compare/workload.ts, as plain arrays. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Workload {
  constructor(folder) {
    this.folder = folder;
    this.facts = JSON.parse(readFileSync(join(folder, 'workload.json'), 'utf8'));
    this.hidden = this.floats('hidden.f32');
    this.labels = this.bytes('labels.u8');
    this.images = this.bytes('images.u8');
  }

  bytes(name) {
    return new Uint8Array(readFileSync(join(this.folder, name)));
  }

  floats(name) {
    return new Float32Array(this.bytes(name).buffer);
  }

  order(prefix) {
    return new Uint32Array(this.bytes(`${prefix}order.u32`).buffer);
  }

  /** [count, 784], values 0 … 1 */
  pixels(count) {
    return Float32Array.from(this.images.subarray(0, count * this.facts.layers[0]), (byte) => byte / 255);
  }

  /** Rows [samples.length, 784] with the label of each sample over its first ten values, of unit length. */
  labelled(samples, labels) {
    const size = this.facts.layers[0];
    const { classes } = this.facts;
    const rows = new Float32Array(samples.length * size);
    samples.forEach((sample, b) => {
      const row = rows.subarray(b * size, (b + 1) * size);
      const image = this.images.subarray(sample * size, (sample + 1) * size);
      let squares = 1;
      for (let i = classes; i < size; i++) squares += (image[i] / 255) ** 2;
      const scale = 1 / Math.sqrt(squares);
      for (let i = classes; i < size; i++) row[i] = (image[i] / 255) * scale;
      row[labels[b]] = scale;
    });
    return rows;
  }

  /** Writes `values` for the bench to compare. */
  write(name, values) {
    const file = join(this.folder, name);
    writeFileSync(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return file;
  }
}
