/** The functions of compiled kernels over the exports of the WebAssembly module, and the memory that their arrays pass through. */
import type {
  BackendHandle,
  CompiledFunctions,
  ConvolutionHandle,
  DenseHandle,
  Floats,
  Nine,
} from '../compiled/functions.js';
import type { Precision } from '../numerics.js';
import type { Exports, Numbers } from './exports.js';
import type { Arrays, Heap } from './heap.js';

/** Floats that a piece of an inference has in the memory at a time. */
const PIECE_FLOATS = 1 << 22;

/** What a handle is: an object of the module, and for a layer what its arrays need. */
class Held {
  readonly address: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly suffix: number;

  constructor(address: number, inputs = 0, outputs = 0, suffix = 0) {
    this.address = address;
    this.inputs = inputs;
    this.outputs = outputs;
    this.suffix = suffix;
  }
}

/** All but those that the addon has for its instruction sets; the backend is opened by its precision. */
export interface WasmFunctions extends CompiledFunctions {
  openBackend(precision: Precision): BackendHandle;
}

const PRECISIONS: { readonly [P in Precision]: number } = { f32: 0, bf16: 1, 'bf16-tile': 2 };

/** Handles are opaque to those who use them. */
type Handle = BackendHandle | DenseHandle | ConvolutionHandle;
const heldBy = (handle: Handle): Held => handle as unknown as Held;
const addressOf = (handle: Handle): number => heldBy(handle).address;

