/** Rule 8 of block/contract.ts in plain TypeScript. */
import { convolved, patchValues, planeValues, type Stage } from '../block/contract.js';
import type {
  Convolution,
  ConvolutionInput,
  ConvolutionOptions,
  ConvolutionTensors,
  Moments,
} from '../block/operations.js';
import type { Precision, UpdateRule } from '../kernels.js';
import { fma } from './fma.js';
import { smallestDelta, toBf16, updateStep } from './operations.js';
import { addProducts, addScaled, dot } from './products.js';

const copied = ([value, moment1, moment2]: Moments): Moments => [value.slice(), moment1.slice(), moment2.slice()];

export class ReferenceConvolution implements Convolution {
  readonly #stage: Stage;
  readonly #options: ConvolutionOptions;
  readonly #tensors: ConvolutionTensors;
  readonly #bf16: boolean;
  readonly #tile: boolean;
  /** The weights as products take them. */
  readonly #operand: Float32Array;

  constructor(stage: Stage, tensors: ConvolutionTensors, options: ConvolutionOptions, precision: Precision) {
    this.#stage = stage;
    this.#options = options;
    this.#tensors = { weight: copied(tensors.weight), label: copied(tensors.label), bias: copied(tensors.bias) };
    this.#bf16 = precision !== 'f32';
    this.#tile = precision === 'bf16-tile';
    const [weight] = this.#tensors.weight;
    this.#operand = this.#bf16 ? weight.map(toBf16) : weight;
  }

