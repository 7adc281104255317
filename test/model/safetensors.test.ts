import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/model/safetensors.js';

const tensor = fc
  .tuple(fc.string({ minLength: 1, maxLength: 12 }), fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }))
  .chain(([name, shape]) => {
    const elements = shape.reduce((product, size) => product * size, 1);
    return fc
      .array(fc.float(), { minLength: elements, maxLength: elements })
      .map((values) => ({ name, shape, values: Float32Array.from(values) }));
  });
const file = fc.record({
  tensors: fc.uniqueArray(
    tensor.filter(({ name }) => name !== '__metadata__' && name !== '__proto__'),
    { selector: ({ name }) => name, maxLength: 4 },
  ),
  metadata: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    fc.string(),
    { maxKeys: 3, noNullPrototype: true },
  ),
});

describe('safetensors', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(file, (given) => {
        const back = decodeSafetensors(encodeSafetensors(given));
        expect(back.metadata).toEqual(given.metadata);
        // JSON objects list integer-like names first, so the order of tensors is not part of the format.
        const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
        expect([...back.tensors].sort(byName)).toEqual([...given.tensors].sort(byName));
      }),
    );
  });

  it('has the published layout, byte by byte', () => {
    const bytes = encodeSafetensors({
      tensors: [{ name: 'a', shape: [2], values: Float32Array.of(1, -2) }],
      metadata: {},
    });
    const header = '{"__metadata__":{},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    const expected = Buffer.concat([
      Buffer.from([padded.length, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(padded),
      Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
    ]);
    expect(Buffer.from(bytes)).toEqual(expected);
  });

  it('refuses any file that is cut short, and never throws anything but a PffError', () => {
    const whole = encodeSafetensors({
      tensors: [{ name: 'a', shape: [3], values: Float32Array.of(1, 2, 3) }],
      metadata: { k: 'v' },
    });
    for (let length = 0; length < whole.length; length++)
      expect(() => decodeSafetensors(whole.subarray(0, length))).toThrow(PffError);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = whole.slice();
        damaged[at] = value;
        try {
          decodeSafetensors(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(PffError);
        }
      }),
    );
  });

  it('names what is wrong', () => {
    const encode = (header: unknown, data = 0): Uint8Array => {
      const text = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(text.length));
      return Buffer.concat([length, text, Buffer.alloc(data)]);
    };
    expect(() => decodeSafetensors(encode({ a: { dtype: 'BF16', shape: [1], data_offsets: [0, 2] } }, 2))).toThrow(
      /type BF16/,
    );
    expect(() => decodeSafetensors(encode({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, 8))).toThrow(
      /gap or overlap/,
    );
    expect(() => decodeSafetensors(encode({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 8))).toThrow(
      /end at byte 4/,
    );
    expect(() => decodeSafetensors(encode([1]))).toThrow(/no JSON object/);
  });
});
