/** Rules 9 to 11 of block/contract.ts in plain TypeScript. */
import { turnInJavaScript } from '../block/block-input.js';
import type { LeavingDelta, Normalisation, PlaneOperations } from '../block/operations.js';
import { inverseOf } from '../block/statistics.js';
import type { Precision } from '../kernels.js';
import { ReferenceConvolution } from './convolution.js';
import { fma } from './fma.js';
import { foldLanes, normaliseRow, smallestDelta, sumOfSquares } from './operations.js';

const { fround } = Math;

export function referencePlanes(precision: Precision): PlaneOperations {
  return {
    allocate: (length) => new Float32Array(length),
    turn: turnInJavaScript,
    openConvolution: (stage, tensors, options) => new ReferenceConvolution(stage, tensors, options, precision),
    sums,
    positionSums,
    finish,
    backwards,
    normBackwards,
    positionBackwards,
    finishRows(values, rows, width, normalise, sumSquares) {
      for (let r = 0; r < rows; r++) {
        const row = values.subarray(r * width, (r + 1) * width);
        const sum = sumOfSquares(row);
        sumSquares[r] = sum;
        if (normalise) normaliseRow(row, sum);
      }
    },
  };
}

/** Where row r of mean, scale, a or b begins. */
function rowStart(byRow: boolean, r: number, channels: number): number {
  return byRow ? r * channels : 0;
}

/** A sum over the channels of a position by the lanes of rule 2: `add` gives lane and term of channel o. */
function laneSum(channels: number, add: (lane: number, o: number) => number): number {
  const lanes = new Float32Array(16);
  for (let o = 0; o < channels; o++) lanes[o % 16] = add(lanes[o % 16] ?? 0, o);
  return foldLanes(lanes);
}

const positionSums: PlaneOperations['positionSums'] = (z, rows, shape, centred, mean, inverse) => {
  const { channels, height, width } = shape;
  const share = fround(1 / channels);
  for (let at = 0; at < rows * height * width; at++) {
    const value = (o: number): number => z[at * channels + o] ?? 0;
    const about = centred ? fround(laneSum(channels, (lane, o) => fround(lane + value(o))) * share) : 0;
    const squares = laneSum(channels, (lane, o) => {
      const d = fround(value(o) - about);
      return fma(d, d, lane);
    });
    mean[at] = about;
    inverse[at] = inverseOf(fround(squares * share));
  }
};

const sums: PlaneOperations['sums'] = (z, rows, { channels, height, width }, mean, byRow, out) => {
  const positions = height * width;
  for (let r = 0; r < rows; r++) {
    const about = rowStart(byRow, r, channels);
    for (let o = 0; o < channels; o++) {
      let sum = 0;
      for (let position = 0; position < positions; position++) {
        const value = z[(r * positions + position) * channels + o] ?? 0;
        if (mean === undefined) sum = fround(sum + value);
        else {
          const d = fround(value - (mean[about + o] ?? 0));
          sum = fma(d, d, sum);
        }
      }
      out[r * channels + o] = sum;
    }
  }
};

/** u of rule 10 of a value of row r. `position`: of the whole batch. */
function beforeActivation(
  value: number,
  norm: Normalisation | undefined,
  r: number,
  position: number,
  o: number,
): number {
  if (norm === undefined) return value;
  const { mean, scale, shift, inverse, by } = norm;
  const start = rowStart(by === 'row', r, shift.length);
  const d = fround(value - (mean[by === 'position' ? position : start + o] ?? 0));
  const each = scale[start + o] ?? 0;
  return fma(d, by === 'position' ? fround(each * (inverse[position] ?? 0)) : each, shift[o] ?? 0);
}

/** What the gradient by the scale multiplies du by. */
function aboutMean(value: number, { mean, inverse, by, shift }: Normalisation, r: number, position: number, o: number) {
  if (by === 'position') return fround(fround(value - (mean[position] ?? 0)) * (inverse[position] ?? 0));
  return fround(value - (mean[rowStart(by === 'row', r, shift.length) + o] ?? 0));
}

function activated(u: number, leak: number): number {
  if (!(u <= 0)) return u;
  return leak === 0 ? 0 : fround(fround(leak) * u);
}

const finish: PlaneOperations['finish'] = (z, rows, shape, norm, y, places) => {
  const { channels, height, width, outHeight, outWidth, leak } = shape;
  const { size, stride, kind } = shape.pool ?? { size: 1, stride: 1, kind: 'max' as const };
  const share = fround(1 / (size * size));
  for (let r = 0; r < rows; r++) {
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let o = 0; o < channels; o++) {
          const to = ((r * outHeight + oy) * outWidth + ox) * channels + o;
          let result = 0;
          let place = 0;
          for (let window = 0; window < size * size; window++) {
            const py = oy * stride + Math.floor(window / size);
            const px = ox * stride + (window % size);
            const position = (r * height + py) * width + px;
            const value = z[position * channels + o] ?? 0;
            const v = activated(beforeActivation(value, norm, r, position, o), leak);
            if (window === 0) result = v;
            else if (kind === 'average') result = fround(result + v);
            else if (v > result) {
              result = v;
              place = window;
            }
          }
          y[to] = kind === 'average' ? result * share : result;
          if (places) places[to] = place;
        }
  }
};

