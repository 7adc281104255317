// See instruction-sets.h.
#include "instruction-sets.h"

#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pff {

extern const KernelTable kPortableKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx512Bf16Kernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx2Kernels;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
#endif

#if defined(__x86_64__)
namespace {

// AMX with bf16: bits 22 and 24 of EDX, CPUID leaf 7. Older compilers do not know their names.
bool hasTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && (d >> 24 & 1);
}

}  // namespace
#endif

std::vector<const KernelTable*> instructionSets() {
  std::vector<const KernelTable*> sets;
#if defined(__x86_64__)
  // These also ask whether the system saves the wide registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")) {
    if (__builtin_cpu_supports("avx512bf16")) {
      const KernelTable* amx = hasTiles() ? amxKernels() : nullptr;
      if (amx) sets.push_back(amx);
      sets.push_back(&kAvx512Bf16Kernels);
    }
    sets.push_back(&kAvx512Kernels);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&kAvx2Kernels);
#elif defined(__aarch64__)
  sets.push_back(&kNeonKernels);
#endif
  sets.push_back(&kPortableKernels);
  return sets;
}

const KernelTable* instructionSet(const char* name) {
  for (const KernelTable* set : instructionSets())
    if (std::strcmp(set->name, name) == 0) return set;
  return nullptr;
}

}  // namespace pff
