// The functions that src/kernels/wasm/ calls: those of native/addon/, over addresses in the module's memory. Lengths are the caller's
// matter (src/kernels/wasm/functions.ts): it copies each array in and out, and no address can leave this memory. 0 for an absent array.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "convolution.h"

#define PFF_EXPORT(name) extern "C" __attribute__((export_name(#name)))

namespace pff {

extern const KernelTable kWasmKernels;

namespace {

struct Backend {
  Precision precision;
  std::shared_ptr<Pool> pool;
};

constexpr Index kAny = INT32_MAX;

template <class T>
Given<T> given(T* data, Index length = kAny) {
  return {data, data ? length : 0};
}

ConvolutionTensors tensorsOf(const ConvolutionShape& s, float* const* from) {
  const auto moments = [&](int i, Index count) {
    return Moments{{from[i], count}, {from[i + 1], count}, {from[i + 2], count}};
  };
  return {moments(0, s.patch() * s.outputs), moments(3, s.labels * s.outputs), moments(6, s.outputs)};
}

// [channels, height, width, pool, size, stride, outHeight, outWidth]
PlaneShape shapeOf(const uint32_t* sizes, float leak) {
  const auto size = [&](int i) { return static_cast<Index>(sizes[i]); };
  return {size(0), size(1), size(2), static_cast<PlaneShape::Pool>(sizes[3]), size(4), size(5), size(6), size(7), leak};
}

Adam adamOf(float beta1, float beta2, float stepSize, float epsilonSquared, float keep) {
  return {beta1, beta2, 1.0f - beta1, 1.0f - beta2, stepSize, epsilonSquared, keep};
}

// With its shape, which a convolution does not tell.
struct OpenConvolution {
  ConvolutionShape shape;
  Convolution convolution;
};

}  // namespace

// Memory for arrays of the caller's, not cleared.
PFF_EXPORT(take) void* take(Index bytes) {
  void* memory = bytes < 0 ? nullptr : std::aligned_alloc(64, static_cast<size_t>(roundUp(std::max(bytes, Index{1}), 64)));
  if (!memory) throw OutOfMemory{static_cast<double>(static_cast<uint32_t>(bytes))};
  return memory;
}
PFF_EXPORT(give) void give(void* memory) { std::free(memory); }

// One fused multiply-add, to see whether it is one.
PFF_EXPORT(multiplyAdd) float multiplyAdd(float a, float b, float c) {
  float values[16] = {a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const PlaneShape shape{1, 1, 1, PlaneShape::kNone, 1, 1, 1, 1, 0.0f};
  // v = fma(z - 0, scale, shift), linear above 0.
  const float zero = 0.0f;
  float y[4] = {};
  kWasmKernels.finishPlanes({values, shape, {false, &zero, &b, &c}, y, nullptr}, 0, 1);
  return y[0];
}

PFF_EXPORT(peak) double peak(Index iterations) {
  float sink = 1.0f;
  const double done = kWasmKernels.peak(iterations, &sink);
  return sink == 0.0f ? 0.0 : done;
}

// precision: 0 f32, 1 bf16, 2 bf16-tile
PFF_EXPORT(openBackend) Backend* openBackend(int precision) {
  return new Backend{static_cast<Precision>(precision), std::make_shared<Pool>(1, 0)};
}
PFF_EXPORT(closeBackend) void closeBackend(Backend* backend) { delete backend; }

PFF_EXPORT(openDense)
Dense* openDense(Backend* backend, Index inputs, Index outputs, Index suffixInputs, Index maxRows, bool relu, bool fixedBias,
                 float* weights, float* bias, float* m, float* v, float* biasM, float* biasV) {
  const Index count = checkedProduct(inputs, outputs);
  const DenseShape shape{inputs, outputs, suffixInputs, maxRows, relu, backend->precision, fixedBias};
  return new Dense(kWasmKernels, backend->pool, shape,
                   {{weights, count}, {bias, outputs}, {m, count}, {v, count}, {biasM, outputs}, {biasV, outputs}});
}
PFF_EXPORT(closeDense) void closeDense(Dense* dense) { delete dense; }

PFF_EXPORT(infer)
void infer(Dense* dense, const float* prefix, Index batch, Index variants, const float* suffix, float* activations, bool normalise,
           float* sumSquares) {
  dense->infer({given(prefix), {}, batch, variants, given(suffix)}, given(activations), normalise, given(sumSquares));
}
PFF_EXPORT(forward)
void forward(Dense* dense, const float* prefix, Index batch, Index variants, const float* suffix, float* activations, float* sumSquares) {
  dense->forward({given(prefix), {}, batch, variants, given(suffix)}, given(activations), given(sumSquares));
}
PFF_EXPORT(inputGradient)
void inputGradient(Dense* dense, const float* activations, const float* rowScale, const float* values, float* out) {
  dense->inputGradient(given(activations), {given(rowScale), given(values)}, given(out));
}
PFF_EXPORT(update)
void update(Dense* dense, const float* activations, const float* rowScale, const float* values, float beta1, float beta2, float stepSize,
            float epsilonSquared, float keep) {
  dense->update(given(activations), {given(rowScale), given(values)}, adamOf(beta1, beta2, stepSize, epsilonSquared, keep));
}
PFF_EXPORT(updateSgd)
void updateSgd(Dense* dense, const float* activations, const float* rowScale, const float* values, float momentum, float stepSize,
               float keep) {
  dense->update(given(activations), {given(rowScale), given(values)}, Sgd{momentum, stepSize, keep});
}
PFF_EXPORT(read)
void read(Dense* dense, Index weightCount, Index outputs, float* weights, float* bias, float* m, float* v, float* biasM, float* biasV) {
  dense->read({{weights, weightCount}, {bias, outputs}, {m, weightCount}, {v, weightCount}, {biasM, outputs}, {biasV, outputs}});
}

// sizes: [channels, height, width, outputs, kernel, stride, padding, groups, labels]; tensors: nine addresses
PFF_EXPORT(openConvolution)
OpenConvolution* openConvolution(Backend* backend, const uint32_t* sizes, bool trained, bool fixedBias, float* const* tensors) {
  const auto size = [&](int i) { return static_cast<Index>(sizes[i]); };
  const ConvolutionShape shape{size(0), size(1), size(2), size(3), size(4), size(5), size(6), size(7), size(8), trained, fixedBias};
  return new OpenConvolution{shape, Convolution(kWasmKernels, backend->pool, backend->precision, shape, tensorsOf(shape, tensors))};
}
PFF_EXPORT(closeConvolution) void closeConvolution(OpenConvolution* open) { delete open; }

PFF_EXPORT(convolve)
void convolve(OpenConvolution* open, const float* rows, Index batch, Index variants, const float* labels, float* out) {
  open->convolution.forward({given(rows), batch, variants, given(labels)}, given(out));
}
PFF_EXPORT(convolutionInputGradient)
void convolutionInputGradient(OpenConvolution* open, const float* delta, Index rows, float* out) {
  open->convolution.inputGradient(given(delta), rows, given(out));
}
PFF_EXPORT(updateConvolution)
void updateConvolution(OpenConvolution* open, const float* rows, Index batch, Index variants, const float* labels, float* delta,
                       const float* sums, float beta1, float beta2, float stepSize, float epsilonSquared, float keep) {
  open->convolution.update({given(rows), batch, variants, given(labels)}, given(delta), given(sums),
                           adamOf(beta1, beta2, stepSize, epsilonSquared, keep));
}
PFF_EXPORT(updateConvolutionSgd)
void updateConvolutionSgd(OpenConvolution* open, const float* rows, Index batch, Index variants, const float* labels, float* delta,
                          const float* sums, float momentum, float stepSize, float keep) {
  open->convolution.update({given(rows), batch, variants, given(labels)}, given(delta), given(sums), Sgd{momentum, stepSize, keep});
}
PFF_EXPORT(readConvolution) void readConvolution(OpenConvolution* open, float* const* tensors) {
  open->convolution.read(tensorsOf(open->shape, tensors));
}

PFF_EXPORT(planeSums)
void planeSums(const float* z, Index rows, const uint32_t* sizes, const float* mean, bool byRow, float* out) {
  kWasmKernels.planeSums({z, shapeOf(sizes, 0.0f), mean, byRow, out}, 0, rows);
}
PFF_EXPORT(finishPlanes)
void finishPlanes(const float* z, Index rows, const uint32_t* sizes, float leak, bool byRow, const float* mean, const float* scale,
                  const float* shift, const float* inverse, float* y, float* places) {
  kWasmKernels.finishPlanes({z, shapeOf(sizes, leak), {byRow, mean, scale, shift, inverse}, y, places}, 0, rows);
}
PFF_EXPORT(backwardsPlanes)
void backwardsPlanes(const float* z, Index rows, const uint32_t* sizes, float leak, bool byRow, const float* mean, const float* scale,
                     const float* shift, const float* inverse, const float* y, const float* rowScale, const float* values,
                     const float* places, float* out, float* sums1, float* sums2) {
  kWasmKernels.backwardsPlanes(
      {y, rowScale, values, z, shapeOf(sizes, leak), {byRow, mean, scale, shift, inverse}, places, out, sums1, sums2}, 0, rows);
}
PFF_EXPORT(normBackwards)
void normBackwards(const float* z, Index rows, const uint32_t* sizes, bool byRow, const float* mean, const float* scale,
                   const float* shift, const float* a, const float* b, float* values, float* sums) {
  kWasmKernels.normBackwards({z, shapeOf(sizes, 0.0f), {byRow, mean, scale, shift}, a, b, values, sums}, 0, rows);
}
PFF_EXPORT(positionSums)
void positionSums(const float* z, Index rows, const uint32_t* sizes, bool centred, float* mean, float* inverse) {
  kWasmKernels.positionSums({z, shapeOf(sizes, 0.0f), centred, mean, inverse}, 0, rows);
}
PFF_EXPORT(positionBackwards)
void positionBackwards(const float* z, Index rows, const uint32_t* sizes, const float* mean, const float* scale, const float* shift,
                       const float* inverse, bool centred, float* values, float* sums) {
  kWasmKernels.positionBackwards({z, shapeOf(sizes, 0.0f), {false, mean, scale, shift, inverse}, centred, values, sums}, 0, rows);
}
PFF_EXPORT(finishRows) void finishRows(float* values, Index rows, Index width, bool normalise, float* sumSquares) {
  kWasmKernels.sumRows(values, width, 0, rows, sumSquares);
  if (normalise) kWasmKernels.normaliseRows(values, width, sumSquares, 0, rows);
}

// bytes [count, width] and scale [count]: the rows that are wanted, one after another; list [count]: 0, 1, …
PFF_EXPORT(stageBytes)
void stageBytes(const uint8_t* bytes, Index width, Index skip, const uint32_t* list, Index count, const float* scale, float* out) {
  kWasmKernels.stage({bytes, width, skip, list, scale, out}, 0, count);
}
PFF_EXPORT(dropout)
void dropout(const float* values, Index count, Index width, Index channels, const uint32_t* name, uint32_t threshold, float scale,
             float* out, float* sumSquares) {
  kWasmKernels.dropout({values, nullptr, width, name, threshold, scale, out, channels}, 0, count);
  if (sumSquares) kWasmKernels.sumRows(out, width, 0, count, sumSquares);
}

// values [count, …]: the rows that are wanted, one after another
PFF_EXPORT(turnRows) void turnRows(const float* values, Index count, Index channels, Index positions, float* out) {
  kWasmKernels.turnRows({values, nullptr, channels, positions, out}, 0, count);
}
PFF_EXPORT(averagePlanes)
void averagePlanes(const float* values, Index count, Index channels, Index height, Index width, Index side, float* averages) {
  kWasmKernels.averagePlanes({values, nullptr, channels, height, width, side, averages, nullptr}, 0, count);
}
PFF_EXPORT(spreadAverages)
void spreadAverages(float* averages, Index count, Index channels, Index height, Index width, Index side, float* out) {
  kWasmKernels.spreadAverages({nullptr, nullptr, channels, height, width, side, averages, out}, 0, count);
}
PFF_EXPORT(doubleProducts)
void doubleProducts(const double* left, const double* right, Index rows, Index terms, Index columns, bool lower, double* out) {
  kWasmKernels.doubleProducts({left, right, rows, terms, columns, lower, out}, 0, blocksOf(rows, kDoubleRows));
}

}  // namespace pff