/** The loss by value `at` of row r that leaves. */
function leavingAt({ y, rowScale, values }: LeavingDelta, r: number, at: number): number {
  const left = y?.[at] ?? 0;
  if (rowScale) {
    const scale = rowScale[r] ?? 0;
    return fround((Math.abs(scale) < 2 ** -126 ? 0 : scale) * left);
  }
  return y && fround(left * left) === 0 ? 0 : (values?.[at] ?? 0);
}

const backwards: PlaneOperations['backwards'] = (delta, z, rows, shape, norm, places, out, sums1, sums2) => {
  const { channels, height, width, outHeight, outWidth, leak } = shape;
  const { size, stride, kind } = shape.pool ?? { size: 1, stride: 1, kind: 'max' as const };
  const share = fround(1 / (size * size));
  const positions = height * width;
  out.fill(0, 0, rows * positions * channels);
  for (let r = 0; r < rows; r++) {
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let o = 0; o < channels; o++) {
          const at = ((r * outHeight + oy) * outWidth + ox) * channels + o;
          const given = leavingAt(delta, r, at);
          const each = kind === 'average' ? fround(given * share) : given;
          for (let window = 0; window < size * size; window++) {
            if (kind === 'max' && window !== (places?.[at] ?? 0)) continue;
            const py = oy * stride + Math.floor(window / size);
            const px = ox * stride + (window % size);
            const to = ((r * height + py) * width + px) * channels + o;
            out[to] = (out[to] ?? 0) + each;
          }
        }
    for (let o = 0; o < channels; o++) {
      let sum1 = 0;
      let sum2 = 0;
      for (let position = 0; position < positions; position++) {
        const at = r * positions + position;
        const to = at * channels + o;
        const value = z[to] ?? 0;
        const dv = out[to] ?? 0;
        let du = beforeActivation(value, norm, r, at, o) <= 0 ? (leak === 0 ? 0 : fround(fround(leak) * dv)) : dv;
        if (norm === undefined && Math.abs(du) < smallestDelta) du = 0;
        out[to] = du;
        sum1 = fround(sum1 + du);
        if (norm) sum2 = fma(du, aboutMean(value, norm, r, at, o), sum2);
      }
      sums1[r * channels + o] = sum1;
      sums2[r * channels + o] = sum2;
    }
  }
};

const normBackwards: PlaneOperations['normBackwards'] = (z, rows, shape, norm, a, b, values, sumsOut) => {
  const { channels, height, width } = shape;
  const positions = height * width;
  for (let r = 0; r < rows; r++) {
    const start = rowStart(norm.by === 'row', r, channels);
    for (let o = 0; o < channels; o++) {
      let sum = 0;
      for (let position = 0; position < positions; position++) {
        const at = (r * positions + position) * channels + o;
        const d = fround((z[at] ?? 0) - (norm.mean[start + o] ?? 0));
        const taken = fma(d, b[start + o] ?? 0, a[start + o] ?? 0);
        const dz = fma(norm.scale[start + o] ?? 0, values[at] ?? 0, -taken);
        values[at] = Math.abs(dz) < smallestDelta ? 0 : dz;
        sum = fround(sum + (values[at] ?? 0));
      }
      sumsOut[r * channels + o] = sum;
    }
  }
};

const positionBackwards: PlaneOperations['positionBackwards'] = (z, rows, shape, norm, centred, values, sumsOut) => {
  const { channels, height, width } = shape;
  const positions = height * width;
  const share = fround(1 / channels);
  sumsOut.fill(0, 0, rows * channels);
  for (let at = 0; at < rows * positions; at++) {
    const start = at * channels;
    const inverse = norm.inverse[at] ?? 0;
    const d = (o: number): number => fround((z[start + o] ?? 0) - (norm.mean[at] ?? 0));
    const g = (o: number): number => fround((norm.scale[o] ?? 0) * (values[start + o] ?? 0));
    const t1 = centred ? laneSum(channels, (lane, o) => fround(lane + g(o))) : 0;
    const t2 = laneSum(channels, (lane, o) => fma(g(o), d(o), lane));
    const a = fround(inverse * fround(t1 * share));
    const b = fround(fround(inverse * fround(inverse * inverse)) * fround(t2 * share));
    const to = Math.floor(at / positions) * channels;
    for (let o = 0; o < channels; o++) {
      const taken = fma(d(o), b, a);
      const dz = fma(fround((norm.scale[o] ?? 0) * inverse), values[start + o] ?? 0, -taken);
      values[start + o] = Math.abs(dz) < smallestDelta ? 0 : dz;
      sumsOut[to + o] = (sumsOut[to + o] ?? 0) + (values[start + o] ?? 0);
    }
  }
};
