// In WebAssembly this stands in the place of native/memory.cc: there are no huge pages, and no system to ask what it can give.
#include "memory.h"

#include <cstdlib>
#include <cstring>

namespace pff {

namespace {
constexpr Index kLine = 64;
constexpr Index kMost = Index{1} << 29;  // elements: 2 GiB of floats, half of what the module can address
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
  const size_t bytes = static_cast<size_t>(roundUp(checkedProduct(count, 1), kLine / static_cast<Index>(sizeof(T)))) * sizeof(T);
  void* memory = std::aligned_alloc(kLine, bytes);
  if (!memory) throw OutOfMemory{static_cast<double>(bytes)};
  std::memset(memory, 0, bytes);
  data_ = static_cast<T*>(memory);
  count_ = count;
}

template class Array<float>;
template class Array<uint32_t>;
template class Array<int32_t>;

}  // namespace pff
