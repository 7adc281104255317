// See memory.h.
#include "memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace pff {

namespace {
constexpr Index kHugePage = Index{2} << 20;
constexpr Index kWorthHuge = kHugePage / 8;  // from here on, page table misses cost more than the rest of a page
constexpr Index kLine = 64;
constexpr Index kMost = Index{1} << 46;  // elements; no machine has more
constexpr Index kWorthAsking = Index{1} << 28;  // bytes

// What the system says it can still give. Linux promises more than it has and ends the process that takes it at its word.
double availableBytes() {
  double kibibytes = -1.0;
#if defined(__linux__)
  if (std::FILE* file = std::fopen("/proc/meminfo", "r")) {
    char line[128];
    while (kibibytes < 0.0 && std::fgets(line, sizeof line, file)) std::sscanf(line, "MemAvailable: %lf kB", &kibibytes);
    std::fclose(file);
  }
#endif
  return kibibytes < 0.0 ? 1e300 : kibibytes * 1024.0;
}

}  // namespace

Index checkedProduct(Index a, Index b) {
  Index product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product > kMost)
    throw OutOfMemory{static_cast<double>(a) * static_cast<double>(b) * 4.0};
  return product;
}

template <class T>
Array<T>::Array(Index count) {
  reserve(count);
}

template <class T>
Array<T>::~Array() {
  std::free(data_);
}

template <class T>
void Array<T>::reserve(Index count) {
  if (count <= count_) return;
  std::free(data_);
  data_ = nullptr;
  count_ = 0;
  const Index wanted = checkedProduct(count, 1) * static_cast<Index>(sizeof(T));
  const Index alignment = wanted >= kWorthHuge ? kHugePage : kLine;
  const Index bytes = roundUp(wanted, alignment);
  if (bytes >= kWorthAsking && static_cast<double>(bytes) > availableBytes())
    throw OutOfMemory{static_cast<double>(bytes)};
  void* memory = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(bytes));
  if (!memory) throw OutOfMemory{static_cast<double>(bytes)};
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) madvise(memory, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // a wish; failure is fine
#endif
  std::memset(memory, 0, static_cast<size_t>(bytes));
  data_ = static_cast<T*>(memory);
  count_ = count;
}

template class Array<float>;
template class Array<uint32_t>;
template class Array<int32_t>;

}  // namespace pff
