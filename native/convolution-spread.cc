// The input gradient of a convolution without patches; see convolution.h.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "convolution.h"

namespace pff {

namespace {

// Positions whose input gradient is computed together, so that each weight is used often.
constexpr Index kSpreadPositions = 128;
// Floats of a frame of deltas: 4 MiB.
constexpr Index kMostFrame = Index{1} << 20;
// Pixels of a tile.
constexpr Index kTileRow = 16;

}  // namespace

// The input gradient reads the deltas of whole images as they are given.
void Convolution::openSpread() {
  Frames& f = frames_;
  const Index each = shape_.each();
  const Index places = shape_.kernel * shape_.kernel;
  if (each % kBlock != 0 || shape_.outValues() > kMostOffset || shape_.height * shape_.width > kMostOffset) return;
  const Index positions = shape_.positions();
  const Index most = std::max(Index{1}, kSpreadPositions / positions);
  if (checkedProduct(checkedProduct(places, most), positions) > kMostOffset) return;
  f.spreadImages = most;
  f.spreadTaps.reserve(each / kBlock);
  for (Index t = 0; t < each / kBlock; t++) f.spreadTaps.data()[t] = static_cast<uint32_t>(t * f.words);
}

// Tiles gather from a frame of the deltas of some images, where windows are moved by one.
void Convolution::openSpreadTiles() {
  Frames& f = frames_;
  f.spreadTogether = 0;
  if (shape_.stride != 1 || !kernels_.spreadTiles) return;
  const Index together = kTileRow / std::gcd(kTileRow, shape_.width);
  const Index blocks = blocksOf(shape_.each(), kTileForm.inputs);
  const Index pixels = checkedProduct(shape_.height + shape_.kernel - 1, shape_.width + shape_.kernel - 1);
  if (checkedProduct(pixels, together * blocks * kTileForm.inputs / 2) > kMostFrame) return;
  f.spreadTogether = together;
}

// The weights of a group the other way round, in its part of `turned_`.
TurnJob Convolution::turn(Index group, Index turnedGroup) {
  const Index channels = shape_.channels / shape_.groups;
  return {groups_[static_cast<size_t>(group)]->layer(), shape_.kernel * shape_.kernel, channels, turned_.data() + group * turnedGroup};
}

void Convolution::turnAll(Index turnedGroup) {
  const Index places = shape_.kernel * shape_.kernel;
  turned_.reserve(checkedProduct(turnedGroup, shape_.groups));
  pool_->run(shape_.groups * places, 1, [&](Index first, Index last, int) {
    for (Index i = first; i < last; i++) kernels_.turnWeights(turn(i / places, turnedGroup), i % places, i % places + 1);
  });
}

// Each thread takes images by itself.
void Convolution::spreadWindows(const float* delta, Index rows, float* out) {
  const Index kernel = shape_.kernel;
  const Index places = kernel * kernel;
  const Index channels = shape_.channels / shape_.groups;
  const Index each = shape_.each();
  const Index positions = shape_.positions();
  const Index turnedGroup = checkedProduct(places * each / form_.pair, roundUp(channels, kernels_.lanes));
  turnAll(turnedGroup);
  const Index images = std::min(frames_.spreadImages, std::max(Index{1}, blocksOf(rows, pool_->threads())));
  const bool rounds = precision_ != Precision::kF32;
  // Whole images, then what is left of a batch: each number of images has pixels of its own, and places of its deltas, of which the last is
  // repeated, for a block of positions is read whole.
  const auto listsOf = [&](Index count, int32_t* to, uint32_t* starts) {
    const Index padded = roundUp(count * positions, kBlock);
    for (Index i = 0; i < padded; i++)
      starts[i] = static_cast<uint32_t>(std::min(i, count * positions - 1) * shape_.outputs / form_.pair);
    for (Index place = 0; place < places; place++) {
      for (Index i = 0; i < padded; i++) {
        const Index at = i % positions;
        const Index y = at / shape_.outWidth() * shape_.stride + place / kernel - shape_.padding;
        const Index x = at % shape_.outWidth() * shape_.stride + place % kernel - shape_.padding;
        const bool inside = i < count * positions && y >= 0 && x >= 0 && y < shape_.height && x < shape_.width;
        to[place * padded + i] = inside ? static_cast<int32_t>((i / positions * shape_.height + y) * shape_.width + x) : -1;
      }
    }
  };
  const Index left = rows % images;
  const Index mostAt = roundUp(images * positions, kBlock);
  const Index most = places * mostAt;
  frames_.pixels.reserve(2 * most);
  frames_.spreadAt.reserve(2 * mostAt);
  listsOf(images, frames_.pixels.data(), frames_.spreadAt.data());
  if (left > 0) listsOf(left, frames_.pixels.data() + most, frames_.spreadAt.data() + mostAt);
  for (Index t = 0; rounds && t < pool_->threads(); t++)
    lanes_[static_cast<size_t>(t)].delta.reserve(images * shape_.outValues() / form_.pair);
  pool_->run(blocksOf(rows, images), 1, [&](Index first, Index last, int thread) {
    for (Index p = first; p < last; p++) {
      const Index count = std::min(images, rows - p * images);
      const float* given = delta + p * images * shape_.outValues();
      float* to = out + p * images * shape_.values();
      std::memset(to, 0, static_cast<size_t>(count * shape_.values()) * sizeof(float));
      if (rounds) {
        float* rounded = lanes_[static_cast<size_t>(thread)].delta.data();
        kernels_.roundOperands(precision_, given, count * shape_.outValues(), rounded);
        given = rounded;
      }
      for (Index g = 0; g < shape_.groups; g++) {
        const Batch batch{given + g * each / form_.pair, nullptr, count * positions, 1, each, {nullptr, nullptr, nullptr},
                          frames_.spreadAt.data() + (count == images ? 0 : mostAt), frames_.spreadTaps.data()};
        kernels_.spread({turn(g, turnedGroup), batch, frames_.pixels.data() + (count == images ? 0 : most), to + g * channels, shape_.channels});
      }
    }
  });
}

// Each thread takes images by itself.
void Convolution::spreadTiles(const float* delta, Index rows, float* out) {
  const Index channels = shape_.channels / shape_.groups;
  const Index each = shape_.each();
  const Index terms = roundUp(each, kTileForm.terms) / 2;
  const Index turnedGroup = checkedProduct(shape_.kernel * shape_.kernel * terms, roundUp(channels, kernels_.lanes));
  turnAll(turnedGroup);
  const Index together = frames_.spreadTogether;
  const Index pixels = (shape_.height + shape_.kernel - 1) * (shape_.width + shape_.kernel - 1);
  for (Index t = 0; t < pool_->threads(); t++) lanes_[static_cast<size_t>(t)].frame.reserve(pixels * together * terms);
  pool_->run(blocksOf(rows, together), 1, [&](Index first, Index last, int thread) {
    for (Index p = first; p < last; p++) {
      const Index image = p * together;
      for (Index g = 0; g < shape_.groups; g++) {
        kernels_.spreadTiles({turn(g, turnedGroup), delta + image * shape_.outValues() + g * each, shape_.outputs,
                              std::min(together, rows - image), together, shape_.height, shape_.width, shape_.outHeight(),
                              shape_.outWidth(), shape_.kernel, shape_.padding, lanes_[static_cast<size_t>(thread)].frame.data(),
                              out + image * shape_.values() + g * channels, shape_.channels});
      }
    }
  });
}

}  // namespace pff
