// The module that Node.js loads: all functions that src/kernels/native/addon.ts lists. Nothing is global, so any number of JavaScript
// threads may load it.
#include "handles.h"

namespace pff {
namespace {

napi_value init(napi_env env, napi_value exports) {
  for (const auto defineSome : {defineBackend, defineDense, defineConvolution, definePlanes, defineRows})
    defineSome(env, exports);
  return exports;
}

}  // namespace
}  // namespace pff

NAPI_MODULE_INIT() { return pff::init(env, exports); }
