// Rows of values: staging of images, dropout, sums of squares and unit length.
#include "handles.h"

namespace pff {
namespace {

// finishRows(backend, values, rows, width, normalise, sumSquares)
napi_value finishRows(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const Index width = a.index(3);
  const bool normalise = a.boolean(4);
  float* values = needed(a.floats(1), checkedProduct(rows, width), "finishRows: values is too short");
  float* sums = needed(a.floats(5), rows, "finishRows: sumSquares is too short");
  backend.pool->run(rows, std::max(Index{4}, rows / (8 * backend.pool->threads())), [&](Index first, Index last, int) {
    backend.kernels->sumRows(values, width, first, last, sums);
    if (normalise) backend.kernels->normaliseRows(values, width, sums, first, last);
  });
  return nullptr;
}

// stageBytes(backend, bytes, width, skip, rows, scale, out)
napi_value stageBytes(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const Given<uint8_t> bytes = a.bytes(1);
  const Index width = a.index(2);
  const Index skip = a.index(3);
  const Given<uint32_t> rows = a.words(4);
  const Given<float> scale = a.floats(5);
  const Given<float> out = a.floats(6);
  if (!bytes.data || !rows.data || !scale.data || !out.data || width < 1 || skip > width)
    throw BadCall{"stageBytes: bad arguments"};
  out.need(checkedProduct(rows.length, width - skip), "stageBytes: out is too short");
  const Index available = std::min(bytes.length / width, scale.length);
  Array<uint32_t> checked;
  checked.reserve(std::max(rows.length, Index{1}));
  for (Index b = 0; b < rows.length; b++) {
    const uint32_t row = rows.data[b];
    if (static_cast<Index>(row) >= available) throw BadCall{"stageBytes: a row index is out of range"};
    checked.data()[b] = row;
  }
  const StageJob job{bytes.data, width, skip, checked.data(), scale.data, out.data};
  backend.pool->run(rows.length, std::max(Index{64}, rows.length / (8 * backend.pool->threads())),
                    [&](Index first, Index last, int) { backend.kernels->stage(job, first, last); });
  return nullptr;
}

// dropout(backend, { values, rows, count, width, channels }, { name, threshold, scale }, out, sumSquares)
napi_value dropout(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const Arguments input = a.fields(1, {"values", "rows", "count", "width", "channels"});
  const Arguments mask = a.fields(2, {"name", "threshold", "scale"});
  const Given<const float> values = input.constFloats(0);
  const Given<uint32_t> rows = input.words(1);
  const Index count = input.index(2);
  const Index width = input.index(3);
  const Index channels = input.index(4);
  const Given<uint32_t> name = mask.words(0);
  const Index threshold = mask.index(1);
  const Given<float> out = a.floats(3);
  const Given<float> sumSquares = a.floats(4);
  if (!values.data || !name.data || !out.data || width < 1 || channels < 1 || width % channels != 0 ||
      threshold > 65535)
    throw BadCall{"dropout: bad arguments"};
  name.need(5, "dropout: the name has five words");
  out.need(checkedProduct(count, width), "dropout: out is too short");
  sumSquares.need(count, "dropout: sumSquares is too short");
  Array<uint32_t> checked;
  if (rows.data) {
    rows.need(count, "dropout: too few row indexes");
    checked.reserve(std::max(count, Index{1}));
    for (Index r = 0; r < count; r++) {
      checked.data()[r] = rows.data[r];
      if (static_cast<Index>(checked.data()[r]) >= values.length / width)
        throw BadCall{"dropout: a row index is out of range"};
    }
  } else {
    values.need(checkedProduct(count, width), "dropout: values is too short");
  }
  uint32_t words[5];
  std::copy(name.data, name.data + 5, words);
  const DropoutJob job{values.data, rows.data ? checked.data() : nullptr, width, words, static_cast<uint32_t>(threshold),
                       mask.f32(2), out.data, channels};
  backend.pool->run(count, std::max(Index{16}, count / (4 * backend.pool->threads())), [&](Index first, Index last, int) {
    backend.kernels->dropout(job, first, last);
    if (sumSquares.data) backend.kernels->sumRows(out.data, width, first, last, sumSquares.data);
  });
  return nullptr;
}

}  // namespace

void defineRows(napi_env env, napi_value exports) {
  define(env, exports, {
                           method("finishRows", guarded<finishRows>),
                           method("stageBytes", guarded<stageBytes>),
                           method("dropout", guarded<dropout>),
                       });
}

}  // namespace pff
