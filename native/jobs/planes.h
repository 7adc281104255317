// Jobs of what follows a convolution in its stage: normalisation, activation and pool, forwards and backwards.
#pragma once
#include "../layout.h"

namespace pff {

// Planes with their channels last, and the pool after them; see src/kernels/block/contract.ts.
struct PlaneShape {
  enum Pool : uint32_t { kNone, kMax, kAverage };
  Index channels, height, width;
  Pool pool;
  Index size, stride;        // of the pool; 1 where there is none
  Index outHeight, outWidth;
  float leak;

  Index positions() const { return height * width; }
  Index values() const { return positions() * channels; }
  Index outValues() const { return outHeight * outWidth * channels; }
};

// mean is null where planes are not normalised; by row, mean and scale are [R, O]. By position, mean and inverse are [R, H · W] and scale
// is gamma; else inverse is null.
struct Norm {
  bool byRow;
  const float* mean;
  const float* scale;
  const float* shift;
  const float* inverse = nullptr;
};

struct PlaneSumsJob {
  const float* z;     // [R, H, W, O]
  PlaneShape shape;
  const float* mean;  // null for plain sums
  bool byRow;
  float* sums;        // [R, O]
};

struct FinishJob {
  const float* z;
  PlaneShape shape;
  Norm norm;
  float* y;       // [R, outHeight, outWidth, O]
  float* places;  // of maxima in their windows, as numbers; or null
};

struct BackwardsJob {
  const float* y;         // what left; null within a block
  const float* rowScale;  // [R], or null and
  const float* values;    // as y
  const float* z;
  PlaneShape shape;
  Norm norm;
  const float* places;
  float* out;    // as z
  float* sums1;  // [R, O]
  float* sums2;
};

struct NormBackwardsJob {
  const float* z;
  PlaneShape shape;
  Norm norm;
  const float* a;  // [O], or [R, O] by row
  const float* b;
  float* values;   // as z
  float* sums;     // [R, O]
};

// Rule 9 by position. `mean` is 0 unless the values are centred.
struct PositionSumsJob {
  const float* z;
  PlaneShape shape;
  bool centred;
  float* mean;     // [R, H · W]
  float* inverse;
};

// Rule 11 by position: du to dz in place.
struct PositionBackwardsJob {
  const float* z;
  PlaneShape shape;
  Norm norm;
  bool centred;
  float* values;   // as z
  float* sums;     // [R, O]
};

}  // namespace pff
