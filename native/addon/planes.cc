// What stands around a convolution in a block: norms, activations and pools of planes, and their gradients.
#include "handles.h"

namespace pff {
namespace {

// [channels, height, width, pool, size, stride, outHeight, outWidth], and leak
PlaneShape planeShapeFrom(const Arguments& a, size_t i, float leak) {
  const Given<uint32_t> sizes = a.words(i);
  if (!sizes.data) throw BadCall{"planes: sizes are missing"};
  sizes.need(8, "planes: eight sizes are needed");
  Index size[8];
  for (int k = 0; k < 8; k++) size[k] = static_cast<Index>(sizes.data[k]);
  if (size[3] > PlaneShape::kAverage) throw BadCall{"planes: there is no such pool"};
  const PlaneShape shape{size[0], size[1], size[2], static_cast<PlaneShape::Pool>(size[3]), size[4], size[5], size[6], size[7], leak};
  const auto fits = [&](Index out, Index side) { return out >= 1 && checkedProduct(out - 1, shape.stride) + shape.size <= side; };
  if (shape.channels < 1 || shape.size < 1 || shape.stride < 1 || !fits(shape.outHeight, shape.height) || !fits(shape.outWidth, shape.width))
    throw BadCall{"planes: bad sizes"};
  if (shape.pool == PlaneShape::kNone && (shape.size != 1 || shape.outHeight != shape.height || shape.outWidth != shape.width))
    throw BadCall{"planes: bad sizes"};
  checkedProduct(checkedProduct(shape.height, shape.width), shape.channels);
  return shape;
}

// byRow, mean, scale, shift, inverse; all but the first undefined where planes are not normalised, the last unless by position.
Norm normFrom(const Arguments& a, size_t i, Index rows, const PlaneShape& shape) {
  const bool byRow = a.boolean(i);
  const Given<const float> mean = a.constFloats(i + 1);
  if (!mean.data) return {false, nullptr, nullptr, nullptr, nullptr};
  const Given<const float> scale = a.constFloats(i + 2);
  const Given<const float> shift = a.constFloats(i + 3);
  const Given<const float> inverse = a.constFloats(i + 4);
  if (!scale.data || !shift.data) throw BadCall{"planes: scale or shift is missing"};
  if (byRow && inverse.data) throw BadCall{"planes: a norm is by row or by position"};
  const Index count = checkedProduct(byRow ? rows : 1, shape.channels);
  const Index positions = checkedProduct(rows, shape.positions());
  mean.need(inverse.data ? positions : count, "planes: mean is too short");
  inverse.need(positions, "planes: inverse is too short");
  scale.need(count, "planes: scale is too short");
  shift.need(shape.channels, "planes: shift is too short");
  return {byRow, mean.data, scale.data, shift.data, inverse.data};
}

template <class Job>
void runRows(const Backend& backend, Index rows, void (*kernel)(const Job&, Index, Index), const Job& job) {
  const Index grain = std::max(Index{1}, rows / (8 * backend.pool->threads()));
  backend.pool->run(rows, grain, [&](Index first, Index last, int) { kernel(job, first, last); });
}

// planeSums(backend, z, rows, sizes, mean, byRow, out)
napi_value planeSums(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, 0.0f);
  const bool byRow = a.boolean(5);
  const Given<const float> mean = a.constFloats(4);
  mean.need(checkedProduct(byRow ? rows : 1, shape.channels), "planeSums: mean is too short");
  const PlaneSumsJob job{needed(a.constFloats(1), checkedProduct(rows, shape.values()), "planeSums: z is too short"), shape, mean.data, byRow,
                         needed(a.floats(6), checkedProduct(rows, shape.channels), "planeSums: out is too short")};
  runRows(backend, rows, backend.kernels->planeSums, job);
  return nullptr;
}

// finishPlanes(backend, z, rows, sizes, leak, byRow, mean, scale, shift, inverse, y, places)
napi_value finishPlanes(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, a.f32(4));
  const Index left = checkedProduct(rows, shape.outValues());
  const Given<float> places = a.floats(11);
  places.need(left, "finishPlanes: places is too short");
  const FinishJob job{needed(a.constFloats(1), checkedProduct(rows, shape.values()), "finishPlanes: z is too short"), shape,
                      normFrom(a, 5, rows, shape), needed(a.floats(10), left, "finishPlanes: y is too short"), places.data};
  runRows(backend, rows, backend.kernels->finishPlanes, job);
  return nullptr;
}

