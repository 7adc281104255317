// Runs the compute core (no Node-API) on fixed pseudo-random layers with every instruction set of this CPU and several
// thread counts, and checks each bit on one thread against rules.h. Prints one line "NAME THREADS ADAM SGD BF16 TILE" for each,
// four digests (the last two: Adam in bf16 and bf16-tile), three of convolutions (f32, bf16, bf16-tile), one of norms by position and one of
// products of doubles; they must be the same on every CPU. Exits with 1 on a difference. With the argument "digests" it leaves the plain
// rules out, which take most of the time, and tries one number of threads each: for emulators, since the digests alone say whether the bits are right.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../../native/dense.h"
#include "../../native/instruction-sets.h"
#include "convolutions.h"
#include "rules.h"

namespace {

using pff::Given;
using pff::Index;
using pff::plain::Floats;
using pff::plain::Precision;

// splitmix64, to floats with few and with many digits, zeros among them.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  float value(float scale) { return scale * (static_cast<float>(next() >> 40) * 0x1p-23f - 1.0f); }
  Floats values(Index n, float scale) {
    Floats all(static_cast<size_t>(n));
    for (float& x : all) x = value(scale);
    return all;
  }
};

struct Shape {
  Index prefix, suffix, outputs, batch, variants;
  bool relu, scaled;  // scaled: the delta is a rowScale
};

constexpr Shape kShapes[] = {
    {1, 0, 1, 1, 1, true, true},      {7, 3, 5, 3, 2, true, true},     {64, 0, 48, 16, 1, true, true},
    {33, 10, 49, 9, 2, true, true},   {100, 0, 10, 20, 1, false, false}, {50, 11, 113, 13, 4, true, false},
    {0, 10, 20, 6, 3, true, true},    {700, 0, 130, 40, 1, true, true}, {2100, 4, 20, 70, 2, true, false},
    {70, 3, 1213, 13, 1, true, false},
};

// FNV-1a over the bits.
struct Digest {
  uint64_t state = 0xcbf29ce484222325ull;
  void add(const Floats& all) {
    for (float x : all) add(x);
  }
  template <class Number>
  void add(Number x) {
    unsigned char bytes[sizeof x];  // the lowest first, as all CPUs that this is built for have it
    std::memcpy(bytes, &x, sizeof x);
    for (const unsigned char byte : bytes) state = (state ^ byte) * 0x100000001b3ull;
  }
};

template <class T>
Given<T> given(Floats& all) {
  static float none[1];
  return {all.empty() ? none : all.data(), static_cast<Index>(all.size())};
}

bool same(const char* what, const Floats& expected, const Floats& found) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::memcmp(&expected[i], &found[i], 4) == 0) continue;
    std::printf("%s[%zu]: expected %a, found %a\n", what, i, expected[i], found[i]);
    return false;
  }
  return true;
}

