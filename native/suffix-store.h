// The suffix values of rows that are not 0, mostly a 1 for each row's label: listed as kernels read them (SuffixList).
#pragma once
#include <algorithm>

#include "jobs/dense.h"
#include "memory.h"

namespace pff {

// The most values that are not 0 in any of `rows` rows of `width` values.
inline Index mostNonZero(const float* values, Index rows, Index width) {
  Index most = 0;
  for (Index r = 0; r < rows && most < width; r++) {
    const float* row = values + r * width;
    most = std::max(most, static_cast<Index>(width - std::count(row, row + width, 0.0f)));
  }
  return most;
}

class SuffixStore {
 public:
  // Room for lists of `rows` rows that have at most `most` values that are not 0. Throws OutOfMemory.
  void reserve(Index rows, Index most) {
    const Index entries = checkedProduct(rows, most);
    // Lists begin at numbers of 32 bits.
    if (entries > INT32_MAX) throw OutOfMemory{static_cast<double>(entries) * 8.0};
    start_.reserve(rows + 1);
    input_.reserve(entries);
    value_.reserve(entries);
  }

  // Lists `count` rows of each variant, of which the values of row i of variant v are `width` values from row rowOf(v, i) on.
  template <class RowOf>
  SuffixList list(const float* values, Index width, Index variants, Index count, const RowOf& rowOf) {
    // Values that another thread changes meanwhile (shared memory) must not lead past the end.
    const Index room = std::min(input_.size(), value_.size());
    uint32_t entries = 0;
    Index row = 0;
    for (Index v = 0; v < variants; v++) {
      for (Index i = 0; i < count; i++) {
        const float* from = values + rowOf(v, i) * width;
        start_.data()[row++] = entries;
        for (Index c = 0; c < width; c++) {
          if (from[c] == 0.0f || entries == room) continue;
          input_.data()[entries] = static_cast<uint32_t>(c);
          value_.data()[entries] = from[c];
          entries++;
        }
      }
    }
    start_.data()[row] = entries;
    return {start_.data(), input_.data(), value_.data()};
  }

  Index bytes() const { return start_.bytes() + input_.bytes() + value_.bytes(); }

 private:
  Array<uint32_t> start_, input_;
  Array<float> value_;
};

}  // namespace pff
