// The functions that src/kernels/native/native.ts calls. Handles are externals; nothing is global, so any number of JavaScript
// threads may load this. A handle that is not closed is freed with its JavaScript object.
#include <algorithm>
#include <chrono>
#include <new>

#include "arguments.h"
#include "convolution.h"
#include "instruction-sets.h"

namespace pff {
namespace {

// What a handle is of: one of the other kind, taken for it, would be read as foreign memory.
enum class Kind : uint32_t { kBackend = 0x70666662, kDense = 0x70666664, kConvolution = 0x70666663 };

struct Backend {
  static constexpr Kind kKind = Kind::kBackend;
  Kind kind;
  const KernelTable* kernels;
  Precision precision;
  std::shared_ptr<Pool> pool;  // null once closed
};

struct Handle {
  static constexpr Kind kKind = Kind::kDense;
  Kind kind = kKind;
  std::unique_ptr<Dense> dense;  // null once closed
};

struct ConvolutionHandle {
  static constexpr Kind kKind = Kind::kConvolution;
  Kind kind = kKind;
  std::unique_ptr<Convolution> convolution;  // null once closed
};

// Tells the garbage collector what a small object holds on to.
void adjustMemory(napi_env env, Index bytes) {
  int64_t total = 0;
  napi_adjust_external_memory(env, bytes, &total);
}

void close(napi_env, Backend& backend) { backend.pool.reset(); }

void close(napi_env env, Handle& handle) {
  if (handle.dense) adjustMemory(env, -handle.dense->bytes());
  handle.dense.reset();
}

void close(napi_env env, ConvolutionHandle& handle) {
  if (handle.convolution) adjustMemory(env, -handle.convolution->bytes());
  handle.convolution.reset();
}

template <class T>
void destroy(napi_env env, void* data, void*) {
  T* object = static_cast<T*>(data);
  close(env, *object);
  delete object;
}

template <class T>
napi_value external(napi_env env, std::unique_ptr<T> object) {
  napi_value value = nullptr;
  check(napi_create_external(env, object.get(), destroy<T>, nullptr, &value));
  object.release();
  return value;
}

// `kind` comes first in all of them.
template <class T>
T& resourceAt(const Arguments& a, size_t i) {
  T* object = static_cast<T*>(a.external(i));
  if (object->kind != T::kKind) throw BadCall{"a handle of another kind was expected"};
  return *object;
}

Backend& backendAt(const Arguments& a, size_t i) {
  Backend& backend = resourceAt<Backend>(a, i);
  if (!backend.pool) throw BadCall{"these kernels were closed"};
  return backend;
}

Dense& denseAt(const Arguments& a, size_t i) {
  Handle& handle = resourceAt<Handle>(a, i);
  if (!handle.dense) throw BadCall{"this dense kernel was closed"};
  return *handle.dense;
}

Convolution& convolutionAt(const Arguments& a, size_t i) {
  ConvolutionHandle& handle = resourceAt<ConvolutionHandle>(a, i);
  if (!handle.convolution) throw BadCall{"this convolution was closed"};
  return *handle.convolution;
}

napi_value listOf(napi_env env, const std::vector<const char*>& names) {
  napi_value list = nullptr;
  check(napi_create_array(env, &list));
  uint32_t i = 0;
  for (const char* text : names) {
    napi_value name = nullptr;
    check(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &name));
    check(napi_set_element(env, list, i++, name));
  }
  return list;
}

// instructionSets() → names, best first
napi_value listInstructionSets(const Arguments& a) {
  std::vector<const char*> names;
  for (const KernelTable* set : instructionSets()) names.push_back(set->name);
  return listOf(a.env, names);
}

// builtSets() → names of all that this build has
napi_value listBuiltSets(const Arguments& a) { return listOf(a.env, builtSets()); }

Precision precisionFrom(const std::string& name) {
  if (name == "f32") return Precision::kF32;
  if (name == "bf16") return Precision::kBf16;
  if (name == "bf16-tile") return Precision::kBf16Tile;
  throw BadCall{"there is no such precision"};
}

// fastestFor(precision) → name, one of instructionSets()
napi_value fastest(const Arguments& a) {
  napi_value name = nullptr;
  check(napi_create_string_utf8(a.env, fastestFor(precisionFrom(a.text(0)))->name, NAPI_AUTO_LENGTH, &name));
  return name;
}

// openBackend(name, threads, worthSharing, precision) → backend; see Pool
napi_value openBackend(const Arguments& a) {
  const std::string name = a.text(0);
  const Index threads = a.index(1);
  const Index worthSharing = a.index(2);
  const KernelTable* kernels = instructionSet(name.c_str());
  if (!kernels) throw BadCall{"this CPU does not have that instruction set"};
  if (threads < 1 || threads > 1024) throw BadCall{"threads must be 1 to 1024"};
  return external(a.env, std::make_unique<Backend>(Backend{Backend::kKind, kernels, precisionFrom(a.text(3)), std::make_shared<Pool>(static_cast<int>(threads), worthSharing)}));
}

// closeBackend(backend)
napi_value closeBackend(const Arguments& a) {
  close(a.env, resourceAt<Backend>(a, 0));
  return nullptr;
}

Tensors tensorsFrom(const Arguments& a, size_t i) {
  return {a.floats(i), a.floats(i + 1), a.floats(i + 2), a.floats(i + 3), a.floats(i + 4), a.floats(i + 5)};
}

LayerInput inputFrom(const Arguments& a, size_t i) {
  const Given<uint32_t> rows = a.words(i + 1);
  return {a.constFloats(i), {rows.data, rows.length}, a.index(i + 2), a.index(i + 3), a.constFloats(i + 4)};
}

DeltaInput deltaFrom(const Arguments& a, size_t i) { return {a.constFloats(i), a.constFloats(i + 1)}; }

// openDense(backend, inputs, outputs, suffixInputs, maxRows, relu, fixedBias, ...six tensors) → dense
napi_value openDense(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const DenseShape shape{a.index(1), a.index(2), a.index(3), a.index(4), a.boolean(5), backend.precision, a.boolean(6)};
  auto handle = std::make_unique<Handle>();
  handle->dense = std::make_unique<Dense>(*backend.kernels, backend.pool, shape, tensorsFrom(a, 7));
  adjustMemory(a.env, handle->dense->bytes());
  return external(a.env, std::move(handle));
}

// The memory of an array that JavaScript frees, and who wants to know of it.
struct Block {
  Array<float> memory;
  bool* freed;
  Block(Index count, bool* freed) : memory(count), freed(freed) {}
};

constexpr Index kMostFloats = Index{1} << 30;  // 4 GiB, the most that a buffer of Node.js 20 has

// allocate(count) → Float32Array of zeros in memory that suits the kernels (see memory.h), freed with the array
napi_value allocate(const Arguments& a) {
  const double wanted = a.number(0);
  if (!(wanted >= 0)) throw BadCall{"allocate: a count is needed"};
  if (wanted > static_cast<double>(kMostFloats)) throw OutOfMemory{wanted * 4.0};  // more than an array of JavaScript can hold
  const Index count = static_cast<Index>(wanted);
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  bool freed = false;
  auto block = std::make_unique<Block>(std::max(count, Index{1}), &freed);
  napi_value buffer = nullptr;
  const auto release = [](napi_env, void*, void* hint) {
    Block* block = static_cast<Block*>(hint);
    if (block->freed) *block->freed = true;
    delete block;
  };
  const napi_status status =
      napi_create_external_arraybuffer(a.env, block->memory.data(), bytes, release, block.get(), &buffer);
  // Node.js frees a buffer that it refuses for its size, but not one that it refuses for other reasons.
  Block* taken = freed ? (block.release(), nullptr) : block.get();
  check(status);
  if (taken) taken->freed = nullptr;
  block.release();
  napi_value floats = nullptr;
  check(napi_create_typedarray(a.env, napi_float32_array, static_cast<size_t>(count), buffer, 0, &floats));
  return floats;
}

// closeDense(dense)
napi_value closeDense(const Arguments& a) {
  close(a.env, resourceAt<Handle>(a, 0));
  return nullptr;
}

// infer(dense, prefix, rows, batch, variants, suffix, activations, normalise, sumSquares)
napi_value infer(const Arguments& a) {
  denseAt(a, 0).infer(inputFrom(a, 1), a.floats(6), a.boolean(7), a.floats(8));
  return nullptr;
}

// forward(dense, prefix, rows, batch, variants, suffix, activations, sumSquares)
napi_value forward(const Arguments& a) {
  denseAt(a, 0).forward(inputFrom(a, 1), a.floats(6), a.floats(7));
  return nullptr;
}

// inputGradient(dense, activations, rowScale, values, out)
napi_value inputGradient(const Arguments& a) {
  denseAt(a, 0).inputGradient(a.constFloats(1), deltaFrom(a, 2), a.floats(4));
  return nullptr;
}

// update(dense, activations, rowScale, values, beta1, beta2, stepSize, epsilonSquared, keep)
napi_value update(const Arguments& a) {
  const float beta1 = a.f32(4);
  const float beta2 = a.f32(5);
  const Adam rule{beta1, beta2, 1.0f - beta1, 1.0f - beta2, a.f32(6), a.f32(7), a.f32(8)};
  denseAt(a, 0).update(a.constFloats(1), deltaFrom(a, 2), rule);
  return nullptr;
}

// updateSgd(dense, activations, rowScale, values, momentum, stepSize, keep)
napi_value updateSgd(const Arguments& a) {
  denseAt(a, 0).update(a.constFloats(1), deltaFrom(a, 2), Sgd{a.f32(4), a.f32(5), a.f32(6)});
  return nullptr;
}

// read(dense, ...six tensors)
napi_value read(const Arguments& a) {
  denseAt(a, 0).read(tensorsFrom(a, 1));
  return nullptr;
}

Moments momentsFrom(const Arguments& a, size_t i) { return {a.floats(i), a.floats(i + 1), a.floats(i + 2)}; }

ConvolutionTensors convolutionTensorsFrom(const Arguments& a, size_t i) {
  return {momentsFrom(a, i), momentsFrom(a, i + 3), momentsFrom(a, i + 6)};
}

ConvolutionInput convolutionInputFrom(const Arguments& a, size_t i) {
  return {a.constFloats(i), a.index(i + 1), a.index(i + 2), a.constFloats(i + 3)};
}

// openConvolution(backend, [channels, height, width, outputs, kernel, stride, padding, groups, labels], trained, fixedBias,
// ...nine tensors) → convolution
napi_value openConvolution(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const Given<uint32_t> sizes = a.words(1);
  if (!sizes.data) throw BadCall{"openConvolution: sizes are missing"};
  sizes.need(9, "openConvolution: nine sizes are needed");
  Index size[9];
  for (int i = 0; i < 9; i++) size[i] = static_cast<Index>(sizes.data[i]);
  const ConvolutionShape shape{size[0], size[1], size[2], size[3], size[4],      size[5],
                               size[6], size[7], size[8], a.boolean(2), a.boolean(3)};
  auto handle = std::make_unique<ConvolutionHandle>();
  handle->convolution = std::make_unique<Convolution>(*backend.kernels, backend.pool, backend.precision, shape, convolutionTensorsFrom(a, 4));
  adjustMemory(a.env, handle->convolution->bytes());
  return external(a.env, std::move(handle));
}

// closeConvolution(convolution)
napi_value closeConvolution(const Arguments& a) {
  close(a.env, resourceAt<ConvolutionHandle>(a, 0));
  return nullptr;
}

// convolve(convolution, rows, batch, variants, labels, out)
napi_value convolve(const Arguments& a) {
  convolutionAt(a, 0).forward(convolutionInputFrom(a, 1), a.floats(5));
  return nullptr;
}

// convolutionInputGradient(convolution, delta, rows, out)
napi_value convolutionInputGradient(const Arguments& a) {
  convolutionAt(a, 0).inputGradient(a.constFloats(1), a.index(2), a.floats(3));
  return nullptr;
}

// updateConvolution(convolution, rows, batch, variants, labels, delta, sums, beta1, beta2, stepSize, epsilonSquared, keep)
napi_value updateConvolution(const Arguments& a) {
  const float beta1 = a.f32(7);
  const float beta2 = a.f32(8);
  const Adam rule{beta1, beta2, 1.0f - beta1, 1.0f - beta2, a.f32(9), a.f32(10), a.f32(11)};
  convolutionAt(a, 0).update(convolutionInputFrom(a, 1), a.floats(5), a.constFloats(6), rule);
  return nullptr;
}

// updateConvolutionSgd(convolution, rows, batch, variants, labels, delta, sums, momentum, stepSize, keep)
napi_value updateConvolutionSgd(const Arguments& a) {
  const Sgd rule{a.f32(7), a.f32(8), a.f32(9)};
  convolutionAt(a, 0).update(convolutionInputFrom(a, 1), a.floats(5), a.constFloats(6), rule);
  return nullptr;
}

// readConvolution(convolution, ...nine tensors)
napi_value readConvolution(const Arguments& a) {
  convolutionAt(a, 0).read(convolutionTensorsFrom(a, 1));
  return nullptr;
}

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

// byRow, mean, scale, shift; the last three undefined where planes are not normalised.
Norm normFrom(const Arguments& a, size_t i, Index rows, const PlaneShape& shape) {
  const bool byRow = a.boolean(i);
  const Given<const float> mean = a.constFloats(i + 1);
  if (!mean.data) return {false, nullptr, nullptr, nullptr};
  const Given<const float> scale = a.constFloats(i + 2);
  const Given<const float> shift = a.constFloats(i + 3);
  if (!scale.data || !shift.data) throw BadCall{"planes: scale or shift is missing"};
  const Index count = checkedProduct(byRow ? rows : 1, shape.channels);
  mean.need(count, "planes: mean is too short");
  scale.need(count, "planes: scale is too short");
  shift.need(shape.channels, "planes: shift is too short");
  return {byRow, mean.data, scale.data, shift.data};
}

template <class T>
T* needed(const Given<T>& array, Index count, const char* what) {
  if (!array.data) throw BadCall{what};
  array.need(count, what);
  return array.data;
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

// finishPlanes(backend, z, rows, sizes, leak, byRow, mean, scale, shift, y, places)
napi_value finishPlanes(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, a.f32(4));
  const Index left = checkedProduct(rows, shape.outValues());
  const Given<float> places = a.floats(10);
  places.need(left, "finishPlanes: places is too short");
  const FinishJob job{needed(a.constFloats(1), checkedProduct(rows, shape.values()), "finishPlanes: z is too short"), shape,
                      normFrom(a, 5, rows, shape), needed(a.floats(9), left, "finishPlanes: y is too short"), places.data};
  runRows(backend, rows, backend.kernels->finishPlanes, job);
  return nullptr;
}

// backwardsPlanes(backend, z, rows, sizes, leak, byRow, mean, scale, shift, y, rowScale, values, places, out, sums1, sums2)
napi_value backwardsPlanes(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, a.f32(4));
  const Index left = checkedProduct(rows, shape.outValues());
  const Index values = checkedProduct(rows, shape.values());
  const Index channels = checkedProduct(rows, shape.channels);
  const Given<const float> y = a.constFloats(9);
  const Given<const float> rowScale = a.constFloats(10);
  const Given<const float> given = a.constFloats(11);
  const Given<const float> places = a.constFloats(12);
  y.need(left, "backwardsPlanes: y is too short");
  rowScale.need(rows, "backwardsPlanes: rowScale is too short");
  given.need(left, "backwardsPlanes: values is too short");
  places.need(left, "backwardsPlanes: places is too short");
  if (rowScale.data ? !y.data : !given.data) throw BadCall{"backwardsPlanes: delta is missing"};
  if (shape.pool == PlaneShape::kMax && !places.data) throw BadCall{"backwardsPlanes: places are missing"};
  const BackwardsJob job{y.data, rowScale.data, given.data, needed(a.constFloats(1), values, "backwardsPlanes: z is too short"), shape,
                         normFrom(a, 5, rows, shape), places.data, needed(a.floats(13), values, "backwardsPlanes: out is too short"),
                         needed(a.floats(14), channels, "backwardsPlanes: sums1 is too short"),
                         needed(a.floats(15), channels, "backwardsPlanes: sums2 is too short")};
  runRows(backend, rows, backend.kernels->backwardsPlanes, job);
  return nullptr;
}

