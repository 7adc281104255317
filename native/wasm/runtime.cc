// What the C++ of the kernels needs of a runtime, without one: exceptions, memory, and the fused multiply-add of one number.
#include <cstdlib>
#include <new>
#include <typeinfo>

#include "dense.h"

// The host throws an error of its own. It passes through the module as any exception, so destructors run.
extern "C" __attribute__((import_module("env"), import_name("outOfMemory"))) void pffOutOfMemory(double bytes);
extern "C" __attribute__((import_module("env"), import_name("badCall"))) void pffBadCall(const char* what);

extern "C" {

void* __cxa_allocate_exception(size_t bytes) { return std::malloc(bytes); }
void __cxa_free_exception(void* object) { std::free(object); }

[[noreturn]] void __cxa_throw(void* object, std::type_info* type, void (*)(void*)) {
  if (*type == typeid(pff::OutOfMemory)) pffOutOfMemory(static_cast<pff::OutOfMemory*>(object)->bytes);
  if (*type == typeid(pff::BadCall)) pffBadCall(static_cast<pff::BadCall*>(object)->what);
  __builtin_trap();
}

// Rounded to odd in double, then to float, as in simd/wasm.h.
float fmaf(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double term = c;
  double sum = product + term;
  const double rest = sum - product;
  const double error = (product - (sum - rest)) + (term - rest);
  uint64_t bits;
  __builtin_memcpy(&bits, &sum, sizeof bits);
  if (__builtin_fabs(error) > 0.0 && (bits & 1) == 0) {
    bits = (error < 0.0) == (sum < 0.0) ? bits + 1 : bits - 1;
    __builtin_memcpy(&sum, &bits, sizeof bits);
  }
  return static_cast<float>(sum);
}

}  // extern "C"

// What the library calls where it cannot go on; its own would bring in the output of text.
_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD

void* operator new(size_t bytes) {
  void* memory = std::malloc(bytes > 0 ? bytes : 1);
  if (!memory) throw pff::OutOfMemory{static_cast<double>(bytes)};
  return memory;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