  forward({ rows, batch, variants, labels }: ConvolutionInput, out: Float32Array): void {
    const { groups, outputs } = this.#stage;
    const { height, width } = convolved(this.#stage);
    const positions = height * width;
    const each = outputs / groups;
    const length = patchValues(this.#stage);
    const [bias] = this.#tensors.bias;
    const start = this.#bf16 ? bias.map((x) => (Math.abs(x) < smallestDelta ? 0 : x)) : bias;
    const patch = new Float32Array(length);
    const shared = new Float32Array(each);
    const y = new Float32Array(each);
    const label = this.#tensors.label[0];
    const count = this.#options.labels;
    for (let b = 0; b < batch; b++)
      for (let position = 0; position < positions; position++)
        for (let g = 0; g < groups; g++) {
          this.#patch(rows, b, position, g, patch);
          shared.set(start.subarray(g * each, (g + 1) * each));
          const weights = this.#operand.subarray(g * length * each, (g + 1) * length * each);
          addProducts(shared, 0, each, { x: patch, xAt: 0, xStep: 1, rows: weights, count: length }, this.#tile);
          for (let v = 0; v < variants; v++) {
            const row = v * batch + b;
            y.set(shared);
            for (let l = 0; l < count; l++) {
              const value = labels[row * count + l] ?? 0;
              if (value !== 0) addScaled(y, 0, value, label, l * outputs + g * each, each);
            }
            out.set(y, (row * positions + position) * outputs + g * each);
          }
        }
  }

  inputGradient(delta: Float32Array, rows: number, out: Float32Array): void {
    const { from, groups, outputs, kernel, stride, padding } = this.#stage;
    const { height, width } = convolved(this.#stage);
    const positions = height * width;
    const each = outputs / groups;
    const length = patchValues(this.#stage);
    const channels = from.channels / groups;
    const values = planeValues(from);
    const d = new Float32Array(each);
    out.fill(0, 0, rows * values);
    const patches = new Float32Array(positions * length);
    for (let r = 0; r < rows; r++)
      for (let g = 0; g < groups; g++) {
        const weights = this.#operand.subarray(g * length * each, (g + 1) * length * each);
        for (let position = 0; position < positions; position++) {
          for (let o = 0; o < each; o++) {
            const given = delta[(r * positions + position) * outputs + g * each + o] ?? 0;
            d[o] = this.#bf16 ? toBf16(given) : given;
          }
          for (let i = 0; i < length; i++) patches[position * length + i] = dot(d, weights, i * each, each, this.#tile);
        }
        for (let dy = 0; dy < kernel; dy++)
          for (let dx = 0; dx < kernel; dx++)
            for (let position = 0; position < positions; position++) {
              const y = Math.floor(position / width) * stride + dy - padding;
              const x = (position % width) * stride + dx - padding;
              if (y < 0 || x < 0 || y >= from.height || x >= from.width) continue;
              const to = r * values + (y * from.width + x) * from.channels + g * channels;
              const at = position * length + (dy * kernel + dx) * channels;
              for (let c = 0; c < channels; c++) out[to + c] = (out[to + c] ?? 0) + (patches[at + c] ?? 0);
            }
      }
  }

  update(input: ConvolutionInput, delta: Float32Array, sums: Float32Array, rule: UpdateRule): void {
    const { batch, variants, rows } = input;
    const { groups, outputs } = this.#stage;
    const { height, width } = convolved(this.#stage);
    const positions = height * width;
    const size = batch * positions * outputs;
    const each = outputs / groups;
    const length = patchValues(this.#stage);
    const s = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let v = 0; v < variants; v++) sum = Math.fround(sum + (delta[v * size + i] ?? 0));
      const kept = Math.abs(sum) < smallestDelta ? 0 : sum;
      s[i] = this.#bf16 ? toBf16(kept) : kept;
    }
    const [weight] = this.#tensors.weight;
    const gradient = new Float32Array(weight.length);
    const patches = new Float32Array(batch * positions * length);
    const deltas = new Float32Array(batch * positions * each);
    for (let g = 0; g < groups; g++) {
      for (let at = 0; at < batch * positions; at++) {
        const b = Math.floor(at / positions);
        this.#patch(rows, b, at % positions, g, patches.subarray(at * length, (at + 1) * length));
        deltas.set(s.subarray(at * outputs + g * each, at * outputs + (g + 1) * each), at * each);
      }
      for (let i = 0; i < length; i++) {
        const terms = { x: patches, xAt: i, xStep: length, rows: deltas, count: batch * positions };
        addProducts(gradient, (g * length + i) * each, each, terms, this.#tile);
      }
    }
    this.#stepOthers(input, sums, rule);
    const [, moment1, moment2] = this.#tensors.weight;
    updateStep(weight, moment1, moment2, gradient, rule, true);
    if (this.#bf16) this.#operand.set(weight.map(toBf16));
  }

  read(into: ConvolutionTensors): void {
    for (const name of ['weight', 'label', 'bias'] as const)
      for (const k of [0, 1, 2] as const)
        if (k === 0 || this.#options.trained) into[name][k].set(this.#tensors[name][k]);
  }

  close(): void {}

  /** Bias and label weights, from D. */
  #stepOthers({ batch, variants, labels }: ConvolutionInput, sums: Float32Array, rule: UpdateRule): void {
    const { outputs } = this.#stage;
    const count = this.#options.labels;
    const bias = new Float32Array(outputs);
    const label = new Float32Array(count * outputs);
    for (let r = 0; r < variants * batch; r++) {
      for (let o = 0; o < outputs; o++) bias[o] = (bias[o] ?? 0) + (sums[r * outputs + o] ?? 0);
      for (let l = 0; l < count; l++) {
        const value = labels[r * count + l] ?? 0;
        if (value !== 0)
          for (let o = 0; o < outputs; o++)
            label[l * outputs + o] = fma(value, sums[r * outputs + o] ?? 0, label[l * outputs + o] ?? 0);
      }
    }
    const tensors = this.#tensors;
    if (!this.#options.fixedBias) updateStep(...tensors.bias, bias, rule, false);
    if (count > 0) updateStep(...tensors.label, label, rule, true);
  }

  /** Group `g` of the patch of a position of sample `b`. */
  #patch(rows: Float32Array, b: number, position: number, g: number, to: Float32Array): void {
    const { from, groups, kernel, stride, padding } = this.#stage;
    const { width } = convolved(this.#stage);
    const channels = from.channels / groups;
    const top = Math.floor(position / width) * stride - padding;
    const left = (position % width) * stride - padding;
    const rounded = this.#bf16 ? toBf16 : (x: number) => x;
    for (let dy = 0, at = 0; dy < kernel; dy++)
      for (let dx = 0; dx < kernel; dx++) {
        const y = top + dy;
        const x = left + dx;
        const inside = y >= 0 && x >= 0 && y < from.height && x < from.width;
        const start = b * planeValues(from) + (y * from.width + x) * from.channels + g * channels;
        for (let c = 0; c < channels; c++, at++) to[at] = inside ? rounded(rows[start + c] ?? 0) : 0;
      }
  }
}
