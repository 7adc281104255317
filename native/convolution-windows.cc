// A convolution whose windows are read as they lie in frames; see convolution.h.
#include <algorithm>
#include <cstring>

#include "convolution.h"

namespace pff {

namespace {

// Positions of a piece, and floats of its frame: together with a panel of weights they stay in the second-level cache.
constexpr Index kPositions = 512;
constexpr Index kFrameFloats = Index{1} << 17;
// Values of the patches of a piece in tiles, or words of those in pairs, where operands are copied out of frames.
constexpr Index kPackedFloats = Index{1} << 18;
constexpr Index kMostPositions = 4096;

// Repeats the last of the first `count` to the end.
void fillUp(Array<uint32_t>& list, Index count) {
  for (Index i = count; i < list.size(); i++) list.data()[i] = list.data()[count - 1];
}

}  // namespace

// Which convolutions these are, and where a piece's windows lie.
void Convolution::openFrames() {
  const Index channels = shape_.channels / shape_.groups;
  const bool tiles = form_.samples == kTileForm.samples;
  Frames& f = frames_;
  f.unit = tiles ? kTileForm.inputs : kBlock;
  f.words = f.unit / form_.pair;
  if (channels % f.unit != 0) return;
  // The tile order of multiply-adds cannot be read so.
  if (!tiles && precision_ == Precision::kBf16Tile) return;
  const Index blocks = shape_.channels / f.unit;
  f.width = (shape_.outWidth() - 1) * shape_.stride + shape_.kernel;
  if (checkedProduct(shape_.channels * shape_.kernel, f.width) > kMostOffset || !choosePieces(blocks)) {
    f.images = 0;
    return;
  }
  listWindows(blocks);
  if (!tiles) openSpread();
}

// Whole images, or rows of one. The tile order goes on from piece to piece in blocks of 32 positions: false if pieces cannot be cut so.
bool Convolution::choosePieces(Index blocks) {
  Frames& f = frames_;
  const bool tiles = f.unit != kBlock;
  const Index outWidth = shape_.outWidth();
  const Index positions = shape_.positions();
  const Index align = tiles ? form_.samples : 1;
  const bool packs = form_.pair > 1;
  const Index packed = tiles ? kPackedFloats : kPackedFloats * form_.pair;
  const Index most = packs ? std::clamp(packed / shape_.patch(), Index{128}, kPositions) : kPositions;
  const auto floatsOf = [&](Index rows) { return blocks * ((rows - 1) * shape_.stride + shape_.kernel) * f.width * f.words; };
  f.images = 1;
  f.rows = shape_.outHeight();
  if (positions > most || floatsOf(f.rows) > kFrameFloats) {
    while (f.rows > 1 && (f.rows * outWidth > most || floatsOf(f.rows) > kFrameFloats || f.rows * outWidth % align != 0)) f.rows--;
    if (f.rows * outWidth % align != 0 || positions % align != 0) f.rows = shape_.outHeight();
  }
  if (f.rows == shape_.outHeight()) {
    f.images = std::max(Index{1}, std::min(most / positions, kFrameFloats / floatsOf(f.rows)));
    while (f.images * positions % align != 0) f.images++;
  }
  f.positions = f.images * f.rows * outWidth;
  f.height = (f.rows - 1) * shape_.stride + shape_.kernel;
  f.floats = checkedProduct(f.images, floatsOf(f.rows));
  return f.floats <= kMostOffset && f.positions <= kMostPositions;
}

void Convolution::listWindows(Index blocks) {
  Frames& f = frames_;
  const Index kernel = shape_.kernel;
  const Index channels = shape_.channels / shape_.groups;
  const Index outWidth = shape_.outWidth();
  const Index pixels = f.height * f.width;
  const bool planes = f.unit != kBlock && shape_.stride == 1;
  const Index padded = roundUp(f.positions, f.unit);
  f.at.reserve(padded);
  if (planes) f.planeAt.reserve(padded);
  for (Index i = 0; i < f.positions; i++) {
    const Index row = i / outWidth;
    const Index place = row % f.rows * shape_.stride * f.width + i % outWidth * shape_.stride;
    f.at.data()[i] = static_cast<uint32_t>(row / f.rows * blocks * pixels * f.words + place * f.words);
    if (planes) f.planeAt.data()[i] = static_cast<uint32_t>(row / f.rows * shape_.channels * pixels + place);
  }
  fillUp(f.at, f.positions);
  if (planes) fillUp(f.planeAt, f.positions);
  f.taps.reserve(shape_.patch() / f.unit);
  if (planes) f.planeTaps.reserve(shape_.patch() / f.unit);
  Index t = 0;
  for (Index dy = 0; dy < kernel; dy++) {
    for (Index dx = 0; dx < kernel; dx++) {
      for (Index c = 0; c < channels / f.unit; c++, t++) {
        f.taps.data()[t] = static_cast<uint32_t>((c * pixels + dy * f.width + dx) * f.words);
        if (planes) f.planeTaps.data()[t] = static_cast<uint32_t>(c * f.unit * pixels + dy * f.width + dx);
      }
    }
  }
}

Index Convolution::pieces(Index batch) const {
  return frames_.images > 1 ? blocksOf(batch, frames_.images) : batch * blocksOf(shape_.outHeight(), frames_.rows);
}

Convolution::Piece Convolution::pieceAt(Index piece, Index batch) const {
  const Index parts = frames_.images > 1 ? 1 : blocksOf(shape_.outHeight(), frames_.rows);
  Piece p;
  p.image = piece / parts * frames_.images;
  p.images = std::min(frames_.images, batch - p.image);
  p.row = piece % parts * frames_.rows;
  p.rows = std::min(frames_.rows, shape_.outHeight() - p.row);
  p.first = p.image * shape_.positions() + p.row * shape_.outWidth();
  p.positions = p.images * p.rows * shape_.outWidth();
  return p;
}

FrameJob Convolution::frameOf(const ConvolutionInput& input, const Piece& piece, float* frame) const {
  const Index top = piece.row * shape_.stride - shape_.padding;
  const Index rows = (piece.rows - 1) * shape_.stride + shape_.kernel;
  return {input.rows.data + piece.image * shape_.values(), shape_.channels, shape_.height, shape_.width, top, -shape_.padding,
          rows, frames_.height, frames_.width, precision_, frame};
}

Batch Convolution::windowsOf(const Piece& piece, const float* frame, Index group, Index variants, const SuffixList& suffix) const {
  const Index channels = shape_.channels / shape_.groups;
  const float* x = frame + group * channels / frames_.unit * frames_.words * frames_.height * frames_.width;
  return {x, x, piece.positions, variants, shape_.patch(), suffix, frames_.at.data(), frames_.taps.data()};
}

// Each thread takes pieces by itself.
void Convolution::forwardWindows(const ConvolutionInput& input, float* out) {
  const Index total = input.batch * shape_.positions();
  const bool packs = frames_.unit != kBlock;
  const Index labelsOfRow = mostLabels(input);
  for (Index t = 0; t < pool_->threads(); t++) {
    Lane& lane = lanes_[static_cast<size_t>(t)];
    lane.frame.reserve(frames_.floats);
    if (packs) lane.packed.reserve(form_.batchWords(frames_.positions, shape_.patch()));
    if (shape_.labels > 0) lane.labels.reserve(checkedProduct(input.variants, frames_.positions), labelsOfRow);
  }
  pool_->run(pieces(input.batch), 1, [&](Index first, Index last, int thread) {
    Lane& lane = lanes_[static_cast<size_t>(thread)];
    for (Index p = first; p < last; p++) {
      const Piece piece = pieceAt(p, input.batch);
      const FrameJob frame = frameOf(input, piece, lane.frame.data());
      kernels_.frame(frame, 0, piece.images * frame.rows);
      const SuffixList labels = listLabels(lane, input, piece.first, piece.positions);
      for (Index g = 0; g < shape_.groups; g++) {
        float* y = out + piece.first * shape_.outputs + g * shape_.each();
        Batch batch = windowsOf(piece, lane.frame.data(), g, input.variants, labels);
        if (packs) {
          kernels_.packWindows(batch, lane.packed.data(), 0, blocksOf(piece.positions, form_.samples));
          batch.x = lane.packed.data();
          batch.at = batch.taps = nullptr;
        }
        const ForwardJob job{groups_[static_cast<size_t>(g)]->layer(), batch, 1, y, total, nullptr, shape_.outputs};
        kernels_.forward(job, 0, forwardItems(job, form_, kernels_.lanes));
      }
    }
  });
}

// The gradient's operand of a piece in a form of its own: in tiles from a frame whose channels are apart, in pairs from that of the forward pass.
void Convolution::packGradient(const Piece& piece, Index group, const Batch& windows, float* to) {
  const auto share = [&](Index items, auto call) { pool_->run(items, std::max(Index{1}, items / (4 * pool_->threads())), call); };
  if (frames_.unit == kBlock) {
    share(blocksOf(piece.positions, kBlock), [&](Index first, Index last, int) { kernels_.packPairs(windows, to, first, last); });
    return;
  }
  const Index plane = frames_.height * frames_.width;
  const uint16_t* planes = reinterpret_cast<const uint16_t*>(deltas_.data()) + group * shape_.channels / shape_.groups * plane;
  const PlaneWindows job{planes, plane, frames_.planeAt.data(), frames_.planeTaps.data(), piece.positions, to};
  share(shape_.patch() / frames_.unit, [&](Index first, Index last, int) { kernels_.packPlanes(job, first, last); });
}

// All threads share each piece.
void Convolution::updateWindows(const ConvolutionInput& input, const float* delta, const float* sums, const Rule& rule) {
  const Index each = shape_.each();
  const Index width = roundUp(each, kernels_.lanes);
  const Index groupSums = checkedProduct(shape_.patch(), width);
  const bool packs = form_.pair > 1;
  const Index groupOthers = (1 + shape_.labels) * width;
  sums_.reserve(checkedProduct(groupSums, shape_.groups));
  others_.reserve(checkedProduct(groupOthers, shape_.groups));
  deltas_.reserve(frames_.floats);
  for (Index g = 0; g < shape_.groups; g++) sumOthers(input, sums, g, others_.data() + g * groupOthers);
  const Index count = pieces(input.batch);
  for (Index p = 0; p < count; p++) {
    const Piece piece = pieceAt(p, input.batch);
    const FrameJob frame = frameOf(input, piece, deltas_.data());
    const Index rows = piece.images * frame.rows;
    pool_->run(rows, std::max(Index{1}, rows / (4 * pool_->threads())),
               [&](Index first, Index last, int) { (frames_.unit == kBlock ? kernels_.frame : kernels_.framePlanes)(frame, first, last); });
    for (Index g = 0; g < shape_.groups; g++) {
      Dense& dense = *groups_[static_cast<size_t>(g)];
      Batch batch = windowsOf(piece, deltas_.data(), g, 1, {nullptr, nullptr, nullptr});
      if (packs) {
        packGradient(piece, g, batch, xGradient_.data());
        batch = {nullptr, xGradient_.data(), piece.positions, 1, shape_.patch(), {nullptr, nullptr, nullptr}};
      }
      UpdateJob job{dense.layer(), batch, dense.shares(), {nullptr, nullptr, delta + piece.first * shape_.outputs + g * each, false, shape_.outputs},
                    rule, shape_.fixedBias};
      job.parts = {sums_.data() + g * groupSums, shape_.patch(), p == 0, p + 1 == count, others_.data() + g * groupOthers};
      const Index items = updateItems(job, form_, kernels_.lanes);
      pool_->run(items, std::max(Index{1}, items / (2 * pool_->threads())), [&](Index first, Index last, int thread) {
        kernels_.update(job, first, last, lanes_[static_cast<size_t>(thread)].update.data());
      });
    }
  }
}

}  // namespace pff