export function wasmFunctions(module: Exports, heap: Heap): WasmFunctions {
  /** Objects that nobody closed are closed with their handles. */
  const forgotten = new FinalizationRegistry<() => void>((close) => close());
  const held = (one: Held, close: (address: number) => void): unknown => {
    const { address } = one;
    forgotten.register(one, () => close(address), one);
    return one;
  };
  const closed = (handle: Handle, close: (address: number) => void): void => {
    if (forgotten.unregister(heldBy(handle))) close(addressOf(handle));
  };
  /** Addresses of nine arrays, as a list in the memory. */
  const nine = (arrays: Arrays, addresses: Nine<number>): number => arrays.read(Uint32Array.from(addresses));

  /** The update of a layer by one of the rules, whose numbers come last. */
  const denseUpdate =
    <Rule extends number[]>(update: (...all: [...Numbers<4>, ...Rule]) => void) =>
    (dense: DenseHandle, activations: Float32Array, rowScale: Floats, values: Floats, ...rule: Rule): void =>
      heap.with((a) => update(addressOf(dense), a.read(activations), a.read(rowScale), a.read(values), ...rule));
  const convolutionUpdate =
    <Rule extends number[]>(update: (...all: [...Numbers<7>, ...Rule]) => void) =>
    (
      convolution: ConvolutionHandle,
      rows: Float32Array,
      batch: number,
      variants: number,
      labels: Floats,
      delta: Float32Array,
      sums: Floats,
      ...rule: Rule
    ): void =>
      heap.with((a) => {
        const data = [a.read(rows), batch, variants, a.read(labels), a.read(delta), a.read(sums)] as const;
        update(addressOf(convolution), ...data, ...rule);
      });

  return {
    openBackend: (precision) =>
      held(new Held(module.openBackend(PRECISIONS[precision])), module.closeBackend) as BackendHandle,
    closeBackend: (backend) => closed(backend, module.closeBackend),
    allocate: (count) => heap.allocate(count),
    release: (array) => heap.release(array),

    openDense: (backend, inputs, outputs, suffixInputs, maxRows, relu, fixedBias, w, b, m, v, bm, bv) =>
      heap.with((a) => {
        const address = module.openDense(
          addressOf(backend),
          inputs,
          outputs,
          suffixInputs,
          maxRows,
          Number(relu),
          Number(fixedBias),
          a.read(w),
          a.read(b),
          maxRows > 0 ? a.read(m) : 0,
          maxRows > 0 ? a.read(v) : 0,
          maxRows > 0 ? a.read(bm) : 0,
          maxRows > 0 ? a.read(bv) : 0,
        );
        return held(new Held(address, inputs, outputs, suffixInputs), module.closeDense) as DenseHandle;
      }),
    closeDense: (dense) => closed(dense, module.closeDense),

    infer(dense, prefix, rows, batch, variants, suffix, activations, normalise, sumSquares) {
      const { address, inputs, outputs, suffix: labels } = heldBy(dense);
      const width = inputs - labels;
      const each = width + variants * ((activations ? outputs : 0) + labels + 1);
      const samples = Math.min(batch, Math.max(64, Math.floor(PIECE_FLOATS / Math.max(1, each))));
      /** Parts of an array of rows [V · B, values], of all variants of the samples from `first` on. */
      const parts = (array: Float32Array, values: number, first: number, count: number) =>
        Array.from({ length: variants }, (_, v) =>
          array.subarray((v * batch + first) * values, (v * batch + first + count) * values),
        );
      for (let first = 0; first < batch; first += samples) {
        const count = Math.min(samples, batch - first);
        heap.with((a) => {
          const from = rows ? prefix : prefix.subarray(first * width);
          const x = a.gather(from, width, rows?.subarray(first), count);
          const given = suffix && a.room(variants * count * labels * 4);
          if (suffix && given !== undefined)
            parts(suffix, labels, first, count).forEach((part, v) => a.put(part, given + v * count * labels * 4));
          const y =
            activations &&
            (variants === 1
              ? parts(activations, outputs, first, count)[0]
              : new Float32Array(variants * count * outputs));
          const sums = sumSquares && new Float32Array(variants * count);
          module.infer(address, x, count, variants, given ?? 0, a.write(y), Number(normalise), a.write(sums));
          a.copyBack();
          if (activations && y && variants > 1)
            parts(activations, outputs, first, count).forEach((part, v) =>
              part.set(y.subarray(v * count * outputs, (v + 1) * count * outputs)),
            );
          if (sumSquares && sums)
            parts(sumSquares, 1, first, count).forEach((part, v) =>
              part.set(sums.subarray(v * count, (v + 1) * count)),
            );
        });
      }
    },

    forward: (dense, prefix, rows, batch, variants, suffix, activations, sumSquares) =>
      heap.with((a) => {
        const { address, inputs, outputs, suffix: labels } = heldBy(dense);
        const all = batch * variants;
        const x = a.gather(prefix, inputs - labels, rows, batch);
        const given = a.read(suffix?.subarray(0, all * labels));
        const y = a.write(activations.subarray(0, all * outputs));
        module.forward(address, x, batch, variants, given, y, a.write(sumSquares?.subarray(0, all)));
      }),

    inputGradient: (dense, activations, rowScale, values, out) =>
      heap.with((a) =>
        module.inputGradient(addressOf(dense), a.read(activations), a.read(rowScale), a.read(values), a.change(out)),
      ),
    update: denseUpdate<Numbers<5>>(module.update),
    updateSgd: denseUpdate<Numbers<3>>(module.updateSgd),
    read: (dense, w, b, m, v, bm, bv) =>
      heap.with((a) =>
        module.read(
          addressOf(dense),
          w.length,
          b.length,
          a.change(w),
          a.change(b),
          a.change(m),
          a.change(v),
          a.change(bm),
          a.change(bv),
        ),
      ),

    openConvolution: (backend, sizes, trained, fixedBias, ...tensors) =>
      heap.with((a) => {
        const addresses = nine(a, tensors.map((tensor) => a.read(tensor)) as Nine<number>);
        const [own, size] = [addressOf(backend), a.read(sizes)];
        const address = module.openConvolution(own, size, Number(trained), Number(fixedBias), addresses);
        return held(new Held(address), module.closeConvolution) as ConvolutionHandle;
      }),
    closeConvolution: (convolution) => closed(convolution, module.closeConvolution),
    convolve: (convolution, rows, batch, variants, labels, out) =>
      heap.with((a) =>
        module.convolve(addressOf(convolution), a.read(rows), batch, variants, a.read(labels), a.change(out)),
      ),
    convolutionInputGradient: (convolution, delta, rows, out) =>
      heap.with((a) => module.convolutionInputGradient(addressOf(convolution), a.read(delta), rows, a.change(out))),
    updateConvolution: convolutionUpdate<Numbers<5>>(module.updateConvolution),
    updateConvolutionSgd: convolutionUpdate<Numbers<3>>(module.updateConvolutionSgd),
    readConvolution: (convolution, ...tensors) =>
      heap.with((a) => {
        const addresses = nine(a, tensors.map((tensor) => a.change(tensor)) as Nine<number>);
        module.readConvolution(addressOf(convolution), addresses);
      }),

    planeSums: (_, z, rows, sizes, mean, byRow, out) =>
      heap.with((a) => module.planeSums(a.read(z), rows, a.read(sizes), a.read(mean), Number(byRow), a.change(out))),
    finishPlanes: (_, z, rows, sizes, leak, byRow, mean, scale, shift, inverse, y, places) =>
      heap.with((a) =>
        module.finishPlanes(
          a.read(z),
          rows,
          a.read(sizes),
          leak,
          Number(byRow),
          a.read(mean),
          a.read(scale),
          a.read(shift),
          a.read(inverse),
          a.change(y),
          places ? a.change(places) : 0,
        ),
      ),
    backwardsPlanes: (
      _,
      z,
      rows,
      sizes,
      leak,
      byRow,
      mean,
      scale,
      shift,
      inverse,
      y,
      rowScale,
      values,
      places,
      out,
      sums1,
      sums2,
    ) =>
      heap.with((a) =>
        module.backwardsPlanes(
          a.read(z),
          rows,
          a.read(sizes),
          leak,
          Number(byRow),
          a.read(mean),
          a.read(scale),
          a.read(shift),
          a.read(inverse),
          a.read(y),
          a.read(rowScale),
          a.read(values),
          a.read(places),
          a.change(out),
          a.change(sums1),
          a.change(sums2),
        ),
      ),
    normBackwards: (_, z, rows, sizes, byRow, mean, scale, shift, _inverse, slopeA, slopeB, values, sums) =>
      heap.with((a) =>
        module.normBackwards(
          a.read(z),
          rows,
          a.read(sizes),
          Number(byRow),
          a.read(mean),
          a.read(scale),
          a.read(shift),
          a.read(slopeA),
          a.read(slopeB),
          a.change(values),
          a.change(sums),
        ),
      ),
    positionSums: (_, z, rows, sizes, centred, mean, inverse) =>
      heap.with((a) =>
        module.positionSums(a.read(z), rows, a.read(sizes), Number(centred), a.change(mean), a.change(inverse)),
      ),
    positionBackwards: (_, z, rows, sizes, _byRow, mean, scale, shift, inverse, centred, values, sums) =>
      heap.with((a) =>
        module.positionBackwards(
          a.read(z),
          rows,
          a.read(sizes),
          a.read(mean),
          a.read(scale),
          a.read(shift),
          a.read(inverse),
          Number(centred),
          a.change(values),
          a.change(sums),
        ),
      ),
    finishRows: (_, values, rows, width, normalise, sumSquares) =>
      heap.with((a) => module.finishRows(a.change(values), rows, width, Number(normalise), a.change(sumSquares))),
    stageBytes: (_, bytes, width, skip, rows, scale, out) =>
      heap.with((a) => {
        const count = rows.length;
        const list = Uint32Array.from({ length: count }, (__, i) => i);
        const from = a.gather(bytes, width, rows, count);
        const scales = a.gather(scale, 1, rows, count);
        module.stageBytes(
          from,
          width,
          skip,
          a.read(list),
          count,
          scales,
          a.write(out.subarray(0, count * (width - skip))),
        );
      }),
    dropout: (_, { values, rows, count, width, channels }, { name, threshold, scale }, out, sumSquares) =>
      heap.with((a) => {
        const from = a.gather(values, width, rows, count);
        const to = a.write(out.subarray(0, count * width));
        const sums = a.write(sumSquares?.subarray(0, count));
        module.dropout(from, count, width, channels, a.read(name), threshold, scale, to, sums);
      }),
    turnRows: (_, values, rows, count, channels, positions, out) =>
      heap.with((a) => {
        const size = channels * positions;
        const from = a.gather(values, size, rows, count);
        module.turnRows(from, count, channels, positions, a.write(out.subarray(0, count * size)));
      }),
    averagePlanes: (_, values, rows, count, sizes, averages) =>
      heap.with((a) => {
        const [channels = 0, height = 0, width = 0, side = 0] = sizes;
        const from = a.gather(values, channels * height * width, rows, count);
        module.averagePlanes(from, count, channels, height, width, side, a.change(averages));
      }),
    spreadAverages: (_, averages, count, sizes, out) =>
      heap.with((a) => {
        const [channels = 0, height = 0, width = 0, side = 0] = sizes;
        const to = a.write(out.subarray(0, count * channels * height * width));
        module.spreadAverages(a.read(averages), count, channels, height, width, side, to);
      }),
    doubleProducts: (_, left, right, rows, terms, columns, lower, out) =>
      heap.with((a) =>
        module.doubleProducts(a.read(left), a.read(right), rows, terms, columns, Number(lower), a.change(out)),
      ),
    measurePeak(_, milliseconds) {
      let done = 0;
      const started = performance.now();
      let now = started;
      do {
        done += module.peak(20_000);
        now = performance.now();
      } while (now - started < milliseconds);
      return (done / (now - started)) * 1000;
    },
  };
}
