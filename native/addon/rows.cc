// Rows of values: staging of images, dropout, sums of squares and unit length, averages of planes, products of doubles.
#include "handles.h"

namespace pff {
namespace {

// Indexes of rows below `available`, in memory that nobody else writes; nothing where none are given, and then there must be `count` rows.
class RowList {
 public:
  RowList(const Given<uint32_t>& rows, Index count, Index available, const char* what) {
    if (!rows.data) {
      if (available < count) throw BadCall{what};
      return;
    }
    rows.need(count, what);
    checked_.reserve(std::max(count, Index{1}));
    for (Index r = 0; r < count; r++) {
      checked_.data()[r] = rows.data[r];
      if (static_cast<Index>(checked_.data()[r]) >= available) throw BadCall{what};
    }
    list_ = checked_.data();
  }
  const uint32_t* list() const { return list_; }

 private:
  Array<uint32_t> checked_;
  const uint32_t* list_ = nullptr;
};

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
  const RowList list(rows, rows.length, available, "stageBytes: a row index is out of range");
  const StageJob job{bytes.data, width, skip, list.list(), scale.data, out.data};
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
  const RowList list(rows, count, values.length / width, "dropout: values is too short, or a row index is out of range");
  uint32_t words[5];
  std::copy(name.data, name.data + 5, words);
  const DropoutJob job{values.data, list.list(), width, words, static_cast<uint32_t>(threshold),
                       mask.f32(2), out.data, channels};
  backend.pool->run(count, std::max(Index{16}, count / (4 * backend.pool->threads())), [&](Index first, Index last, int) {
    backend.kernels->dropout(job, first, last);
    if (sumSquares.data) backend.kernels->sumRows(out.data, width, first, last, sumSquares.data);
  });
  return nullptr;
}

// turnRows(backend, values, rows, count, channels, positions, out)
napi_value turnRows(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Given<const float> values = a.constFloats(1);
  const Index count = a.index(3);
  const Index channels = a.index(4);
  const Index positions = a.index(5);
  const Index size = checkedProduct(channels, positions);
  if (!values.data || size < 1) throw BadCall{"turnRows: bad arguments"};
  const RowList list(a.words(2), count, values.length / size, "turnRows: values is too short, or a row index is out of range");
  const TurnRowsJob job{values.data, list.list(), channels, positions,
                        needed(a.floats(6), checkedProduct(count, size), "turnRows: out is too short")};
  backend.pool->run(count, std::max(Index{8}, count / (8 * backend.pool->threads())),
                    [&](Index first, Index last, int) { backend.kernels->turnRows(job, first, last); });
  return nullptr;
}

// [channels, height, width, side]
AverageJob averageJobFrom(const Arguments& a, size_t i) {
  const Given<uint32_t> sizes = a.words(i);
  if (!sizes.data) throw BadCall{"averages: sizes are missing"};
  sizes.need(4, "averages: four sizes are needed");
  Index size[4];
  for (int k = 0; k < 4; k++) size[k] = static_cast<Index>(sizes.data[k]);
  if (*std::min_element(size, size + 4) < 1) throw BadCall{"averages: bad sizes"};
  checkedProduct(checkedProduct(size[0], size[1]), size[2]);
  return {nullptr, nullptr, size[0], size[1], size[2], size[3], nullptr, nullptr};
}

void runAverages(const Backend& backend, Index count, void (*kernel)(const AverageJob&, Index, Index), const AverageJob& job) {
  backend.pool->run(count, std::max(Index{1}, count / (8 * backend.pool->threads())),
                    [&](Index first, Index last, int) { kernel(job, first, last); });
}

// averagePlanes(backend, values, rows, count, sizes, averages)
napi_value averagePlanes(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  AverageJob job = averageJobFrom(a, 4);
  const Given<const float> values = a.constFloats(1);
  const Index count = a.index(3);
  if (!values.data) throw BadCall{"averagePlanes: values are missing"};
  const RowList list(a.words(2), count, values.length / job.valuesOfRow(), "averagePlanes: values is too short, or a row index is out of range");
  job.values = values.data;
  job.rows = list.list();
  job.averages = needed(a.floats(5), checkedProduct(count, job.averagesOfRow()), "averagePlanes: averages is too short");
  runAverages(backend, count, backend.kernels->averagePlanes, job);
  return nullptr;
}

// spreadAverages(backend, averages, count, sizes, out)
napi_value spreadAverages(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  AverageJob job = averageJobFrom(a, 3);
  const Index count = a.index(2);
  job.averages = needed(a.floats(1), checkedProduct(count, job.averagesOfRow()), "spreadAverages: averages is too short");
  job.spread = needed(a.floats(4), checkedProduct(count, job.valuesOfRow()), "spreadAverages: out is too short");
  runAverages(backend, count, backend.kernels->spreadAverages, job);
  return nullptr;
}

// doubleProducts(backend, left, right, rows, terms, columns, lower, out)
napi_value doubleProducts(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(3);
  const Index terms = a.index(4);
  const Index columns = a.index(5);
  const DoublesJob job{needed(a.doubles(1), checkedProduct(rows, terms), "doubleProducts: left is too short"),
                       needed(a.doubles(2), checkedProduct(terms, columns), "doubleProducts: right is too short"),
                       rows, terms, columns, a.boolean(6),
                       needed(a.doubles(7), checkedProduct(rows, columns), "doubleProducts: out is too short")};
  backend.pool->run(blocksOf(rows, kDoubleRows), 1,
                    [&](Index first, Index last, int) { backend.kernels->doubleProducts(job, first, last); });
  return nullptr;
}

}  // namespace

void defineRows(napi_env env, napi_value exports) {
  define(env, exports, {
                           method("finishRows", guarded<finishRows>),
                           method("stageBytes", guarded<stageBytes>),
                           method("dropout", guarded<dropout>),
                           method("turnRows", guarded<turnRows>),
                           method("averagePlanes", guarded<averagePlanes>),
                           method("spreadAverages", guarded<spreadAverages>),
                           method("doubleProducts", guarded<doubleProducts>),
                       });
}

}  // namespace pff
