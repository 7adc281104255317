// See instruction-sets.h.
#include "instruction-sets.h"

#include <cstring>

namespace pff {

extern const KernelTable kPortableKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx512Bf16Kernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx2Kernels;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
#endif

std::vector<const KernelTable*> instructionSets() {
  std::vector<const KernelTable*> sets;
#if defined(__x86_64__)
  // These also ask whether the system saves the wide registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")) {
    if (__builtin_cpu_supports("avx512bf16")) sets.push_back(&kAvx512Bf16Kernels);
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
