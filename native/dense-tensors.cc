// A layer's tensors in the panels of its instruction set, and out of them again; see dense.h.
#include <algorithm>
#include <cstring>

#include "dense.h"

namespace pff {

namespace {
constexpr Index kStagger = 24 * 16;  // floats: 24 cache lines
// Weights, moments and operand, in bytes, that no cache keeps from a step to the next forward pass.
constexpr Index kWorthStreaming = Index{32} << 20;
}

Dense::Dense(const KernelTable& kernels, std::shared_ptr<Pool> pool, const DenseShape& shape, const Tensors& tensors)
    : kernels_(kernels), pool_(std::move(pool)), shape_(shape), form_(kernels.form(shape.precision)) {
  if (shape.inputs < 1 || shape.outputs < 1 || shape.suffixInputs < 0 || shape.suffixInputs > shape.inputs ||
      shape.maxRows < 0)
    throw BadCall{"openDense: bad sizes"};
  const bool trained = shape.maxRows > 0;
  checkTensors(tensors, trained);
  lanes_.reset(new Lane[static_cast<size_t>(pool_->threads())]);

  const Index panel = kPanelVecs * kernels.lanes;
  const Index padded = roundUp(shape.outputs, kernels.lanes);
  // The last block of inputs reads, and prefetches, a little past the end.
  const Index weights = checkedProduct(shape.inputs, padded) + 2 * kBlock * panel;
  w_.reserve(weights);
  bias_.reserve(padded);
  if (rounds()) operand_.reserve(checkedProduct(form_.operandRows(prefix()), padded) + 2 * kBlock * panel);
  if (trained) {
    m_.reserve(weights + kStagger);
    v_.reserve(weights + 2 * kStagger);
    biasM_.reserve(padded);
    biasV_.reserve(padded);
  }
  if (trained && shape.keeps) {
    checkedProduct(prefix() + form_.inputs, shape.maxRows + form_.samples);
    const Index words = form_.batchWords(shape.maxRows, prefix());
    x_.reserve(words);
    if (form_.pair > 1) xGradient_.reserve(words);
    for (int t = 0; t < pool_->threads(); t++)
      lanes_[static_cast<size_t>(t)].update.reserve(updateScratch(shape.maxRows, form_, shape.suffixInputs, kernels.lanes));
  }
  const Layer to = layer();
  eachPanelRow([&](Index at, Index from, Index count) {
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    std::memcpy(to.w + at, tensors.weights.data + from, bytes);
    if (!trained) return;
    std::memcpy(to.m + at, tensors.weightMoment1.data + from, bytes);
    std::memcpy(to.v + at, tensors.weightMoment2.data + from, bytes);
  });
  const size_t bytes = static_cast<size_t>(shape.outputs) * sizeof(float);
  std::memcpy(bias_.data(), tensors.bias.data, bytes);
  if (rounds()) {
    const Index panels = panelsOf(shape.outputs, kernels.lanes);
    pool_->run(panels, 1, [&](Index first, Index last, int) { kernels_.roundWeights(to, prefix(), first, last); });
  }
  if (!trained) return;
  std::memcpy(biasM_.data(), tensors.biasMoment1.data, bytes);
  std::memcpy(biasV_.data(), tensors.biasMoment2.data, bytes);
}

void Dense::read(const Tensors& into) const {
  const bool trained = shape_.maxRows > 0;
  checkTensors(into, trained);
  const Layer from = layer();
  eachPanelRow([&](Index at, Index to, Index count) {
    const size_t bytes = static_cast<size_t>(count) * sizeof(float);
    std::memcpy(into.weights.data + to, from.w + at, bytes);
    if (!trained) return;
    std::memcpy(into.weightMoment1.data + to, from.m + at, bytes);
    std::memcpy(into.weightMoment2.data + to, from.v + at, bytes);
  });
  const size_t bytes = static_cast<size_t>(shape_.outputs) * sizeof(float);
  std::memcpy(into.bias.data, bias_.data(), bytes);
  if (!trained) return;
  std::memcpy(into.biasMoment1.data, biasM_.data(), bytes);
  std::memcpy(into.biasMoment2.data, biasV_.data(), bytes);
}

// copy(offset in the panels, offset in [I, O], how many) for each row of each panel.
template <class Copy>
void Dense::eachPanelRow(const Copy& copy) const {
  const Index panel = kPanelVecs * kernels_.lanes;
  for (Index start = 0; start < shape_.outputs; start += panel) {
    const Index count = std::min(panel, shape_.outputs - start);
    const Index width = roundUp(count, kernels_.lanes);
    for (Index i = 0; i < shape_.inputs; i++)
      copy(start * shape_.inputs + i * width, i * shape_.outputs + start, count);
  }
}

void Dense::checkTensors(const Tensors& tensors, bool withMoments) const {
  const Index weights = checkedProduct(shape_.inputs, shape_.outputs);
  const auto exactly = [](const Given<float>& array, Index count) {
    if (!array.data || array.length != count) throw BadCall{"tensors: an array has the wrong length"};
  };
  exactly(tensors.weights, weights);
  exactly(tensors.bias, shape_.outputs);
  if (!withMoments) return;
  exactly(tensors.weightMoment1, weights);
  exactly(tensors.weightMoment2, weights);
  exactly(tensors.biasMoment1, shape_.outputs);
  exactly(tensors.biasMoment2, shape_.outputs);
}

Layer Dense::layer() const {
  const auto data = [](const Array<float>& array) { return const_cast<float*>(array.data()); };
  float* m = m_.size() > 0 ? data(m_) + kStagger : nullptr;
  float* v = v_.size() > 0 ? data(v_) + 2 * kStagger : nullptr;
  float* operand = rounds() ? data(operand_) : data(w_);
  const Index operandRows = rounds() ? form_.operandRows(prefix()) : shape_.inputs;
  return {shape_.inputs, shape_.outputs, shape_.relu,  shape_.precision, data(w_), m,
          v,             data(bias_),    data(biasM_), data(biasV_), operand,  operandRows,
          rounds() && w_.bytes() + m_.bytes() + v_.bytes() + operand_.bytes() >= kWorthStreaming};
}

Index Dense::bytes() const {
  return w_.bytes() + m_.bytes() + v_.bytes() + operand_.bytes() + x_.bytes() + xGradient_.bytes();
}

}  // namespace pff
