// Runs a convolution; see convolution.h.
#include "convolution.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pff {

namespace {

// Floats of a piece's packed patches: well within the second-level cache, and enough rows to use each weight often.
constexpr Index kPieceFloats = Index{1} << 18;
constexpr Index kLeastPiece = 128;
constexpr Index kMostPiece = 1024;
// Of any size, so that products of two cannot overflow before they are checked.
constexpr Index kMostSide = Index{1} << 24;

void needExactly(const Given<float>& array, Index count) {
  if (!array.data || array.length != count) throw BadCall{"convolution: an array has the wrong length"};
}

}  // namespace

Convolution::Convolution(const KernelTable& kernels, std::shared_ptr<Pool> pool, Precision precision,
                         const ConvolutionShape& shape, const ConvolutionTensors& tensors)
    : kernels_(kernels), pool_(std::move(pool)), precision_(precision), shape_(shape), form_(kernels.form(precision)) {
  for (Index size : {shape.channels, shape.height, shape.width, shape.outputs, shape.kernel, shape.stride, shape.groups})
    if (size < 1 || size > kMostSide) throw BadCall{"openConvolution: bad sizes"};
  if (shape.labels < 0 || shape.labels > kMostSide || shape.padding < 0 || shape.padding >= shape.kernel || shape.channels % shape.groups != 0 ||
      shape.outputs % shape.groups != 0 || shape.height + 2 * shape.padding < shape.kernel ||
      shape.width + 2 * shape.padding < shape.kernel)
    throw BadCall{"openConvolution: bad sizes"};
  checkedProduct(checkedProduct(shape.height, shape.width), shape.channels);
  checkedProduct(checkedProduct(shape.outHeight(), shape.outWidth()), shape.outputs);
  checkedProduct(checkedProduct(shape.kernel, shape.kernel), shape.channels);
  checkTensors(tensors);
  const Index patch = shape.patch();
  openFrames();
  if (form_.samples == kTileForm.samples) openSpreadTiles();
  piece_ = frames_.images > 0 ? frames_.positions : std::clamp(kPieceFloats / patch / 32 * 32, kLeastPiece, kMostPiece);
  lanes_.reset(new Lane[static_cast<size_t>(pool_->threads())]);
  inBlock_.reserve(piece_);
  for (Index i = 0; i < piece_; i++) inBlock_.data()[i] = static_cast<uint32_t>(i % form_.samples);

  if (shape.trained) openBatch();

  const Index each = shape.each();
  const Index inputs = patch + shape.labels;
  std::vector<float> weights[3];
  for (auto& made : weights) made.resize(static_cast<size_t>(inputs * each));
  for (Index g = 0; g < shape.groups; g++) {
    const auto fill = [&](std::vector<float>& to, const Given<float>& weight, const Given<float>& label) {
      std::copy_n(weight.data + g * patch * each, patch * each, to.begin());
      for (Index l = 0; l < shape.labels; l++)
        std::copy_n(label.data + l * shape.outputs + g * each, each, to.begin() + (patch + l) * each);
    };
    fill(weights[0], tensors.weight.value, tensors.label.value);
    if (shape.trained) {
      fill(weights[1], tensors.weight.moment1, tensors.label.moment1);
      fill(weights[2], tensors.weight.moment2, tensors.label.moment2);
    }
    const auto whole = [&](std::vector<float>& made) { return Given<float>{made.data(), inputs * each}; };
    const auto part = [&](const Given<float>& all) { return Given<float>{all.data ? all.data + g * each : nullptr, each}; };
    const DenseShape dense{inputs, each, shape.labels, shape.trained ? piece_ : 0, false, precision, shape.fixedBias, false};
    groups_.push_back(std::make_unique<Dense>(
        kernels_, pool_, dense,
        Tensors{whole(weights[0]), part(tensors.bias.value), whole(weights[1]), whole(weights[2]),
                part(tensors.bias.moment1), part(tensors.bias.moment2)}));
  }
}

// Room for a piece in training.
void Convolution::openBatch() {
  checkedProduct(shape_.patch() + form_.inputs, piece_ + form_.samples);
  const Index words = form_.batchWords(piece_, shape_.patch());
  if (frames_.images == 0 && form_.pair == 1) x_.reserve(words);
  if (form_.pair > 1) xGradient_.reserve(words);
  for (Index t = 0; t < pool_->threads(); t++)
    lanes_[static_cast<size_t>(t)].update.reserve(updateScratch(piece_, form_, shape_.labels, kernels_.lanes));
}

