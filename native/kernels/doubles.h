// Rule 13 of src/kernels/double-products.ts: products of matrices of doubles, each sum in the order of its terms. Vectors run over columns.
#pragma once
#include <cstring>

#include "../jobs/rows.h"

namespace pff {
namespace {

// The compiler's own vectors, as wide as a Vec: an instruction set needs nothing of its own for a product and a sum.
constexpr int kDoubles = kLanes / 2;
using Doubles = double __attribute__((vector_size(8 * kDoubles)));

// A block of `kRows` rows by `kVectors` vectors of columns.
template <int kRows, int kVectors>
PFF_INLINE void multiplyDoubles(const DoublesJob& job, Index row, Index column) {
  Doubles sums[kRows][kVectors] = {};
  const double* left = job.left + row * job.terms;
  const double* right = job.right + column;
  for (Index k = 0; k < job.terms; k++, right += job.columns) {
    Doubles b[kVectors];
    for (int v = 0; v < kVectors; v++) std::memcpy(&b[v], right + v * kDoubles, sizeof b[v]);
    for (int r = 0; r < kRows; r++)
      for (int v = 0; v < kVectors; v++) sums[r][v] += left[r * job.terms + k] * b[v];
  }
  for (int r = 0; r < kRows; r++)
    for (int v = 0; v < kVectors; v++)
      std::memcpy(job.out + (row + r) * job.columns + column + v * kDoubles, &sums[r][v], sizeof sums[r][v]);
}

// `kRows` rows, all columns that are wanted of the last of them.
template <int kRows>
PFF_INLINE void multiplyDoubleRows(const DoublesJob& job, Index row) {
  const Index wanted = job.lower && row + kRows < job.columns ? row + kRows : job.columns;
  Index column = 0;
  for (; column + 2 * kDoubles <= job.columns && column < wanted; column += 2 * kDoubles)
    multiplyDoubles<kRows, 2>(job, row, column);
  for (; column + kDoubles <= job.columns && column < wanted; column += kDoubles) multiplyDoubles<kRows, 1>(job, row, column);
  for (; column < wanted; column++) {
    for (Index r = row; r < row + kRows; r++) {
      double sum = 0;
      for (Index k = 0; k < job.terms; k++) sum += job.left[r * job.terms + k] * job.right[k * job.columns + column];
      job.out[r * job.columns + column] = sum;
    }
  }
}

// Blocks of kDoubleRows rows.
void doubleProducts(const DoublesJob& job, Index first, Index last) {
  for (Index row = first * kDoubleRows; row < last * kDoubleRows && row < job.rows; row += kDoubleRows) {
    if (row + kDoubleRows <= job.rows) {
      multiplyDoubleRows<kDoubleRows>(job, row);
    } else {
      for (Index r = row; r < job.rows; r++) multiplyDoubleRows<1>(job, r);
    }
  }
}

}  // namespace
}  // namespace pff
