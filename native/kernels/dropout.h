// Rule 7: dropout by counter-based masks (Philox4x32-10). Plain code over 16 counters at a time: the compiler vectorises it.
#pragma once
#include <cstring>

#include "panels.h"

namespace pff {
namespace {

constexpr int kMaskBlocks = 16;
constexpr Index kMaskGroup = kMaskBlocks * 8;

// Words 0 … 3 of the blocks first … first + 15, word by word: as half-words, one for each value of a group.
inline void maskWords(const uint32_t* name, uint32_t first, uint32_t (&words)[4][kMaskBlocks]) {
  uint32_t key0 = name[0];
  uint32_t key1 = name[1];
  for (uint32_t l = 0; l < kMaskBlocks; l++) {
    words[0][l] = first + l;
    words[1][l] = name[2];
    words[2][l] = name[3];
    words[3][l] = name[4];
  }
  for (int round = 0; round < 10; round++) {
    for (int l = 0; l < kMaskBlocks; l++) {
      const uint64_t a = static_cast<uint64_t>(words[0][l]) * 0xd2511f53u;
      const uint64_t b = static_cast<uint64_t>(words[2][l]) * 0xcd9e8d57u;
      const uint32_t c1 = words[1][l];
      const uint32_t c3 = words[3][l];
      words[0][l] = static_cast<uint32_t>(b >> 32) ^ c1 ^ key0;
      words[1][l] = static_cast<uint32_t>(b);
      words[2][l] = static_cast<uint32_t>(a >> 32) ^ c3 ^ key1;
      words[3][l] = static_cast<uint32_t>(a);
    }
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
}

void dropout(const DropoutJob& job, Index first, Index last) {
  const Index channels = job.channels;
  const Index groups = blocksOf(channels, kMaskGroup);
  for (Index r = first; r < last; r++) {
    const float* from = job.values + (job.rows ? static_cast<Index>(job.rows[r]) : r) * job.width;
    float* to = job.out + r * job.width;
    for (Index group = 0; group < groups; group++) {
      alignas(64) uint32_t words[4][kMaskBlocks];
      alignas(64) uint16_t halves[kMaskGroup];
      maskWords(job.name, static_cast<uint32_t>((r * groups + group) * kMaskBlocks), words);
      std::memcpy(halves, words, sizeof halves);  // little-endian: the low half first
      const Index start = group * kMaskGroup;
      const Index count = channels - start < kMaskGroup ? channels - start : kMaskGroup;
      for (Index at = start; at < job.width; at += channels) {
        for (Index i = 0; i < count; i++) {
          const float value = from[at + i] * job.scale;
          to[at + i] = halves[i] >= job.threshold ? value : 0.0f;
        }
      }
    }
  }
}

}  // namespace
}  // namespace pff