// Two steps of training, then inference; everything that can be seen goes into the digest, and is compared with the plain rules if
// `compares`.
bool runShape(const pff::KernelTable& kernels, const std::shared_ptr<pff::Pool>& pool, const Shape& s, bool sgd,
              Precision precision, bool compares, Digest& digest) {
  Random random{static_cast<uint64_t>(s.prefix * 31 + s.outputs)};
  const Index inputs = s.prefix + s.suffix;
  const Index rows = s.batch * s.variants;
  pff::plain::Tensors t{static_cast<int>(inputs), static_cast<int>(s.outputs), random.values(inputs * s.outputs, 0.1f),
                        random.values(inputs * s.outputs, 1e-3f), random.values(inputs * s.outputs, 1e-3f),
                        random.values(s.outputs, 0.1f), random.values(s.outputs, 1e-3f), random.values(s.outputs, 1e-3f)};
  for (float& v : t.v) v = v * v;
  for (float& v : t.biasV) v = v * v;
  pff::Dense dense(kernels, pool, {inputs, s.outputs, s.suffix, rows, s.relu, static_cast<pff::Precision>(precision)},
                   {given<float>(t.w), given<float>(t.bias), given<float>(t.m), given<float>(t.v), given<float>(t.biasM),
                    given<float>(t.biasV)});
  const pff::plain::Adam adam{0.9f, 0.999f, 0.003f, 1e-14f, 0.9999f};
  const pff::plain::Sgd momentum{0.9f, 0.01f, 0.9999f};
  bool good = true;
  for (int step = 0; step < 2; step++) {
    Floats prefix = random.values(s.batch * s.prefix, 1.0f);
    for (float& x : prefix)
      if (x < -0.3f) x = 0.0f;
    Floats suffix(static_cast<size_t>(rows * s.suffix));
    for (Index r = 0; r < rows && s.suffix > 0; r++)
      suffix[static_cast<size_t>(r * s.suffix) + random.next() % static_cast<uint64_t>(s.suffix)] = 1.0f;
    const pff::plain::Input plainInput{static_cast<int>(s.batch), static_cast<int>(s.variants), static_cast<int>(s.prefix),
                                       static_cast<int>(s.suffix), prefix.data(), suffix.data()};
    const pff::LayerInput input{given<const float>(prefix), {}, s.batch, s.variants,
                                s.suffix > 0 ? given<const float>(suffix) : Given<const float>{}};
    const size_t values = static_cast<size_t>(rows * s.outputs);
    Floats expected(values), y(values), expectedSums(static_cast<size_t>(rows)), sums(static_cast<size_t>(rows));
    if (compares) pff::plain::forward(precision, t, plainInput, s.relu, expected.data());
    for (Index r = 0; r < rows; r++)
      expectedSums[static_cast<size_t>(r)] = pff::plain::sumSquares(expected.data() + r * s.outputs, t.outputs);
    dense.forward(input, given<float>(y), given<float>(sums));
    if (compares) good = same("activations", expected, y) && same("sums of squares", expectedSums, sums) && good;

    Floats scale = random.values(rows, 0.1f);
    Floats given_ = random.values(rows * s.outputs, 0.1f);
    Floats delta(values);
    for (size_t i = 0; i < values; i++)
      delta[i] = s.scaled ? pff::plain::deltaOfScale(scale[i / static_cast<size_t>(s.outputs)], y[i])
                          : pff::plain::deltaOfValue(given_[i], y[i], s.relu);
    const pff::DeltaInput deltaInput = s.scaled ? pff::DeltaInput{given<const float>(scale), {}}
                                                : pff::DeltaInput{{}, given<const float>(given_)};
    Floats expectedX(static_cast<size_t>(rows * inputs)), dX(static_cast<size_t>(rows * inputs));
    if (compares) pff::plain::inputGradient(precision, t, static_cast<int>(rows), delta.data(), expectedX.data());
    dense.inputGradient(given<const float>(y), deltaInput, given<float>(dX));
    if (compares) good = same("input gradient", expectedX, dX) && good;
    if (sgd) {
      if (compares) pff::plain::update(precision, t, plainInput, delta.data(), momentum);
      dense.update(given<const float>(y), deltaInput, pff::Sgd{momentum.momentum, momentum.stepSize, momentum.keep});
    } else {
      if (compares) pff::plain::update(precision, t, plainInput, delta.data(), adam);
      dense.update(given<const float>(y), deltaInput,
                   pff::Adam{adam.beta1, adam.beta2, 1.0f - adam.beta1, 1.0f - adam.beta2, adam.stepSize,
                             adam.epsilonSquared, adam.keep});
    }

    if (compares) {
      pff::plain::forward(precision, t, plainInput, s.relu, expected.data());
      for (Index r = 0; r < rows; r++) pff::plain::normalise(expected.data() + r * s.outputs, t.outputs);
    }
    Floats inferred(values);
    dense.infer(input, given<float>(inferred), true, given<float>(sums));
    if (compares) good = same("inferred", expected, inferred) && good;
    for (const Floats* all : {&y, &dX, &inferred, &sums}) digest.add(*all);
  }
  pff::plain::Tensors found = t;
  dense.read({given<float>(found.w), given<float>(found.bias), given<float>(found.m), given<float>(found.v),
              given<float>(found.biasM), given<float>(found.biasV)});
  if (compares) good = same("weights", t.w, found.w) && same("moment 1", t.m, found.m) && same("moment 2", t.v, found.v) && good;
  if (compares) good = same("bias", t.bias, found.bias) && same("bias moment 2", t.biasV, found.biasV) && good;
  for (const Floats* all : {&found.w, &found.bias, &found.m, &found.v, &found.biasM, &found.biasV}) digest.add(*all);
  return good;
}

