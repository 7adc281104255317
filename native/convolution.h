// One convolution in the layout of one instruction set: rule 8 of src/kernels/block/contract.ts. Each group is a dense layer whose rows
// are patches. Where channels come in eights, windows are read as they lie in frames (convolution-windows.cc); elsewhere patches are
// packed (convolution.cc). Both in pieces, so no matrix of a whole batch's patches is ever in memory. The gradient by what enters is computed
// without patches as well, where that can be done (convolution-spread.cc).
#pragma once
#include <memory>
#include <vector>

#include "dense.h"

namespace pff {

// Offsets are 32 bits, with room for those of a window.
constexpr Index kMostOffset = Index{1} << 30;

struct ConvolutionShape {
  Index channels, height, width, outputs, kernel, stride, padding, groups, labels;
  bool trained;
  bool fixedBias;

  Index outHeight() const { return (height + 2 * padding - kernel) / stride + 1; }
  Index outWidth() const { return (width + 2 * padding - kernel) / stride + 1; }
  Index positions() const { return outHeight() * outWidth(); }
  Index values() const { return channels * height * width; }
  Index outValues() const { return positions() * outputs; }
  Index patch() const { return kernel * kernel * channels / groups; }
  Index each() const { return outputs / groups; }
};

// A parameter and its two moments.
struct Moments {
  Given<float> value, moment1, moment2;
};

struct ConvolutionTensors {
  Moments weight, label, bias;
};

struct ConvolutionInput {
  Given<const float> rows;  // [B, H, W, C]
  Index batch;
  Index variants;
  Given<const float> labels;  // [V · B, L]
};

class Convolution {
 public:
  Convolution(const KernelTable& kernels, std::shared_ptr<Pool> pool, Precision precision, const ConvolutionShape& shape,
              const ConvolutionTensors& tensors);

  void forward(const ConvolutionInput& input, Given<float> out);
  void inputGradient(Given<const float> delta, Index rows, Given<float> out);
  void update(const ConvolutionInput& input, Given<float> delta, Given<const float> sums, const Rule& rule);
  void read(const ConvolutionTensors& into) const;
  // What it holds now: frames and packed patches are made room for when they are first used.
  Index bytes() const;

 private:
  // What one thread works in.
  struct Lane {
    Array<float> patches, packed, y, delta, transposed, rows, frame, update;
    SuffixStore labels;
  };

  // Positions whose windows are read from one frame: whole images, or rows of one.
  struct Frames {
    Index images = 0;  // 0 where windows are not read as they lie
    Index unit = 0;    // channels of a block
    Index words = 0;   // of a pixel's block
    Index rows = 0;    // of positions, of each image
    Index positions = 0;
    Index height = 0, width = 0;
    Index floats = 0;
    Array<uint32_t> at, taps;  // of Batch; taps of the first group
    Array<uint32_t> planeAt, planeTaps;  // of PlaneWindows; empty where patches are packed for the gradient
    // The same of the input gradient, which takes whole images.
    Index spreadImages = 0;
    Array<uint32_t> spreadAt, spreadTaps;
    Array<int32_t> pixels;
    Index spreadTogether = 0;  // images of a frame of deltas; 0 where the gradient is not computed from one
  };
  // One piece of a batch.
  struct Piece {
    Index image, images, row, rows, first, positions;
  };

  void checkInput(const ConvolutionInput& input) const;
  void openFrames();
  bool choosePieces(Index blocks);
  void listWindows(Index blocks);
  void openSpread();
  void openSpreadTiles();
  Index pieces(Index batch) const;
  Piece pieceAt(Index piece, Index batch) const;
  FrameJob frameOf(const ConvolutionInput& input, const Piece& piece, float* frame) const;
  Batch windowsOf(const Piece& piece, const float* frame, Index group, Index variants, const SuffixList& suffix) const;
  Index mostLabels(const ConvolutionInput& input) const;
  void openBatch();
  void forwardWindows(const ConvolutionInput& input, float* out);
  TurnJob turn(Index group, Index turnedGroup);
  void turnAll(Index turnedGroup);
  void spreadWindows(const float* delta, Index rows, float* out);
  void spreadTiles(const float* delta, Index rows, float* out);
  void packGradient(const Piece& piece, Index group, const Batch& windows, float* to);
  void updateWindows(const ConvolutionInput& input, const float* delta, const float* sums, const Rule& rule);
  void sumOthers(const ConvolutionInput& input, const float* sums, Index group, float* others) const;
  void checkTensors(const ConvolutionTensors& tensors) const;
  void makePatches(const float* rows, Index first, Index count, Index group, float* to) const;
  SuffixList listLabels(Lane& lane, const ConvolutionInput& input, Index first, Index count) const;
  void forwardGroup(const ConvolutionInput& input, Index group, float* out);
  void updateGroup(const ConvolutionInput& input, const float* delta, const float* sums, Index group, const Rule& rule);

  const KernelTable& kernels_;
  const std::shared_ptr<Pool> pool_;
  const Precision precision_;
  const ConvolutionShape shape_;
  const Form form_;
  Index piece_;  // positions at a time
  std::vector<std::unique_ptr<Dense>> groups_;
  std::unique_ptr<Lane[]> lanes_;
  Array<uint32_t> inBlock_;  // [piece]: where a position's patch lies among those of its block
  // What the gradient reads of a piece, in the kernels' form; the groups take turns.
  Array<float> x_, xGradient_;
  Array<float> sums_, others_, deltas_, turned_;
  Frames frames_;
};

}  // namespace pff
