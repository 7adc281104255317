import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, integerPower, log, sigmoid, softplus } from '../src/math.js';
import { RandomStream, philox } from '../src/random.js';

const close = (a: number, b: number, relative: number): void => {
  if (a !== b) expect(Math.abs(a - b)).toBeLessThanOrEqual(relative * Math.max(Math.abs(a), Math.abs(b)));
};
const double = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });

describe('exp and log', () => {
  it('agree with the engine to the last digits', () => {
    fc.assert(fc.property(double(-700, 700), (x) => close(exp(x), Math.exp(x), 1e-14)));
    fc.assert(
      fc.property(double(1e-300, 1e300), (x) => {
        fc.pre(Math.abs(x - 1) > 1e-3);
        close(log(x), Math.log(x), 1e-13);
      }),
    );
    fc.assert(
      fc.property(double(-1e-3, 1e-3), (d) => {
        expect(Math.abs(log(1 + d) - Math.log(1 + d))).toBeLessThan(1e-18);
      }),
    );
  });

  it('handle the ends of their range', () => {
    expect([exp(-800), exp(800), exp(0), log(0), log(1), log(-1), exp(Number.NaN)]).toEqual([
      0,
      Infinity,
      1,
      -Infinity,
      0,
      Number.NaN,
      Number.NaN,
    ]);
    close(log(5e-324), Math.log(5e-324), 1e-14);
  });

  it('are pinned to the bit, since trained weights depend on them', () => {
    const digest = [exp(0.1), exp(-3.7), exp(20), log(0.3), log(17), softplus(0.2), sigmoid(-1.5)].map((x) =>
      Buffer.from(new Float64Array([x]).buffer).toString('hex'),
    );
    expect(digest).toMatchSnapshot();
  });

  it('make softplus, sigmoid and powers', () => {
    fc.assert(fc.property(double(-30, 30), (x) => close(softplus(x), Math.log1p(Math.exp(x)), 1e-12)));
    fc.assert(fc.property(double(-30, 30), (x) => close(sigmoid(x), 1 / (1 + Math.exp(-x)), 1e-13)));
    fc.assert(fc.property(double(0.5, 1), fc.nat(5000), (base, n) => close(integerPower(base, n), base ** n, 1e-9)));
  });
});

describe('keyed randomness', () => {
  it('is Philox4x32-10, by the known-answer vectors of its authors', () => {
    const out = new Uint32Array(4);
    philox([0, 0, 0, 0], 0, 0, out);
    expect([...out].map((x) => x.toString(16))).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
    const ones = 0xffffffff;
    philox([ones, ones, ones, ones], ones, ones, out);
    expect([...out].map((x) => x.toString(16))).toEqual(['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd']);
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], 0xa4093822, 0x299f31d0, out);
    expect([...out].map((x) => x.toString(16))).toEqual(['d16cfe09', '94fdcceb', '5001e420', '24126ea1']);
  });

  it('gives a stream by its name, and another by another', () => {
    const first = (...name: number[]): number[] =>
      Array.from(
        { length: 8 },
        (
          (s) => () =>
            s.uint32()
        )(new RandomStream(name[0] ?? 0, 'test', ...name.slice(1))),
      );
    expect(first(1, 2, 3)).toEqual(first(1, 2, 3));
    expect(first(1, 2, 3)).not.toEqual(first(1, 3, 2));
    expect(first(1, 2, 3)).not.toEqual(first(2, 2, 3));
  });

  it('draws permutations, bounded integers and normals as they should be', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(99), (n, seed) => {
        expect([...new RandomStream(seed, 'test').permutation(n)].sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
    const normals = new Float32Array(40_000);
    new RandomStream(4, 'test').fillNormal(normals, 2);
    const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
    const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normals.length;
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(Math.abs(variance - 4)).toBeLessThan(0.12);
  });
});