void Convolution::checkTensors(const ConvolutionTensors& tensors) const {
  const Index weights = checkedProduct(shape_.patch(), shape_.outputs);
  const auto exactly = [&](const Moments& moments, Index count) {
    needExactly(moments.value, count);
    if (!shape_.trained) return;
    needExactly(moments.moment1, count);
    needExactly(moments.moment2, count);
  };
  exactly(tensors.weight, weights);
  exactly(tensors.label, checkedProduct(shape_.labels, shape_.outputs));
  exactly(tensors.bias, shape_.outputs);
}

void Convolution::read(const ConvolutionTensors& into) const {
  checkTensors(into);
  const Index patch = shape_.patch();
  const Index each = shape_.each();
  const Index inputs = patch + shape_.labels;
  std::vector<float> weights[3];
  for (auto& made : weights) made.resize(static_cast<size_t>(inputs * each));
  for (Index g = 0; g < shape_.groups; g++) {
    const auto whole = [&](std::vector<float>& made) { return Given<float>{made.data(), inputs * each}; };
    const auto part = [&](const Given<float>& all) { return Given<float>{all.data ? all.data + g * each : nullptr, each}; };
    groups_[static_cast<size_t>(g)]->read({whole(weights[0]), part(into.bias.value), whole(weights[1]), whole(weights[2]),
                                           part(into.bias.moment1), part(into.bias.moment2)});
    const auto give = [&](const std::vector<float>& from, const Given<float>& weight, const Given<float>& label) {
      std::copy_n(from.begin(), patch * each, weight.data + g * patch * each);
      for (Index l = 0; l < shape_.labels; l++)
        std::copy_n(from.begin() + (patch + l) * each, each, label.data + l * shape_.outputs + g * each);
    };
    give(weights[0], into.weight.value, into.label.value);
    if (!shape_.trained) continue;
    give(weights[1], into.weight.moment1, into.label.moment1);
    give(weights[2], into.weight.moment2, into.label.moment2);
  }
}

Index Convolution::bytes() const {
  const auto all = [](const auto&... arrays) { return (arrays.bytes() + ...); };
  const Frames& f = frames_;
  Index sum = all(x_, xGradient_, sums_, others_, deltas_, turned_, inBlock_, f.at, f.taps, f.planeAt, f.planeTaps, f.spreadAt, f.spreadTaps, f.pixels);
  for (Index t = 0; t < pool_->threads(); t++) {
    const Lane& lane = lanes_[static_cast<size_t>(t)];
    sum += all(lane.patches, lane.packed, lane.y, lane.delta, lane.transposed, lane.rows, lane.frame, lane.update, lane.labels);
  }
  for (const auto& group : groups_) sum += group->bytes();
  return sum;
}

void Convolution::checkInput(const ConvolutionInput& input) const {
  if (input.batch < 0 || input.variants < 1) throw BadCall{"convolution: bad batch or variants"};
  const Index rows = checkedProduct(input.batch, input.variants);
  if (!input.rows.data) throw BadCall{"convolution: rows are missing"};
  input.rows.need(checkedProduct(input.batch, shape_.values()), "convolution: too few rows");
  if (shape_.labels == 0) return;
  if (!input.labels.data) throw BadCall{"convolution: labels are missing"};
  input.labels.need(checkedProduct(rows, shape_.labels), "convolution: too few labels");
}