// backwardsPlanes(backend, z, rows, sizes, leak, byRow, mean, scale, shift, inverse, y, rowScale, values, places, out, sums1, sums2)
napi_value backwardsPlanes(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, a.f32(4));
  const Index left = checkedProduct(rows, shape.outValues());
  const Index values = checkedProduct(rows, shape.values());
  const Index channels = checkedProduct(rows, shape.channels);
  const Given<const float> y = a.constFloats(10);
  const Given<const float> rowScale = a.constFloats(11);
  const Given<const float> given = a.constFloats(12);
  const Given<const float> places = a.constFloats(13);
  y.need(left, "backwardsPlanes: y is too short");
  rowScale.need(rows, "backwardsPlanes: rowScale is too short");
  given.need(left, "backwardsPlanes: values is too short");
  places.need(left, "backwardsPlanes: places is too short");
  if (rowScale.data ? !y.data : !given.data) throw BadCall{"backwardsPlanes: delta is missing"};
  if (shape.pool == PlaneShape::kMax && !places.data) throw BadCall{"backwardsPlanes: places are missing"};
  const BackwardsJob job{y.data, rowScale.data, given.data, needed(a.constFloats(1), values, "backwardsPlanes: z is too short"), shape,
                         normFrom(a, 5, rows, shape), places.data, needed(a.floats(14), values, "backwardsPlanes: out is too short"),
                         needed(a.floats(15), channels, "backwardsPlanes: sums1 is too short"),
                         needed(a.floats(16), channels, "backwardsPlanes: sums2 is too short")};
  runRows(backend, rows, backend.kernels->backwardsPlanes, job);
  return nullptr;
}

// normBackwards(backend, z, rows, sizes, byRow, mean, scale, shift, inverse, a, b, values, sums)
napi_value normBackwards(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, 0.0f);
  const Norm norm = normFrom(a, 4, rows, shape);
  if (!norm.mean || norm.inverse) throw BadCall{"normBackwards: mean is missing, or the norm is by position"};
  const Index count = checkedProduct(norm.byRow ? rows : 1, shape.channels);
  const Index values = checkedProduct(rows, shape.values());
  const NormBackwardsJob job{needed(a.constFloats(1), values, "normBackwards: z is too short"), shape, norm,
                             needed(a.constFloats(9), count, "normBackwards: a is too short"),
                             needed(a.constFloats(10), count, "normBackwards: b is too short"),
                             needed(a.floats(11), values, "normBackwards: values is too short"),
                             needed(a.floats(12), checkedProduct(rows, shape.channels), "normBackwards: sums is too short")};
  runRows(backend, rows, backend.kernels->normBackwards, job);
  return nullptr;
}

// positionSums(backend, z, rows, sizes, centred, mean, inverse)
napi_value positionSums(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, 0.0f);
  const Index positions = checkedProduct(rows, shape.positions());
  const PositionSumsJob job{needed(a.constFloats(1), checkedProduct(rows, shape.values()), "positionSums: z is too short"), shape, a.boolean(4),
                            needed(a.floats(5), positions, "positionSums: mean is too short"),
                            needed(a.floats(6), positions, "positionSums: inverse is too short")};
  runRows(backend, rows, backend.kernels->positionSums, job);
  return nullptr;
}

// positionBackwards(backend, z, rows, sizes, byRow, mean, scale, shift, inverse, centred, values, sums)
napi_value positionBackwards(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, 0.0f);
  const Norm norm = normFrom(a, 4, rows, shape);
  if (!norm.inverse) throw BadCall{"positionBackwards: inverse is missing"};
  const Index values = checkedProduct(rows, shape.values());
  const PositionBackwardsJob job{needed(a.constFloats(1), values, "positionBackwards: z is too short"), shape, norm, a.boolean(9),
                                 needed(a.floats(10), values, "positionBackwards: values is too short"),
                                 needed(a.floats(11), checkedProduct(rows, shape.channels), "positionBackwards: sums is too short")};
  runRows(backend, rows, backend.kernels->positionBackwards, job);
  return nullptr;
}

}  // namespace

void definePlanes(napi_env env, napi_value exports) {
  define(env, exports, {
                           method("planeSums", guarded<planeSums>),
                           method("finishPlanes", guarded<finishPlanes>),
                           method("backwardsPlanes", guarded<backwardsPlanes>),
                           method("normBackwards", guarded<normBackwards>),
                           method("positionSums", guarded<positionSums>),
                           method("positionBackwards", guarded<positionBackwards>),
                       });
}

}  // namespace pff