// Products of doubles (rule 13) with edges in rows and columns; where they are square, below the diagonal only.
bool runDoubles(const pff::KernelTable& kernels, bool compares, Digest& digest) {
  Random random{11};
  const Index sizes[][3] = {{1, 1, 1}, {9, 33, 70}, {23, 17, 23}, {64, 100, 64}};
  for (const auto& [rows, terms, columns] : sizes) {
    std::vector<double> left(static_cast<size_t>(rows * terms)), right(static_cast<size_t>(terms * columns));
    for (std::vector<double>* all : {&left, &right})
      for (double& x : *all) x = static_cast<double>(random.value(1.0f)) / 3.0;
    const bool lower = rows == columns;
    std::vector<double> out(static_cast<size_t>(rows * columns));
    kernels.doubleProducts({left.data(), right.data(), rows, terms, columns, lower, out.data()}, 0,
                           pff::blocksOf(rows, pff::kDoubleRows));
    for (Index i = 0; i < rows; i++) {
      for (Index j = 0; j < (lower ? i + 1 : columns); j++) {
        const double found = out[static_cast<size_t>(i * columns + j)];
        digest.add(found);
        if (!compares) continue;
        double sum = 0;
        for (Index k = 0; k < terms; k++) sum += left[static_cast<size_t>(i * terms + k)] * right[static_cast<size_t>(k * columns + j)];
        if (std::memcmp(&sum, &found, sizeof sum) == 0) continue;
        std::fprintf(stderr, "%s: a product of doubles differs, row %d, column %d\n", kernels.name, static_cast<int>(i), static_cast<int>(j));
        return false;
      }
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const bool digestsOnly = count > 1 && std::string(arguments[1]) == "digests";
  bool good = true;
  bool best = true;
  for (const pff::KernelTable* kernels : pff::instructionSets()) {
    // Emulated, every run takes a minute: how threads share the work is checked on this CPU.
    const int least = digestsOnly && best ? 3 : 1;
    const int most = digestsOnly && !best ? 1 : 3;
    best = false;
    for (int threads = least; threads <= most; threads++) {
      const bool compares = threads == 1 && !digestsOnly;
      const auto pool = std::make_shared<pff::Pool>(threads, 0);
      Digest adam, sgd, bf16, tile;
      for (const Shape& shape : kShapes) {
        good = runShape(*kernels, pool, shape, false, Precision::kF32, compares, adam) && good;
        good = runShape(*kernels, pool, shape, true, Precision::kF32, compares, sgd) && good;
        good = runShape(*kernels, pool, shape, false, Precision::kBf16, compares, bf16) && good;
        good = runShape(*kernels, pool, shape, false, Precision::kBf16Tile, compares, tile) && good;
      }
      std::printf("%s %d", kernels->name, threads);
      for (const Digest* digest : {&adam, &sgd, &bf16, &tile})
        std::printf(" %016llx", static_cast<unsigned long long>(digest->state));
      Digest positions;
      for (Precision precision : {Precision::kF32, Precision::kBf16, Precision::kBf16Tile}) {
        Digest convolutions;
        good = pff::check::runConvolutions<Random>(*kernels, pool, static_cast<pff::Precision>(precision), convolutions, positions) && good;
        std::printf(" %016llx", static_cast<unsigned long long>(convolutions.state));
      }
      Digest doubles;
      good = runDoubles(*kernels, compares, doubles) && good;
      for (const Digest* digest : {&positions, &doubles})
        std::printf(" %016llx", static_cast<unsigned long long>(digest->state));
      std::printf("\n");
    }
  }
  return good ? 0 : 1;
}
