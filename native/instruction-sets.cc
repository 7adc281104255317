// See instruction-sets.h.
#include "instruction-sets.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pff {

extern const KernelTable kPortableKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx2Kernels;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
#endif

#if defined(__x86_64__)
namespace {

// Older compilers do not know the names of these. AMX with bf16: bits 22 and 24 of EDX, CPUID leaf 7.
bool hasTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && (d >> 24 & 1);
}

// Bit 5 of EAX, the same leaf's subleaf 1.
bool hasBf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

}  // namespace
#endif

std::vector<const KernelTable*> instructionSets() {
  std::vector<const KernelTable*> sets;
#if defined(__x86_64__)
  // These also ask whether the system saves the wide registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")) {
    const KernelTable* bf16 = hasBf16() ? avx512Bf16Kernels() : nullptr;
    const KernelTable* amx = bf16 && hasTiles() ? amxKernels() : nullptr;
    for (const KernelTable* set : {amx, bf16})
      if (set) sets.push_back(set);
    sets.push_back(&kAvx512Kernels);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&kAvx2Kernels);
#elif defined(__aarch64__)
  sets.push_back(&kNeonKernels);
#endif
  sets.push_back(&kPortableKernels);
  return sets;
}

namespace {

// Multiply-adds in a second, the best of a few tries of a tenth of a millisecond or so.
double rateOf(double (*loop)(Index, float*)) {
  double best = 0.0;
  for (int i = 0; i < 8; i++) {
    float sink = 1.0f;
    const auto start = std::chrono::steady_clock::now();
    const double done = loop(5000, &sink);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (seconds > 0.0 && sink != 0.0f) best = std::max(best, done / seconds);
  }
  return best;
}

// Pairs of bf16 values have an instruction that on some CPUs takes longer than two multiply-adds. Without it both are one.
bool pairsAreFaster(const KernelTable& pairs) {
  static const bool faster = rateOf(pairs.pairPeak) > rateOf(pairs.peak);
  return faster;
}

}  // namespace

const KernelTable* fastestFor(Precision precision) {
  for (const KernelTable* set : instructionSets()) {
    const bool tiles = std::strcmp(set->name, "amx") == 0;
    if (tiles && precision != Precision::kBf16Tile) continue;
    if (!tiles && precision == Precision::kBf16 && set->pairPeak && !pairsAreFaster(*set)) continue;
    return set;
  }
  return &kPortableKernels;
}

std::vector<const char*> builtSets() {
  std::vector<const char*> names;
#if defined(__x86_64__)
  if (amxIsBuilt()) names.push_back("amx");
  for (const KernelTable* set : {avx512Bf16Kernels(), &kAvx512Kernels, &kAvx2Kernels})
    if (set) names.push_back(set->name);
#elif defined(__aarch64__)
  names.push_back(kNeonKernels.name);
#endif
  names.push_back(kPortableKernels.name);
  return names;
}

const KernelTable* instructionSet(const char* name) {
  for (const KernelTable* set : instructionSets())
    if (std::strcmp(set->name, name) == 0) return set;
  return nullptr;
}

}  // namespace pff
