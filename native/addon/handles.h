// The objects that JavaScript holds by handles, externals of Node-API: how they are made, found again and closed. A handle that is not
// closed is freed with its JavaScript object.
#pragma once
#include <algorithm>
#include <memory>

#include "../convolution.h"
#include "../instruction-sets.h"
#include "../pool.h"
#include "arguments.h"

namespace pff {

// What a handle is of: one of the other kind, taken for it, would be read as foreign memory.
enum class Kind : uint32_t { kBackend = 0x70666662, kDense = 0x70666664, kConvolution = 0x70666663 };

struct Backend {
  static constexpr Kind kKind = Kind::kBackend;
  Kind kind;
  const KernelTable* kernels;
  Precision precision;
  std::shared_ptr<Pool> pool;  // null once closed
};

struct Handle {
  static constexpr Kind kKind = Kind::kDense;
  Kind kind = kKind;
  std::unique_ptr<Dense> dense;  // null once closed
};

struct ConvolutionHandle {
  static constexpr Kind kKind = Kind::kConvolution;
  Kind kind = kKind;
  std::unique_ptr<Convolution> convolution;  // null once closed
  Index told = 0;  // bytes that the garbage collector knows of
};

// Tells the garbage collector what a small object holds on to.
inline void adjustMemory(napi_env env, Index bytes) {
  int64_t total = 0;
  napi_adjust_external_memory(env, bytes, &total);
}

inline void close(napi_env, Backend& backend) { backend.pool.reset(); }

inline void close(napi_env env, Handle& handle) {
  if (handle.dense) adjustMemory(env, -handle.dense->bytes());
  handle.dense.reset();
}

// A convolution holds more after its first calls.
inline void tellMemory(napi_env env, ConvolutionHandle& handle) {
  const Index bytes = handle.convolution ? handle.convolution->bytes() : 0;
  if (bytes != handle.told) adjustMemory(env, bytes - handle.told);
  handle.told = bytes;
}

inline void close(napi_env env, ConvolutionHandle& handle) {
  handle.convolution.reset();
  tellMemory(env, handle);
}

template <class T>
void destroy(napi_env env, void* data, void*) {
  T* object = static_cast<T*>(data);
  close(env, *object);
  delete object;
}

template <class T>
napi_value external(napi_env env, std::unique_ptr<T> object) {
  napi_value value = nullptr;
  check(napi_create_external(env, object.get(), destroy<T>, nullptr, &value));
  object.release();
  return value;
}

// `kind` comes first in all of them.
template <class T>
T& resourceAt(const Arguments& a, size_t i) {
  T* object = static_cast<T*>(a.external(i));
  if (object->kind != T::kKind) throw BadCall{"a handle of another kind was expected"};
  return *object;
}

inline Backend& backendAt(const Arguments& a, size_t i) {
  Backend& backend = resourceAt<Backend>(a, i);
  if (!backend.pool) throw BadCall{"these kernels were closed"};
  return backend;
}

inline Dense& denseAt(const Arguments& a, size_t i) {
  Handle& handle = resourceAt<Handle>(a, i);
  if (!handle.dense) throw BadCall{"this dense kernel was closed"};
  return *handle.dense;
}

inline ConvolutionHandle& convolutionAt(const Arguments& a, size_t i) {
  ConvolutionHandle& handle = resourceAt<ConvolutionHandle>(a, i);
  if (!handle.convolution) throw BadCall{"this convolution was closed"};
  return handle;
}

// A function of the addon, as JavaScript sees it.
inline napi_property_descriptor method(const char* name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

// Gives the functions of one file to `exports`.
template <size_t N>
void define(napi_env env, napi_value exports, const napi_property_descriptor (&methods)[N]) {
  // Where it fails, a JavaScript exception is pending, and loading ends with that.
  napi_define_properties(env, exports, N, methods);
}

// One for each file; addon.cc calls them.
void defineBackend(napi_env env, napi_value exports);
void defineDense(napi_env env, napi_value exports);
void defineConvolution(napi_env env, napi_value exports);
void definePlanes(napi_env env, napi_value exports);
void defineRows(napi_env env, napi_value exports);

}  // namespace pff
