// The numeric rules of src/kernels/kernels.ts in plain C++ over row-major arrays: what the fast kernels mean. Not part of the
// addon; test/native/ checks every instruction set against it, bit for bit.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace pff::plain {

using Floats = std::vector<float>;

struct Tensors {
  int inputs, outputs;
  Floats w, m, v;              // [I, O]
  Floats bias, biasM, biasV;   // [O]
};

// What the operands of the big products are: themselves, or rounded to bf16; and the order of the sums.
enum class Precision { kF32, kBf16, kBf16Tile };

inline float operand(Precision precision, float x) {
  if (precision == Precision::kF32 || x != x) return x;
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const uint32_t rest = bits & 0xffffu;
  const bool odd = (bits & 0x10000u) != 0;
  bits -= rest;
  if (rest > 0x8000u || (rest == 0x8000u && odd)) bits += 0x10000u;
  float rounded;
  std::memcpy(&rounded, &bits, 4);
  return std::fabs(rounded) < 0x1p-40f ? 0.0f : rounded;
}

// acc + the products of the operands term(k, a, b) sets, for k < n.
template <class Term>
inline float addProducts(Precision precision, float acc, int n, const Term& term) {
  const bool tile = precision == Precision::kBf16Tile;
  for (int first = 0; first < n; first += tile ? 32 : n) {
    float chains[2] = {tile ? 0.0f : acc, 0.0f};
    for (int k = first; k < n && (!tile || k < first + 32); k++) {
      float a, b;
      term(k, a, b);
      float& chain = chains[tile && k % 2 == 1 ? 1 : 0];
      chain = std::fmaf(operand(precision, a), operand(precision, b), chain);
    }
    acc = tile ? acc + (chains[0] + chains[1]) : chains[0];
  }
  return acc;
}

struct Input {
  int batch, variants, prefixInputs, suffixInputs;
  const float* prefix;  // [B, P]
  const float* suffix;  // [V · B, C]
};

// Rule 1. y [V · B, O]
inline void forward(Precision precision, const Tensors& t, const Input& in, bool relu, float* y) {
  for (int r = 0; r < in.variants * in.batch; r++) {
    const float* x = in.prefix + (r % in.batch) * in.prefixInputs;
    for (int o = 0; o < t.outputs; o++) {
      float acc = precision != Precision::kF32 && std::fabs(t.bias[o]) < 0x1p-40f ? 0.0f : t.bias[o];
      acc = addProducts(precision, acc, in.prefixInputs, [&](int p, float& a, float& b) {
        a = x[p];
        b = t.w[p * t.outputs + o];
      });
      for (int c = 0; c < in.suffixInputs; c++) {
        const float s = in.suffix[r * in.suffixInputs + c];
        if (s != 0.0f) acc = std::fmaf(s, t.w[(in.prefixInputs + c) * t.outputs + o], acc);
      }
      y[r * t.outputs + o] = relu && acc <= 0.0f ? 0.0f : acc;
    }
  }
}

// Rule 2.
inline float sumSquares(const float* y, int n) {
  float lanes[16] = {};
  for (int o = 0; o < n; o++) lanes[o % 16] = std::fmaf(y[o], y[o], lanes[o % 16]);
  for (int half = 8; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lanes[j] = lanes[j] + lanes[j + half];
  return lanes[0];
}

// Rule 3, in place.
inline void normalise(float* y, int n) {
  const float inverse = 1.0f / std::sqrt(sumSquares(y, n) + 1e-12f);
  for (int o = 0; o < n; o++) y[o] = y[o] * inverse;
}

// Rule 4, one value; rowScale or value is what was given.
inline float deltaOfScale(float rowScale, float y) {
  const float delta = (std::fabs(rowScale) < 0x1p-126f ? 0.0f : rowScale) * y;
  return std::fabs(delta) < 0x1p-40f ? 0.0f : delta;
}
inline float deltaOfValue(float value, float y, bool relu) {
  const float delta = relu && y <= 0.0f ? 0.0f : value;
  return std::fabs(delta) < 0x1p-40f ? 0.0f : delta;
}

struct Adam {
  float beta1, beta2, stepSize, epsilonSquared, keep;
};

// Rule 5, one weight.
inline void adam(const Adam& a, float g, float& w, float& m, float& v, float keep) {
  m = std::fmaf(1.0f - a.beta1, g, a.beta1 * (std::fabs(m) < 0x1p-95f ? 0.0f : m));
  v = std::fmaf(1.0f - a.beta2, std::fmaf(g, g, -v), v);
  if (v < 0x1p-95f) v = 0x1p-95f;
  const float h = std::fmaf(-0.5f, v, -0.5f * a.epsilonSquared);
  uint32_t bits;
  std::memcpy(&bits, &h, 4);
  bits = 0x9ef76880u - (bits >> 1);
  float y;
  std::memcpy(&y, &bits, 4);
  y = y * std::fmaf(h * y, y, 1.50088f);
  y = y * std::fmaf(h * y, y, 1.5000006f);
  w = std::fmaf(-a.stepSize * m, y, keep * w);
}

struct Sgd {
  float momentum, stepSize, keep;
};

inline void sgd(const Sgd& s, float g, float& w, float& m, float keep) {
  const float quiet = std::fabs(m) < 0x1p-95f ? 0.0f : m;
  m = g + s.momentum * quiet;
  w = std::fmaf(-s.stepSize, m, keep * w);
}

inline void step(const Adam& a, float g, float& w, float& m, float& v, bool decays) {
  adam(a, g, w, m, v, decays ? a.keep : 1.0f);
}
inline void step(const Sgd& s, float g, float& w, float& m, float&, bool decays) {
  sgd(s, g, w, m, decays ? s.keep : 1.0f);
}

// Rules 4 and 5. delta [V · B, O]; Rule: Adam or Sgd
template <class Rule>
inline void update(Precision precision, Tensors& t, const Input& in, const float* delta, const Rule& rule) {
  const int rows = in.variants * in.batch;
  for (int o = 0; o < t.outputs; o++) {
    float gb = 0.0f;
    for (int r = 0; r < rows; r++) gb = gb + delta[r * t.outputs + o];
    step(rule, gb, t.bias[o], t.biasM[o], t.biasV[o], false);
    for (int i = 0; i < t.inputs; i++) {
      float g = 0.0f;
      if (i < in.prefixInputs) {
        g = addProducts(precision, g, in.batch, [&](int b, float& x, float& s) {
          x = in.prefix[b * in.prefixInputs + i];
          s = delta[b * t.outputs + o];
          for (int v = 1; v < in.variants; v++) s = s + delta[(v * in.batch + b) * t.outputs + o];
        });
      } else {
        for (int r = 0; r < rows; r++) {
          const float s = in.suffix[r * in.suffixInputs + i - in.prefixInputs];
          if (s != 0.0f) g = std::fmaf(s, delta[r * t.outputs + o], g);
        }
      }
      const int at = i * t.outputs + o;
      step(rule, g, t.w[at], t.m[at], t.v[at], true);
    }
  }
}

// Rule 6. dX [R, I]
inline void inputGradient(Precision precision, const Tensors& t, int rows, const float* delta, float* dX) {
  for (int r = 0; r < rows; r++) {
    for (int i = 0; i < t.inputs; i++) {
      dX[r * t.inputs + i] = addProducts(precision, 0.0f, t.outputs, [&](int o, float& d, float& w) {
        d = delta[r * t.outputs + o];
        w = t.w[i * t.outputs + o];
      });
    }
  }
}

}  // namespace pff::plain
