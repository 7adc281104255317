// Convolutions and the planes around them for digest.cc: short trainings whose bits must be the same for every instruction set. On this
// CPU test/kernels/block.test.ts compares the same kernels with the reference.
#pragma once
#include <cstdio>

#include "../../native/convolution.h"

namespace pff::check {

struct Size {
  Index channels, height, width, outputs, kernel, stride, padding, groups, labels, batch, variants;
};

// Patches that are packed, windows that are read as they lie (channels in eights; with tiles in 32s), groups, strides, several pieces.
constexpr Size kSizes[] = {
    {3, 7, 5, 21, 3, 1, 1, 1, 4, 3, 2},
    {16, 9, 6, 20, 3, 2, 1, 2, 3, 4, 2},
    {8, 25, 23, 9, 3, 1, 1, 1, 0, 1, 1},
    {32, 8, 8, 50, 3, 1, 1, 1, 0, 9, 1},
};

template <class Numbers>
class Trained {
 public:
  Trained(const KernelTable& kernels, std::shared_ptr<Pool> pool, const Size& size, Precision precision, Numbers& random)
      : kernels_(kernels), size_(size), rows_(size.batch * size.variants),
        shape_{size.channels, size.height, size.width, size.outputs, size.kernel, size.stride, size.padding, size.groups, size.labels, true, false} {
    const Index counts[3] = {shape_.patch() * size.outputs, size.labels * size.outputs, size.outputs};
    for (int p = 0; p < 3; p++) {
      tensors_[3 * p] = random.values(counts[p], 0.3f);
      tensors_[3 * p + 1] = random.values(counts[p], 1e-3f);
      tensors_[3 * p + 2] = random.values(counts[p], 1e-3f);
      for (float& x : tensors_[3 * p + 2]) x = x * x;
    }
    convolution_ = std::make_unique<Convolution>(kernels, std::move(pool), precision, shape_, all());
  }

  // Whether the memory that it says it holds has grown by what its first calls make room for.
  template <class Digest>
  bool run(Numbers& random, Digest& digest, Digest& byPosition) {
    const Index opened = convolution_->bytes();
    std::vector<float> x = random.values(size_.batch * shape_.values(), 1.0f);
    std::vector<float> labels = random.values(rows_ * size_.labels, 1.0f);
    for (float& value : x)
      if (value < -0.3f) value = 0.0f;
    const ConvolutionInput input{of<const float>(x), size_.batch, size_.variants, of<const float>(labels)};
    for (int step = 0; step < 2; step++) {
      std::vector<float> z(static_cast<size_t>(rows_ * shape_.outValues()));
      convolution_->forward(input, of<float>(z));
      digest.add(z);
      Numbers apart{static_cast<uint64_t>(11 + step)};
      positions(z, step == 1, apart, byPosition);
      std::vector<float> delta = planes(z, step == 1, random, digest);
      std::vector<float> below(static_cast<size_t>(rows_ * shape_.values()));
      convolution_->inputGradient(of<const float>(delta), rows_, of<float>(below));
      digest.add(below);
      std::vector<float> sums(static_cast<size_t>(rows_ * size_.outputs));
      kernels_.planeSums({delta.data(), plane(PlaneShape::kNone), nullptr, false, sums.data()}, 0, rows_);
      const Rule rule = step == 0 ? Rule(Adam{0.9f, 0.999f, 1.0f - 0.9f, 1.0f - 0.999f, 0.01f, 1e-14f, 0.999f}) : Rule(Sgd{0.9f, 0.05f, 0.999f});
      convolution_->update(input, of<float>(delta), of<const float>(sums), rule);
    }
    convolution_->read(all());
    for (const std::vector<float>& values : tensors_) digest.add(values);
    // A frame, of bf16 values at least, or packed patches; and the gradient of all weights, added up over pieces.
    const Index frame = shape_.kernel * shape_.width * shape_.channels / shape_.groups * static_cast<Index>(sizeof(uint16_t));
    const Index gradient = shape_.patch() * shape_.each() * static_cast<Index>(sizeof(float));
    return convolution_->bytes() - opened >= frame + gradient;
  }

 private:
  template <class T>
  static Given<T> of(std::vector<float>& values) {
    static float none[1];
    return {values.empty() ? none : values.data(), static_cast<Index>(values.size())};
  }

  ConvolutionTensors all() {
    const auto moments = [&](int p) {
      return Moments{of<float>(tensors_[3 * p]), of<float>(tensors_[3 * p + 1]), of<float>(tensors_[3 * p + 2])};
    };
    return {moments(0), moments(1), moments(2)};
  }