// normBackwards(backend, z, rows, sizes, byRow, mean, scale, shift, a, b, values, sums)
napi_value normBackwards(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const Index rows = a.index(2);
  const PlaneShape shape = planeShapeFrom(a, 3, 0.0f);
  const Norm norm = normFrom(a, 4, rows, shape);
  if (!norm.mean) throw BadCall{"normBackwards: mean is missing"};
  const Index count = checkedProduct(norm.byRow ? rows : 1, shape.channels);
  const Index values = checkedProduct(rows, shape.values());
  const NormBackwardsJob job{needed(a.constFloats(1), values, "normBackwards: z is too short"), shape, norm,
                             needed(a.constFloats(8), count, "normBackwards: a is too short"),
                             needed(a.constFloats(9), count, "normBackwards: b is too short"),
                             needed(a.floats(10), values, "normBackwards: values is too short"),
                             needed(a.floats(11), checkedProduct(rows, shape.channels), "normBackwards: sums is too short")};
  runRows(backend, rows, backend.kernels->normBackwards, job);
  return nullptr;
}

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

// dropout(backend, values, rows, count, width, name, threshold, scale, out, sumSquares)
napi_value dropout(const Arguments& a) {
  Backend& backend = backendAt(a, 0);
  const Given<const float> values = a.constFloats(1);
  const Given<uint32_t> rows = a.words(2);
  const Index count = a.index(3);
  const Index width = a.index(4);
  const Given<uint32_t> name = a.words(5);
  const Index threshold = a.index(6);
  const Given<float> out = a.floats(8);
  const Given<float> sumSquares = a.floats(9);
  if (!values.data || !name.data || !out.data || width < 1 || threshold > 65535)
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
                       a.f32(7),    out.data};
  backend.pool->run(count, std::max(Index{16}, count / (4 * backend.pool->threads())), [&](Index first, Index last, int) {
    backend.kernels->dropout(job, first, last);
    if (sumSquares.data) backend.kernels->sumRows(out.data, width, first, last, sumSquares.data);
  });
  return nullptr;
}

