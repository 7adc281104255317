// Rule 8 for tiles: frames in bf16, and the operands of tile products copied out of them, so that each value is rounded once.
#pragma once
#include <cstring>

#include "pack.h"

namespace pff {
namespace {

// A frame's blocks of 32 channels: [images][channels / 32][frameRows][frameWidth][16 pairs of channels].
void frameTiles(const FrameJob& job, Index first, Index last) {
  const Index blocks = job.channels / kTileBlock;
  const Index plane = job.frameRows * job.frameWidth * kTileRows;
  for (Index item = first; item < last; item++) {
    const Index image = item / job.rows;
    const Index row = item % job.rows;
    const Index y = job.top + row;
    float* to = job.frame + image * blocks * plane + row * job.frameWidth * kTileRows;
    const float* pixels = job.x + ((image * job.height + y) * job.width + job.left) * job.channels;
    for (Index c = 0; c < blocks; c++) {
      for (Index x = 0; x < job.frameWidth; x++) {
        const bool inside = y >= 0 && y < job.height && x + job.left >= 0 && x + job.left < job.width;
        const float* from = pixels + x * job.channels + c * kTileBlock;
        _mm512_storeu_si512(to + c * plane + x * kTileRows,
                            inside ? pairsOfRow(_mm512_loadu_ps(from), _mm512_loadu_ps(from + kTileRows)) : _mm512_setzero_si512());
      }
    }
  }
}

// Blocks of 32 rows: the tiles of the forward pass, as packTiles makes them.
void packWindowTiles(const Batch& windows, float* to, Index first, Index last) {
  const Index taps = windows.prefix / kTileBlock;
  for (Index block = first; block < last; block++) {
    const uint32_t* at = windows.at + block * kTileBlock;
    float* tiles = to + block * taps * 2 * kTileWords;
    for (Index t = 0; t < taps; t++, tiles += 2 * kTileWords) {
      const float* from = windows.x + windows.taps[t];
      PFF_UNROLL
      for (Index i = 0; i < kTileBlock; i++) _mm512_storeu_si512(tiles + i * kTileRows, _mm512_loadu_si512(from + at[i]));
    }
  }
}

// A frame with its channels apart: [images][channels][frameRows][frameWidth] bf16 values.
void framePlanes(const FrameJob& job, Index first, Index last) {
  const Index plane = job.frameRows * job.frameWidth;
  uint16_t* const frame = reinterpret_cast<uint16_t*>(job.frame);
  const Index from = job.left < 0 ? -job.left : 0;  // columns of the frame that are in the image
  const Index until = job.width - job.left < job.frameWidth ? job.width - job.left : job.frameWidth;
  for (Index item = first; item < last; item++) {
    const Index image = item / job.rows;
    const Index row = item % job.rows;
    const Index y = job.top + row;
    uint16_t* to = frame + image * job.channels * plane + row * job.frameWidth;
    const bool inside = y >= 0 && y < job.height;
    for (Index c = 0; c < job.channels; c++) {
      uint16_t* line = to + c * plane;
      const Index left = inside ? from : job.frameWidth;
      for (Index x = 0; x < left; x++) line[x] = 0;
      for (Index x = until; inside && x < job.frameWidth; x++) line[x] = 0;
    }
    if (!inside) continue;
    const float* pixels = job.x + ((image * job.height + y) * job.width + job.left) * job.channels;
    for (Index c = 0; c < job.channels; c += kTileRows) {
      for (Index x = from; x < until; x += kTileRows) {
        const Index count = until - x < kTileRows ? until - x : kTileRows;
        __m512i square[kTileRows];
        PFF_UNROLL
        for (int i = 0; i < kTileRows; i++)
          square[i] = i < count ? _mm512_castps_si512(_mm512_loadu_ps(pixels + (x + i) * job.channels + c)) : _mm512_setzero_si512();
        transpose16(square);
        const __mmask16 wanted = static_cast<__mmask16>((1u << count) - 1u);
        PFF_UNROLL
        for (int i = 0; i < kTileRows; i++) {
          const __m256i half = _mm512_castsi512_si256(pairsOfRow(_mm512_castsi512_ps(square[i]), _mm512_setzero_ps()));
          _mm256_mask_storeu_epi16(to + (c + i) * plane + x, wanted, half);
        }
      }
    }
  }
}

// (Blocks of 32 inputs): the tiles of the gradient, as packTiles makes them, from planes.
void packPlaneTiles(const PlaneWindows& job, Index first, Index last) {
  const Index sampleBlocks = blocksOf(job.samples, kTileBlock);
  for (Index k = first; k < last; k++) {
    const uint16_t* channels = job.frame + job.taps[k];
    for (Index block = 0; block < sampleBlocks; block++) {
      uint16_t* to = reinterpret_cast<uint16_t*>(job.to + (k * sampleBlocks + block) * 2 * kTileWords);
      const Index samples = job.samples - block * kTileBlock < kTileBlock ? job.samples - block * kTileBlock : kTileBlock;
      // A run of positions that lie side by side ends where the next row begins.
      const uint32_t* at = job.at + block * kTileBlock;
      for (Index i = 0; i < samples;) {
        Index run = 1;
        while (i + run < samples && at[i + run] == at[i] + static_cast<uint32_t>(run)) run++;
        const uint16_t* from = channels + at[i];
        for (Index c = 0; c < kTileBlock; c++, from += job.plane) {
          uint16_t* row = to + c * kTileBlock + i;
          if (run == kTileBlock) {
            _mm512_storeu_si512(row, _mm512_loadu_si512(from));
          } else if (run == kTileRows) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(row), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
          } else if (run == kBlock) {
            _mm_storeu_si128(reinterpret_cast<__m128i*>(row), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
          } else {
            std::memcpy(row, from, static_cast<size_t>(run) * sizeof(uint16_t));
          }
        }
        i += run;
      }
      if (samples == kTileBlock) continue;
      for (Index c = 0; c < kTileBlock; c++)
        std::memset(to + c * kTileBlock + samples, 0, static_cast<size_t>(kTileBlock - samples) * sizeof(uint16_t));
    }
  }
}

}  // namespace
}  // namespace pff
