// Runs a layer; see dense.h.
#include "dense.h"

#include <algorithm>
#include <cstring>

namespace pff {

namespace {

// Items that a thread takes at a time: small enough to even out, large enough to keep to one panel.
Index grainFor(Index items, int threads, Index least) { return std::max(least, items / (threads * Index{32})); }

Index samplesPerChunk(Index prefix, const Form& form, Index batch, Index threads) {
  Index chunks = blocksOf(batch, std::min(forwardChunk(prefix, form) * form.samples, Index{512}));
  if (batch >= form.samples * threads) chunks = roundUp(chunks, threads);
  return roundUp(blocksOf(batch, std::max(chunks, Index{1})), form.samples);
}

}  // namespace

bool Dense::isSmall(Index samples) const {
  return samples * shape_.inputs < pool_->worthSharing() / roundUp(shape_.outputs, kernels_.lanes);
}

Index Dense::shares() const {
  return std::min(static_cast<Index>(pool_->threads()), panelsOf(shape_.outputs, kernels_.lanes));
}

// Returns R. Afterwards rows_ holds the row indexes, if any were given.
Index Dense::checkInput(const LayerInput& input) {
  if (input.batch < 0 || input.variants < 1) throw BadCall{"input: bad batch or variants"};
  const Index total = checkedProduct(input.batch, input.variants);
  if (input.batch > 0 && prefix() > 0 && !input.prefix.data) throw BadCall{"input: prefix is missing"};
  if (input.rows.data) {
    input.rows.need(input.batch, "input: too few row indexes");
    rows_.reserve(input.batch);
    const Index available = prefix() == 0 ? Index{1} << 32 : input.prefix.length / prefix();
    for (Index b = 0; b < input.batch; b++) {
      const uint32_t row = input.rows.data[b];
      if (static_cast<Index>(row) >= available) throw BadCall{"input: a row index is out of range"};
      rows_.data()[b] = row;
    }
  } else {
    input.prefix.need(checkedProduct(input.batch, prefix()), "input: prefix is too short");
  }
  if (shape_.suffixInputs > 0) {
    if (!input.suffix.data) throw BadCall{"input: suffix is missing"};
    input.suffix.need(checkedProduct(total, shape_.suffixInputs), "input: suffix is too short");
  } else if (input.variants != 1) {
    throw BadCall{"input: variants need suffix inputs"};
  }
  return total;
}

// The most suffix values of a row that are not 0.
Index Dense::mostSuffix(const LayerInput& input) const {
  return shape_.suffixInputs == 0 ? 0 : mostNonZero(input.suffix.data, input.batch * input.variants, shape_.suffixInputs);
}

SuffixList Dense::listSuffix(SuffixStore& store, const LayerInput& input, Index first, Index samples) const {
  if (shape_.suffixInputs == 0) return {nullptr, nullptr, nullptr};
  return store.list(input.suffix.data, shape_.suffixInputs, input.variants, samples,
                    [&](Index v, Index i) { return v * input.batch + first + i; });
}

// Each thread takes whole chunks of samples through the layer by itself.
void Dense::infer(const LayerInput& input, Given<float> activations, bool normalise, Given<float> sumSquares) {
  const Index rows = checkInput(input);
  activations.need(checkedProduct(rows, shape_.outputs), "infer: activations is too short");
  sumSquares.need(rows, "infer: sumSquares is too short");
  if (rows == 0 || (!activations.data && !sumSquares.data)) return;
  const Index threads = pool_->threads();
  const Index samples = samplesPerChunk(prefix(), form_, input.batch, threads);
  const Index chunks = blocksOf(input.batch, samples);
  const Index mostLabels = mostSuffix(input);
  const bool sums = sumSquares.data || (normalise && activations.data);
  // Any thread may come to take a chunk, unless there is only one.
  for (Index t = 0; t < (chunks == 1 ? 1 : threads); t++) {
    Lane& lane = lanes_[static_cast<size_t>(t)];
    checkedProduct(prefix() + form_.inputs, samples);
    lane.x.reserve(form_.batchWords(samples, prefix()));
    if (shape_.suffixInputs > 0) lane.suffix.reserve(checkedProduct(samples, input.variants), mostLabels);
    if (sums) lane.sums.reserve(checkedProduct(samples * input.variants, kSumLanes + 1));
  }
  pool_->run(chunks, 1, [&](Index firstChunk, Index lastChunk, int thread) {
    Lane& lane = lanes_[static_cast<size_t>(thread)];
    for (Index chunk = firstChunk; chunk < lastChunk; chunk++) {
      const Index first = chunk * samples;
      const Index count = std::min(samples, input.batch - first);
      const PackJob packing{input.prefix.data, input.rows.data ? rows_.data() : nullptr, first, count, prefix(),
                            shape_.precision,  lane.x.data(),                             nullptr};
      kernels_.pack(packing, 0, blocksOf(count, form_.samples));
      const SuffixList suffix = listSuffix(lane.suffix, input, first, count);
      const Index chunkRows = count * input.variants;
      float* squares = sums ? lane.sums.data() : nullptr;
      if (sums) std::memset(squares, 0, static_cast<size_t>(chunkRows * kSumLanes) * sizeof(float));
      float* y = activations.data ? activations.data + first * shape_.outputs : nullptr;
      const ForwardJob job{layer(), {lane.x.data(), nullptr, count, input.variants, prefix(), suffix}, 1, y, input.batch, squares, shape_.outputs};
      kernels_.forward(job, 0, forwardItems(job, form_, kernels_.lanes));
      if (!sums) continue;
      float* folded = squares + chunkRows * kSumLanes;
      kernels_.foldLanes(squares, 0, chunkRows, folded);
      for (Index v = 0; v < input.variants; v++) {
        if (sumSquares.data)
          std::memcpy(sumSquares.data + v * input.batch + first, folded + v * count, static_cast<size_t>(count) * sizeof(float));
        if (normalise && y)
          kernels_.normaliseRows(y + v * input.batch * shape_.outputs, shape_.outputs, folded + v * count, 0, count);
      }
    }
  });
}

// All threads share the panels, so that each weight is read once.
void Dense::forward(const LayerInput& input, Given<float> activations, Given<float> sumSquares) {
  const Index rows = checkInput(input);
  // Such a layer has neither moments nor room for a batch, not even for one of no rows.
  if (shape_.maxRows == 0 || !shape_.keeps) throw BadCall{"forward: the layer was opened for inference only"};
  if (rows > shape_.maxRows) throw BadCall{"forward: more rows than the layer was opened for"};
  if (!activations.data) throw BadCall{"forward: activations is missing"};
  activations.need(checkedProduct(rows, shape_.outputs), "forward: activations is too short");
  sumSquares.need(rows, "forward: sumSquares is too short");
  keptRows_ = -1;
  const int threads = isSmall(input.batch) ? 1 : pool_->threads();
  const auto grain = [&](Index items, Index least) { return threads == 1 ? items : grainFor(items, threads, least); };
  float* xGradient = form_.pair > 1 ? xGradient_.data() : nullptr;
  const PackJob packing{input.prefix.data, input.rows.data ? rows_.data() : nullptr, 0, input.batch, prefix(),
                        shape_.precision,  x_.data(),                                xGradient};
  const Index sampleBlocks = blocksOf(input.batch, form_.samples);
  pool_->run(sampleBlocks, grain(sampleBlocks, 1), [&](Index first, Index last, int) { kernels_.pack(packing, first, last); });
  if (shape_.suffixInputs > 0) suffix_.reserve(shape_.maxRows, mostSuffix(input));
  kept_ = {x_.data(), xGradient ? xGradient : x_.data(), input.batch, input.variants, prefix(), listSuffix(suffix_, input, 0, input.batch)};
  // One thread alone sums the squares as it goes; several could not keep to the order.
  float* lanes = nullptr;
  if (sumSquares.data && threads == 1) {
    lanes_[0].sums.reserve(checkedProduct(shape_.maxRows, kSumLanes));
    lanes = lanes_[0].sums.data();
    std::memset(lanes, 0, static_cast<size_t>(rows * kSumLanes) * sizeof(float));
  }
  const ForwardJob job{layer(), kept_, shares(), activations.data, input.batch, lanes, shape_.outputs};
  const Index items = forwardItems(job, form_, kernels_.lanes);
  pool_->run(items, grain(items, 1), [&](Index first, Index last, int) { kernels_.forward(job, first, last); });
  if (lanes) {
    kernels_.foldLanes(lanes, 0, rows, sumSquares.data);
  } else if (sumSquares.data) {
    pool_->run(rows, grain(rows, 4), [&](Index first, Index last, int) {
      kernels_.sumRows(activations.data, shape_.outputs, first, last, sumSquares.data);
    });
  }
  keptRows_ = rows;
}

Delta Dense::checkDelta(Given<const float> activations, const DeltaInput& delta) const {
  if (keptRows_ < 0) throw BadCall{"there is no kept batch"};
  const Index values = checkedProduct(keptRows_, shape_.outputs);
  if (!activations.data) throw BadCall{"activations is missing"};
  activations.need(values, "activations is too short");
  if (!delta.rowScale.data && !delta.values.data) throw BadCall{"delta is missing"};
  delta.rowScale.need(keptRows_, "rowScale is too short");
  delta.values.need(values, "values is too short");
  return {activations.data, delta.rowScale.data, delta.values.data, shape_.relu, shape_.outputs};
}

void Dense::inputGradient(Given<const float> activations, const DeltaInput& given, Given<float> out) {
  const Delta delta = checkDelta(activations, given);
  if (!out.data) throw BadCall{"inputGradient: out is missing"};
  out.need(checkedProduct(keptRows_, shape_.inputs), "inputGradient: out is too short");
  const Index panel = kPanelVecs * kernels_.lanes;
  const Index panels = blocksOf(keptRows_, panel);
  transposed_.reserve(checkedProduct(panels * panel, roundUp(shape_.outputs, form_.terms)));
  const InputGradientJob job{layer(), delta, keptRows_, transposed_.data(), out.data};
  pool_->run(panels, 1, [&](Index first, Index last, int) { kernels_.transposeDelta(job, first, last); });
  const Index items = panels * blocksOf(shape_.inputs, form_.inputs);
  // Neighbouring inputs share their deltas; see kernels/input-gradient.h.
  const Index together = 8 * kBlock / form_.inputs;
  pool_->run(items, roundUp(grainFor(items, pool_->threads(), together), together),
             [&](Index first, Index last, int) { kernels_.inputGradient(job, first, last); });
}

void Dense::update(Given<const float> activations, const DeltaInput& given, const Rule& rule) {
  const UpdateJob job{layer(), kept_, shares(), checkDelta(activations, given), rule, shape_.fixedBias};
  const Index items = updateItems(job, form_, kernels_.lanes);
  // A thread that enters a panel sums the panel's deltas first: not for fewer than 64 inputs.
  const Index grain = isSmall(kept_.samples) ? items : grainFor(items, pool_->threads(), 8 * kBlock / form_.inputs);
  pool_->run(items, grain, [&](Index first, Index last, int thread) {
    kernels_.update(job, first, last, lanes_[static_cast<size_t>(thread)].update.data());
  });
}

}  // namespace pff
