// One dense layer in the layout of one instruction set, and the order in which its kernels run. The native side of
// DenseKernel (src/kernels/kernels.ts). Every length is checked here again, so that no call can touch foreign memory.
#pragma once
#include <memory>

#include "item-order.h"
#include "kernel-table.h"
#include "memory.h"
#include "pool.h"
#include "suffix-store.h"

namespace pff {

// The caller broke the contract; src/kernels/check.ts should have said so before.
struct BadCall {
  const char* what;
};

// An array of the caller's; data is null when it was not given.
template <class T>
struct Given {
  T* data = nullptr;
  Index length = 0;

  // What the array must hold at least, if it is given.
  void need(Index count, const char* what) const {
    if (data && length < count) throw BadCall{what};
  }
};

struct Tensors {
  Given<float> weights, bias, weightMoment1, weightMoment2, biasMoment1, biasMoment2;
};

struct LayerInput {
  Given<const float> prefix;
  Given<const uint32_t> rows;
  Index batch;
  Index variants;
  Given<const float> suffix;
};

struct DeltaInput {
  Given<const float> rowScale;  // one of the two
  Given<const float> values;
};

struct DenseShape {
  Index inputs;
  Index outputs;
  Index suffixInputs;
  Index maxRows;
  bool relu;
  Precision precision;
  bool fixedBias = false;
  bool keeps = true;  // room for a batch in training; the groups of a convolution take turns in its room
};

class Dense {
 public:
  Dense(const KernelTable& kernels, std::shared_ptr<Pool> pool, const DenseShape& shape, const Tensors& tensors);

  void infer(const LayerInput& input, Given<float> activations, bool normalise, Given<float> sumSquares);
  void forward(const LayerInput& input, Given<float> activations, Given<float> sumSquares);
  void inputGradient(Given<const float> activations, const DeltaInput& delta, Given<float> out);
  void update(Given<const float> activations, const DeltaInput& delta, const Rule& rule);
  void read(const Tensors& into) const;
  // What it holds from its beginning to its end: as much is told when it is opened and when it is closed.
  Index bytes() const;

 private:
  friend class Convolution;  // which is made of such layers, and runs their kernels itself
  // What one thread needs to run a chunk of samples through the layer.
  struct Lane {
    Array<float> x, sums;
    SuffixStore suffix;
    Array<float> update;
  };

  bool rounds() const { return shape_.precision != Precision::kF32; }
  Index prefix() const { return shape_.inputs - shape_.suffixInputs; }
  Layer layer() const;
  bool isSmall(Index samples) const;
  Index shares() const;
  void checkTensors(const Tensors& tensors, bool withMoments) const;
  Index checkInput(const LayerInput& input);
  Index mostSuffix(const LayerInput& input) const;
  SuffixList listSuffix(SuffixStore& store, const LayerInput& input, Index first, Index samples) const;
  Delta checkDelta(Given<const float> activations, const DeltaInput& delta) const;
  template <class Copy>
  void eachPanelRow(const Copy& copy) const;

  const KernelTable& kernels_;
  const std::shared_ptr<Pool> pool_;
  const DenseShape shape_;
  const Form form_;
  // m_ and v_ begin kStagger and 2 · kStagger floats late: the same place of all three must not share a cache set.
  Array<float> w_, m_, v_, bias_, biasM_, biasV_;
  Array<float> operand_;  // the weights rounded, except in f32
  Array<uint32_t> rows_;  // the row indexes of a call, copied so that they stay as checked
  std::unique_ptr<Lane[]> lanes_;  // [threads]
  // The kept batch.
  Index keptRows_ = -1;
  Batch kept_{};
  Array<float> x_, xGradient_;
  SuffixStore suffix_;
  Array<float> transposed_;
};

}  // namespace pff