// Patches of `count` positions of the batch, from `first` on, of one group.
void Convolution::makePatches(const float* rows, Index first, Index count, Index group, float* to) const {
  const Index kernel = shape_.kernel;
  const Index channels = shape_.channels / shape_.groups;
  const Index outWidth = shape_.outWidth();
  const Index positions = shape_.positions();
  Index b = first / positions;
  Index y = first % positions / outWidth;
  Index x = first % outWidth;
  for (Index i = 0; i < count; i++) {
    const float* image = rows + b * shape_.values() + group * channels;
    const Index left = x * shape_.stride - shape_.padding;
    const Index from = std::max(Index{0}, -left);
    const Index until = std::min(kernel, shape_.width - left);
    for (Index dy = 0; dy < kernel; dy++, to += kernel * channels) {
      const Index row = y * shape_.stride + dy - shape_.padding;
      if (row < 0 || row >= shape_.height) {
        std::memset(to, 0, static_cast<size_t>(kernel * channels) * sizeof(float));
        continue;
      }
      if (from > 0) std::memset(to, 0, static_cast<size_t>(from * channels) * sizeof(float));
      const float* pixels = image + (row * shape_.width + left) * shape_.channels;
      if (shape_.groups == 1) {
        std::memcpy(to + from * channels, pixels + from * channels, static_cast<size_t>((until - from) * channels) * sizeof(float));
      } else {
        for (Index dx = from; dx < until; dx++)
          std::memcpy(to + dx * channels, pixels + dx * shape_.channels, static_cast<size_t>(channels) * sizeof(float));
      }
      if (until < kernel) std::memset(to + until * channels, 0, static_cast<size_t>((kernel - until) * channels) * sizeof(float));
    }
    if (++x < outWidth) continue;
    x = 0;
    if (++y < shape_.outHeight()) continue;
    y = 0;
    b++;
  }
}

// The most label values of a row that are not 0.
Index Convolution::mostLabels(const ConvolutionInput& input) const {
  return shape_.labels == 0 ? 0 : mostNonZero(input.labels.data, input.batch * input.variants, shape_.labels);
}

// The label values that are not 0 of each variant of these positions.
SuffixList Convolution::listLabels(Lane& lane, const ConvolutionInput& input, Index first, Index count) const {
  if (shape_.labels == 0) return {nullptr, nullptr, nullptr};
  const Index positions = shape_.positions();
  return lane.labels.list(input.labels.data, shape_.labels, input.variants, count,
                          [&](Index v, Index i) { return v * input.batch + (first + i) / positions; });
}

void Convolution::forward(const ConvolutionInput& input, Given<float> out) {
  checkInput(input);
  if (!out.data) throw BadCall{"convolution: out is missing"};
  out.need(checkedProduct(input.batch * input.variants, shape_.outValues()), "convolution: out is too short");
  if (frames_.images > 0) return forwardWindows(input, out.data);
  for (Index g = 0; g < shape_.groups; g++) forwardGroup(input, g, out.data);
}

// Each thread takes pieces through the group by itself.
void Convolution::forwardGroup(const ConvolutionInput& input, Index group, float* out) {
  Dense& dense = *groups_[static_cast<size_t>(group)];
  const Index total = input.batch * shape_.positions();
  const Index patch = shape_.patch();
  const Index each = shape_.each();
  const Index threads = pool_->threads();
  // Small batches are cut so that every thread has a share.
  const Index piece = std::min(piece_, std::max(Index{32}, roundUp(blocksOf(total, threads), 32)));
  const Index labelsOfRow = mostLabels(input);
  for (Index t = 0; t < threads; t++) {
    Lane& lane = lanes_[static_cast<size_t>(t)];
    lane.patches.reserve(form_.samples * patch);
    lane.packed.reserve(form_.batchWords(piece, patch));
    if (shape_.groups > 1) lane.y.reserve(checkedProduct(input.variants * piece, each));
    if (shape_.labels > 0) lane.labels.reserve(checkedProduct(input.variants, piece), labelsOfRow);
  }
  pool_->run(blocksOf(total, piece), 1, [&](Index firstPiece, Index lastPiece, int thread) {
    Lane& lane = lanes_[static_cast<size_t>(thread)];
    for (Index p = firstPiece; p < lastPiece; p++) {
      const Index first = p * piece;
      const Index count = std::min(piece, total - first);
      const PackJob packing{lane.patches.data(), inBlock_.data(), 0, count, patch, precision_, lane.packed.data(), nullptr};
      for (Index block = 0; block < blocksOf(count, form_.samples); block++) {
        const Index at = block * form_.samples;
        makePatches(input.rows.data, first + at, std::min(form_.samples, count - at), group, lane.patches.data());
        kernels_.pack(packing, block, block + 1);
      }
      const SuffixList labels = listLabels(lane, input, first, count);
      const bool apart = shape_.groups > 1;
      float* y = apart ? lane.y.data() : out + first * shape_.outputs;
      const Index variantRows = apart ? count : total;
      const ForwardJob job{dense.layer(), {lane.packed.data(), nullptr, count, input.variants, patch, labels}, 1, y, variantRows, nullptr, each};
      kernels_.forward(job, 0, forwardItems(job, form_, kernels_.lanes));
      if (!apart) continue;
      for (Index v = 0; v < input.variants; v++)
        for (Index i = 0; i < count; i++)
          std::memcpy(out + (v * total + first + i) * shape_.outputs + group * each, y + (v * count + i) * each,
                      static_cast<size_t>(each) * sizeof(float));
    }
  });
}

