// Dense layers.
#include "handles.h"

namespace pff {
namespace {

Tensors tensorsFrom(const Arguments& a, size_t i) {
  return {a.floats(i), a.floats(i + 1), a.floats(i + 2), a.floats(i + 3), a.floats(i + 4), a.floats(i + 5)};
}

LayerInput inputFrom(const Arguments& a, size_t i) {
  const Given<uint32_t> rows = a.words(i + 1);
  return {a.constFloats(i), {rows.data, rows.length}, a.index(i + 2), a.index(i + 3), a.constFloats(i + 4)};
}

DeltaInput deltaFrom(const Arguments& a, size_t i) { return {a.constFloats(i), a.constFloats(i + 1)}; }

// openDense(backend, inputs, outputs, suffixInputs, maxRows, relu, fixedBias, ...six tensors) → dense
napi_value openDense(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const DenseShape shape{a.index(1), a.index(2), a.index(3), a.index(4), a.boolean(5), backend.precision, a.boolean(6)};
  auto handle = std::make_unique<Handle>();
  handle->dense = std::make_unique<Dense>(*backend.kernels, backend.pool, shape, tensorsFrom(a, 7));
  adjustMemory(a.env, handle->dense->bytes());
  return external(a.env, std::move(handle));
}

// closeDense(dense)
napi_value closeDense(const Arguments& a) {
  close(a.env, resourceAt<Handle>(a, 0));
  return nullptr;
}

// infer(dense, prefix, rows, batch, variants, suffix, activations, normalise, sumSquares)
napi_value infer(const Arguments& a) {
  denseAt(a, 0).infer(inputFrom(a, 1), a.floats(6), a.boolean(7), a.floats(8));
  return nullptr;
}

// forward(dense, prefix, rows, batch, variants, suffix, activations, sumSquares)
napi_value forward(const Arguments& a) {
  denseAt(a, 0).forward(inputFrom(a, 1), a.floats(6), a.floats(7));
  return nullptr;
}

// inputGradient(dense, activations, rowScale, values, out)
napi_value inputGradient(const Arguments& a) {
  denseAt(a, 0).inputGradient(a.constFloats(1), deltaFrom(a, 2), a.floats(4));
  return nullptr;
}

// update(dense, activations, rowScale, values, beta1, beta2, stepSize, epsilonSquared, keep)
napi_value update(const Arguments& a) {
  const float beta1 = a.f32(4);
  const float beta2 = a.f32(5);
  const Adam rule{beta1, beta2, 1.0f - beta1, 1.0f - beta2, a.f32(6), a.f32(7), a.f32(8)};
  denseAt(a, 0).update(a.constFloats(1), deltaFrom(a, 2), rule);
  return nullptr;
}

// updateSgd(dense, activations, rowScale, values, momentum, stepSize, keep)
napi_value updateSgd(const Arguments& a) {
  denseAt(a, 0).update(a.constFloats(1), deltaFrom(a, 2), Sgd{a.f32(4), a.f32(5), a.f32(6)});
  return nullptr;
}

// read(dense, ...six tensors)
napi_value read(const Arguments& a) {
  denseAt(a, 0).read(tensorsFrom(a, 1));
  return nullptr;
}

}  // namespace

void defineDense(napi_env env, napi_value exports) {
  define(env, exports, {
                           method("openDense", guarded<openDense>),
                           method("closeDense", guarded<closeDense>),
                           method("infer", guarded<infer>),
                           method("forward", guarded<forward>),
                           method("inputGradient", guarded<inputGradient>),
                           method("update", guarded<update>),
                           method("updateSgd", guarded<updateSgd>),
                           method("read", guarded<read>),
                       });
}

}  // namespace pff
