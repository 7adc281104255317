// Aligned memory for weights and batches, on huge pages where the system offers them; and sizes that cannot overflow.
#pragma once
#include <cstddef>
#include <cstdint>

#include "layout.h"

namespace pff {

// Memory could not be had; carries how much was asked for.
struct OutOfMemory {
  double bytes;
};

// a · b · …, or OutOfMemory if no address space could hold that many floats.
Index checkedProduct(Index a, Index b);

// Zeroed floats on a cache-line boundary (2 MiB if 256 KiB or more). Throws OutOfMemory.
template <class T>
class Array {
 public:
  Array() = default;
  explicit Array(Index count);
  ~Array();
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  // Room for at least `count` elements; what was there is lost when it grows.
  void reserve(Index count);
  T* data() { return data_; }
  const T* data() const { return data_; }
  Index size() const { return count_; }
  Index bytes() const { return count_ * static_cast<Index>(sizeof(T)); }

 private:
  T* data_ = nullptr;
  Index count_ = 0;
};

extern template class Array<float>;
extern template class Array<uint32_t>;
extern template class Array<int32_t>;

}  // namespace pff