void Convolution::inputGradient(Given<const float> delta, Index rows, Given<float> out) {
  if (!delta.data || !out.data || rows < 0) throw BadCall{"inputGradient: bad arguments"};
  delta.need(checkedProduct(rows, shape_.outValues()), "inputGradient: delta is too short");
  out.need(checkedProduct(rows, shape_.values()), "inputGradient: out is too short");
  if (frames_.spreadImages > 0) return spreadWindows(delta.data, rows, out.data);
  if (frames_.spreadTogether > 0) return spreadTiles(delta.data, rows, out.data);
  const Index positions = shape_.positions();
  const Index patch = shape_.patch();
  const Index inputs = patch + shape_.labels;
  const Index each = shape_.each();
  const Index kernel = shape_.kernel;
  const Index channels = shape_.channels / shape_.groups;
  const Index panel = kPanelVecs * kernels_.lanes;
  for (Index t = 0; t < pool_->threads(); t++) {
    Lane& lane = lanes_[static_cast<size_t>(t)];
    lane.rows.reserve(checkedProduct(positions, inputs));
    lane.transposed.reserve(checkedProduct(roundUp(positions, panel), roundUp(each, form_.terms)));
    if (shape_.groups > 1) lane.delta.reserve(positions * each);
  }
  pool_->run(rows, 1, [&](Index first, Index last, int thread) {
    Lane& lane = lanes_[static_cast<size_t>(thread)];
    for (Index r = first; r < last; r++) {
      float* row = out.data + r * shape_.values();
      std::memset(row, 0, static_cast<size_t>(shape_.values()) * sizeof(float));
      for (Index g = 0; g < shape_.groups; g++) {
        const float* given = delta.data + r * shape_.outValues();
        if (shape_.groups > 1) {
          for (Index i = 0; i < positions; i++)
            std::memcpy(lane.delta.data() + i * each, given + i * shape_.outputs + g * each, static_cast<size_t>(each) * sizeof(float));
          given = lane.delta.data();
        }
        const InputGradientJob job{groups_[static_cast<size_t>(g)]->layer(), {nullptr, nullptr, given, false, each}, positions,
                                   lane.transposed.data(), lane.rows.data()};
        const Index panels = blocksOf(positions, panel);
        kernels_.transposeDelta(job, 0, panels);
        kernels_.inputGradient(job, 0, panels * blocksOf(inputs, form_.inputs));
        for (Index dy = 0; dy < kernel; dy++) {
          for (Index dx = 0; dx < kernel; dx++) {
            for (Index i = 0; i < positions; i++) {
              const Index y = i / shape_.outWidth() * shape_.stride + dy - shape_.padding;
              const Index x = i % shape_.outWidth() * shape_.stride + dx - shape_.padding;
              if (y < 0 || x < 0 || y >= shape_.height || x >= shape_.width) continue;
              float* to = row + (y * shape_.width + x) * shape_.channels + g * channels;
              const float* from = lane.rows.data() + i * inputs + (dy * kernel + dx) * channels;
              for (Index c = 0; c < channels; c++) to[c] += from[c];
            }
          }
        }
      }
    }
  });
}

void Convolution::update(const ConvolutionInput& input, Given<float> delta, Given<const float> sums, const Rule& rule) {
  checkInput(input);
  if (!shape_.trained) throw BadCall{"update: the convolution was opened for inference only"};
  if (!delta.data || !sums.data) throw BadCall{"update: delta is missing"};
  const Index rows = input.batch * input.variants;
  delta.need(checkedProduct(rows, shape_.outValues()), "update: delta is too short");
  sums.need(checkedProduct(rows, shape_.outputs), "update: sums is too short");
  const Index size = input.batch * shape_.outValues();
  if (size == 0) return;
  // All variants share their patches.
  if (input.variants > 1) {
    pool_->run(input.batch, 8, [&](Index first, Index last, int) {
      for (Index v = 1; v < input.variants; v++) {
        float* to = delta.data;
        const float* from = delta.data + v * size;
        for (Index i = first * shape_.outValues(); i < last * shape_.outValues(); i++) to[i] += from[i];
      }
    });
  }
  if (frames_.images > 0 && (frames_.unit == kBlock || frames_.planeAt.size() > 0)) return updateWindows(input, delta.data, sums.data, rule);
  for (Index g = 0; g < shape_.groups; g++) updateGroup(input, delta.data, sums.data, g, rule);
}

