// Convolutions.
#include "handles.h"

namespace pff {
namespace {

Moments momentsFrom(const Arguments& a, size_t i) { return {a.floats(i), a.floats(i + 1), a.floats(i + 2)}; }

ConvolutionTensors convolutionTensorsFrom(const Arguments& a, size_t i) {
  return {momentsFrom(a, i), momentsFrom(a, i + 3), momentsFrom(a, i + 6)};
}

ConvolutionInput convolutionInputFrom(const Arguments& a, size_t i) {
  return {a.constFloats(i), a.index(i + 1), a.index(i + 2), a.constFloats(i + 3)};
}

// openConvolution(backend, [channels, height, width, outputs, kernel, stride, padding, groups, labels], trained, fixedBias,
// ...nine tensors) → convolution
napi_value openConvolution(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const Given<uint32_t> sizes = a.words(1);
  if (!sizes.data) throw BadCall{"openConvolution: sizes are missing"};
  sizes.need(9, "openConvolution: nine sizes are needed");
  Index size[9];
  for (int i = 0; i < 9; i++) size[i] = static_cast<Index>(sizes.data[i]);
  const ConvolutionShape shape{size[0], size[1], size[2], size[3], size[4],      size[5],
                               size[6], size[7], size[8], a.boolean(2), a.boolean(3)};
  auto handle = std::make_unique<ConvolutionHandle>();
  handle->convolution = std::make_unique<Convolution>(*backend.kernels, backend.pool, backend.precision, shape, convolutionTensorsFrom(a, 4));
  tellMemory(a.env, *handle);
  return external(a.env, std::move(handle));
}

// closeConvolution(convolution)
napi_value closeConvolution(const Arguments& a) {
  close(a.env, resourceAt<ConvolutionHandle>(a, 0));
  return nullptr;
}

// convolve(convolution, rows, batch, variants, labels, out)
napi_value convolve(const Arguments& a) {
  ConvolutionHandle& handle = convolutionAt(a, 0);
  handle.convolution->forward(convolutionInputFrom(a, 1), a.floats(5));
  tellMemory(a.env, handle);
  return nullptr;
}

// convolutionInputGradient(convolution, delta, rows, out)
napi_value convolutionInputGradient(const Arguments& a) {
  ConvolutionHandle& handle = convolutionAt(a, 0);
  handle.convolution->inputGradient(a.constFloats(1), a.index(2), a.floats(3));
  tellMemory(a.env, handle);
  return nullptr;
}

napi_value stepOf(const Arguments& a, const Rule& rule) {
  ConvolutionHandle& handle = convolutionAt(a, 0);
  handle.convolution->update(convolutionInputFrom(a, 1), a.floats(5), a.constFloats(6), rule);
  tellMemory(a.env, handle);
  return nullptr;
}

// updateConvolution(convolution, rows, batch, variants, labels, delta, sums, beta1, beta2, stepSize, epsilonSquared, keep)
napi_value updateConvolution(const Arguments& a) {
  const float beta1 = a.f32(7);
  const float beta2 = a.f32(8);
  const Adam rule{beta1, beta2, 1.0f - beta1, 1.0f - beta2, a.f32(9), a.f32(10), a.f32(11)};
  return stepOf(a, rule);
}

// updateConvolutionSgd(convolution, rows, batch, variants, labels, delta, sums, momentum, stepSize, keep)
napi_value updateConvolutionSgd(const Arguments& a) {
  const Sgd rule{a.f32(7), a.f32(8), a.f32(9)};
  return stepOf(a, rule);
}

// readConvolution(convolution, ...nine tensors)
napi_value readConvolution(const Arguments& a) {
  convolutionAt(a, 0).convolution->read(convolutionTensorsFrom(a, 1));
  return nullptr;
}

}  // namespace

void defineConvolution(napi_env env, napi_value exports) {
  define(env, exports, {
                           method("openConvolution", guarded<openConvolution>),
                           method("closeConvolution", guarded<closeConvolution>),
                           method("convolve", guarded<convolve>),
                           method("convolutionInputGradient", guarded<convolutionInputGradient>),
                           method("updateConvolution", guarded<updateConvolution>),
                           method("updateConvolutionSgd", guarded<updateConvolutionSgd>),
                           method("readConvolution", guarded<readConvolution>),
                       });
}

}  // namespace pff