  PlaneShape plane(PlaneShape::Pool pool) const {
    const Index side = pool == PlaneShape::kNone ? 1 : 2;
    const Index height = shape_.outHeight();
    const Index width = shape_.outWidth();
    return {size_.outputs, height, width, pool, side, side, height / side, width / side, 0.25f};
  }

  // Norm, activation and pool of z, and the way back from some loss: dz.
  // Rules 9 to 11 by position: statistics, what leaves, and the way back.
  template <class Digest>
  void positions(const std::vector<float>& z, bool centred, Numbers& random, Digest& digest) const {
    const PlaneShape shape = plane(PlaneShape::kMax);
    std::vector<float> mean(static_cast<size_t>(rows_ * shape.positions())), inverse(mean);
    kernels_.positionSums({z.data(), shape, centred, mean.data(), inverse.data()}, 0, rows_);
    digest.add(mean);
    digest.add(inverse);
    const std::vector<float> scale = random.values(size_.outputs, 1.0f), shift = random.values(size_.outputs, 0.5f);
    const Norm norm{false, mean.data(), scale.data(), shift.data(), inverse.data()};
    std::vector<float> y(static_cast<size_t>(rows_ * shape.outValues())), places(y);
    kernels_.finishPlanes({z.data(), shape, norm, y.data(), places.data()}, 0, rows_);
    digest.add(y);
    const std::vector<float> given = random.values(rows_ * shape.outValues(), 0.1f);
    std::vector<float> delta(z.size()), sums(static_cast<size_t>(rows_ * size_.outputs)), squares(sums);
    kernels_.backwardsPlanes({y.data(), nullptr, given.data(), z.data(), shape, norm, places.data(), delta.data(), sums.data(), squares.data()}, 0, rows_);
    kernels_.positionBackwards({z.data(), shape, norm, centred, delta.data(), sums.data()}, 0, rows_);
    for (const std::vector<float>* each : {&delta, &sums, &squares}) digest.add(*each);
  }

  template <class Digest>
  std::vector<float> planes(const std::vector<float>& z, bool byRow, Numbers& random, Digest& digest) const {
    const PlaneShape shape = plane(byRow ? PlaneShape::kAverage : PlaneShape::kMax);
    const Index norms = byRow ? rows_ * size_.outputs : size_.outputs;
    const std::vector<float> mean = random.values(norms, 0.5f), scale = random.values(norms, 1.0f), shift = random.values(size_.outputs, 0.5f);
    const Norm norm{byRow, mean.data(), scale.data(), shift.data()};
    std::vector<float> sums(static_cast<size_t>(rows_ * size_.outputs)), squares(sums);
    kernels_.planeSums({z.data(), shape, mean.data(), byRow, sums.data()}, 0, rows_);
    digest.add(sums);
    std::vector<float> y(static_cast<size_t>(rows_ * shape.outValues())), places(y);
    kernels_.finishPlanes({z.data(), shape, norm, y.data(), byRow ? nullptr : places.data()}, 0, rows_);
    digest.add(y);
    const std::vector<float> given = random.values(rows_ * shape.outValues(), 0.1f);
    std::vector<float> delta(z.size());
    kernels_.backwardsPlanes({y.data(), nullptr, given.data(), z.data(), shape, norm, places.data(), delta.data(), sums.data(), squares.data()}, 0, rows_);
    digest.add(sums);
    digest.add(squares);
    const std::vector<float> a = random.values(norms, 0.1f), b = random.values(norms, 0.1f);
    kernels_.normBackwards({z.data(), shape, norm, a.data(), b.data(), delta.data(), sums.data()}, 0, rows_);
    digest.add(delta);
    return delta;
  }

  const KernelTable& kernels_;
  const Size size_;
  const Index rows_;
  const ConvolutionShape shape_;
  std::vector<float> tensors_[9];
  std::unique_ptr<Convolution> convolution_;
};

// All sizes, each from the same numbers; whether all count their memory.
template <class Numbers, class Digest>
bool runConvolutions(const KernelTable& kernels, const std::shared_ptr<Pool>& pool, Precision precision, Digest& digest, Digest& byPosition) {
  bool counted = true;
  for (const Size& size : kSizes) {
    Numbers random{7};
    if (Trained<Numbers>(kernels, pool, size, precision, random).run(random, digest, byPosition)) continue;
    std::fprintf(stderr, "the memory of a convolution from %d channels is not counted\n", static_cast<int>(size.channels));
    counted = false;
  }
  return counted;
}

}  // namespace pff::check