// measurePeak(backend, milliseconds) → multiply-adds of one core in a second
napi_value measurePeak(const Arguments& a) {
  const Backend& backend = backendAt(a, 0);
  const double wanted = a.number(1) / 1000.0;
  if (!(wanted >= 0.0 && wanted <= 60.0)) throw BadCall{"measurePeak: at most a minute"};
  float sink = 1.0f;
  double done = 0.0;
  double seconds = 0.0;
  const auto start = std::chrono::steady_clock::now();
  do {
    done += backend.kernels->peak(20000, &sink);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  } while (seconds < wanted);
  napi_value value = nullptr;
  check(napi_create_double(a.env, sink == 0.0f ? 0.0 : done / seconds, &value));
  return value;
}

napi_value init(napi_env env, napi_value exports) {
  const auto method = [](const char* name, napi_callback callback) {
    return napi_property_descriptor{name, nullptr, callback, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
  };
  const napi_property_descriptor methods[] = {
      method("instructionSets", guarded<listInstructionSets>),
      method("builtSets", guarded<listBuiltSets>),
      method("fastestFor", guarded<fastest>),
      method("openBackend", guarded<openBackend>),
      method("closeBackend", guarded<closeBackend>),
      method("openDense", guarded<openDense>),
      method("closeDense", guarded<closeDense>),
      method("allocate", guarded<allocate>),
      method("infer", guarded<infer>),
      method("forward", guarded<forward>),
      method("inputGradient", guarded<inputGradient>),
      method("update", guarded<update>),
      method("updateSgd", guarded<updateSgd>),
      method("read", guarded<read>),
      method("stageBytes", guarded<stageBytes>),
      method("dropout", guarded<dropout>),
      method("openConvolution", guarded<openConvolution>),
      method("closeConvolution", guarded<closeConvolution>),
      method("convolve", guarded<convolve>),
      method("convolutionInputGradient", guarded<convolutionInputGradient>),
      method("updateConvolution", guarded<updateConvolution>),
      method("updateConvolutionSgd", guarded<updateConvolutionSgd>),
      method("readConvolution", guarded<readConvolution>),
      method("planeSums", guarded<planeSums>),
      method("finishPlanes", guarded<finishPlanes>),
      method("backwardsPlanes", guarded<backwardsPlanes>),
      method("normBackwards", guarded<normBackwards>),
      method("finishRows", guarded<finishRows>),
      method("measurePeak", guarded<measurePeak>),
  };
  napi_define_properties(env, exports, sizeof methods / sizeof methods[0], methods);
  return exports;
}

}  // namespace
}  // namespace pff

NAPI_MODULE_INIT() { return pff::init(env, exports); }