// The gradient of bias and label weights of a group, from D. [1 + L][O / G, padded to whole vectors]
void Convolution::sumOthers(const ConvolutionInput& input, const float* sums, Index group, float* others) const {
  const Index each = shape_.each();
  const Index width = roundUp(each, kernels_.lanes);
  std::fill_n(others, (1 + shape_.labels) * width, 0.0f);
  for (Index r = 0; r < input.batch * input.variants; r++) {
    const float* of = sums + r * shape_.outputs + group * each;
    for (Index o = 0; o < each; o++) others[o] += of[o];
    for (Index l = 0; l < shape_.labels; l++) {
      const float value = input.labels.data[r * shape_.labels + l];
      if (value == 0.0f) continue;
      float* to = others + (1 + l) * width;
      for (Index o = 0; o < each; o++) to[o] = std::fma(value, of[o], to[o]);
    }
  }
}

void Convolution::updateGroup(const ConvolutionInput& input, const float* delta, const float* sums, Index group, const Rule& rule) {
  Dense& dense = *groups_[static_cast<size_t>(group)];
  const Index patch = shape_.patch();
  const Index each = shape_.each();
  const Index total = input.batch * shape_.positions();
  const Index width = roundUp(each, kernels_.lanes);
  others_.reserve((1 + shape_.labels) * width);
  sumOthers(input, sums, group, others_.data());
  const Index sumRows = roundUp(patch, form_.inputs);
  sums_.reserve(checkedProduct(sumRows, width));
  const bool apart = shape_.groups > 1;
  if (apart) deltas_.reserve(piece_ * each);
  for (Index t = 0; t < pool_->threads(); t++) lanes_[static_cast<size_t>(t)].patches.reserve(form_.samples * patch);
  for (Index first = 0; first < total; first += piece_) {
    const Index count = std::min(piece_, total - first);
    float* xGradient = form_.pair > 1 ? xGradient_.data() : nullptr;
    const Index blocks = blocksOf(count, form_.samples);
    pool_->run(blocks, std::max(Index{1}, blocks / (4 * pool_->threads())), [&](Index from, Index until, int thread) {
      float* patches = lanes_[static_cast<size_t>(thread)].patches.data();
      // Where the gradient has a form of its own, nobody reads the other one.
      const PackJob packing{patches, inBlock_.data(), 0, count, patch, precision_, xGradient ? nullptr : x_.data(), xGradient};
      for (Index block = from; block < until; block++) {
        const Index at = block * form_.samples;
        makePatches(input.rows.data, first + at, std::min(form_.samples, count - at), group, patches);
        kernels_.pack(packing, block, block + 1);
      }
    });
    const float* values = delta + first * shape_.outputs;
    if (apart) {
      for (Index i = 0; i < count; i++)
        std::memcpy(deltas_.data() + i * each, values + i * shape_.outputs + group * each, static_cast<size_t>(each) * sizeof(float));
      values = deltas_.data();
    }
    UpdateJob job{dense.layer(), {x_.data(), xGradient ? xGradient : x_.data(), count, 1, patch, {nullptr, nullptr, nullptr}},
                  dense.shares(), {nullptr, nullptr, values, false, each}, rule, shape_.fixedBias};
    job.parts = {sums_.data(), sumRows, first == 0, first + count >= total, others_.data()};
    const Index items = updateItems(job, form_, kernels_.lanes);
    const Index grain = std::max(Index{1}, items / (2 * pool_->threads()));
    pool_->run(items, grain, [&](Index from, Index until, int thread) {
      kernels_.update(job, from, until, lanes_[static_cast<size_t>(thread)].update.data());
    });
  }
}

}  // namespace pff
