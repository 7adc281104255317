import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PffError } from '../../src/errors.js';
import { encodeNpy, parseNpy } from '../../src/formats/npy.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/formats/safetensors.js';

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
        // Written by name; and JSON objects list integer-like names first when they are read.
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

  /**
   * Made once by Python's own library, safetensors 0.8.0, from an unordered dictionary of numpy arrays:
   *   save({"layer2.bias": float32([-0.5, 3e38]), "layer10.weight": float32([[1, 2, 3], [4, 5, 6]]), "9": float32(7),
   *     "10": zeros((0, 2)), 'größe "q"': float32([inf]), "\\U00010000": float32([1]), "\\uffee": float32([2])}, metadata=…)
   * Its order: types with larger alignment first, then names by their UTF-8 bytes; spaces up to a multiple of 8.
   */
  const byPython = {
    tensors: [
      ['layer2.bias', [2], [-0.5, 3e38]],
      ['layer10.weight', [2, 3], [1, 2, 3, 4, 5, 6]],
      ['9', [], [7]],
      ['10', [0, 2], []],
      ['größe "q"', [1], [Infinity]],
      ['\u{10000}', [1], [1]],
      ['\uffee', [1], [2]],
    ] as const,
    entries:
      '"10":{"dtype":"F32","shape":[0,2],"data_offsets":[0,0]},"9":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
      '"größe \\"q\\"":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},' +
      '"layer10.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},' +
      '"layer2.bias":{"dtype":"F32","shape":[2],"data_offsets":[32,40]},' +
      '"\uffee":{"dtype":"F32","shape":[1],"data_offsets":[40,44]},"\u{10000}":{"dtype":"F32","shape":[1],"data_offsets":[44,48]}',
    data: '0000e0400000807f0000803f0000004000004040000080400000a0400000c040000000bfe6b1617f000000400000803f',
  };
  const pythonFile = (header: string, bytes: number): Buffer =>
    Buffer.concat([
      Buffer.from([bytes & 255, bytes >> 8, 0, 0, 0, 0, 0, 0]),
      Buffer.from(header),
      Buffer.from(byPython.data, 'hex'),
    ]);

  it.each([
    [{ spec: '{"layers":[784,10]}' }, '{"__metadata__":{"spec":"{\\"layers\\":[784,10]}"},', '} ', 472],
    [{}, '{"__metadata__":{},', '}       ', 448],
  ] as const)("writes Python's own bytes, with metadata %j", (metadata, start, end, bytes) => {
    const tensors = byPython.tensors.map(([name, shape, values]) => ({
      name,
      shape,
      values: Float32Array.from(values),
    }));
    const expected = pythonFile(start + byPython.entries + end, bytes);
    expect(expected.length).toBe(8 + bytes + 48);
    expect(Buffer.from(encodeSafetensors({ tensors, metadata }))).toEqual(expected);
    expect(Buffer.from(encodeSafetensors({ tensors: tensors.toReversed(), metadata }))).toEqual(expected);
    const back = decodeSafetensors(expected);
    expect(back.metadata).toEqual(metadata);
    expect(new Map(back.tensors.map((each) => [each.name, each]))).toEqual(
      new Map(tensors.map((each) => [each.name, each])),
    );
  });

  it("reads Python's file without metadata", () => {
    const { tensors, metadata } = decodeSafetensors(pythonFile(`{${byPython.entries}} `, 424));
    expect(metadata).toEqual({});
    expect(tensors.length).toBe(7);
  });

  it('has its data at a multiple of 8 bytes, in the order of the header, whatever the names', () => {
    fc.assert(
      fc.property(file, (given) => {
        const bytes = Buffer.from(encodeSafetensors(given));
        const length = Number(bytes.readBigUInt64LE());
        expect(length % 8).toBe(0);
        const header = bytes.toString('utf8', 8, 8 + length);
        expect(header.trimEnd().length).toBeGreaterThan(header.length - 8);
        const starts = [...header.matchAll(/"data_offsets":\[(\d+),(\d+)\]/g)].map(([, from, to]) => [
          Number(from),
          Number(to),
        ]);
        let at = 0;
        for (const [from, to] of starts) {
          expect(from).toBe(at);
          at = to as number;
        }
        expect(bytes.length).toBe(8 + length + at);
      }),
    );
  });

  it('refuses two tensors of one name', () => {
    const one = { name: 'a', shape: [1], values: Float32Array.of(1) };
    expect(() => encodeSafetensors({ tensors: [one, { ...one, name: 'b' }, one], metadata: {} })).toThrow(
      'two tensors are called a',
    );
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

  const encode = (header: unknown, data: number | Uint8Array = 0): Uint8Array => {
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, typeof data === 'number' ? Buffer.alloc(data) : data]);
  };

  it('reads floats of 16 bits as the f32 that they are', () => {
    // By the standard: 1, -2, the largest, the least normal, the least subnormal, the largest subnormal, -0, infinity, NaN.
    const f16 = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x8000, 0x7c00, 0x7e00];
    const values = [1, -2, 65504, 2 ** -14, 2 ** -24, 1023 * 2 ** -24, -0, Infinity, Number.NaN];
    const bf16 = [0x3f80, 0xc049, 0x8000, 0xff80];
    const entries = {
      a: { dtype: 'F16', shape: [9], data_offsets: [0, 18] },
      b: { dtype: 'BF16', shape: [2, 2], data_offsets: [18, 26] },
    };
    const data = Buffer.from(Uint16Array.from([...f16, ...bf16]).buffer);
    const [a, b] = decodeSafetensors(encode(entries, data)).tensors;
    expect([...(a?.values ?? [])]).toEqual(values);
    expect([...(b?.values ?? [])]).toEqual([1, -3.140625, -0, -Infinity]);
    const half = encodeNpy([9], new Uint8Array(18));
    const text = Buffer.from(half).toString('latin1').replace("'|u1'", "'<f2'");
    const npy = Buffer.from(text, 'latin1');
    npy.set(data.subarray(0, 18), npy.length - 18);
    expect([...parseNpy(npy, 'half').values]).toEqual(values);
  });

  it('names what is wrong', () => {
    expect(() => decodeSafetensors(encode({ a: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } }, 8))).toThrow(
      /type F64, and F32, F16 and BF16 are read/,
    );
    expect(() => decodeSafetensors(encode({ a: { dtype: 'BF16', shape: [1], data_offsets: [0, 4] } }, 4))).toThrow(
      /said to lie at bytes 0 to 4/,
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
