// AMX tiles of a thread: all eight as 16 rows of 64 bytes for as long as a Session lives, and given back with it, so that the
// system has nothing of them to save when the thread does something else.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../layout.h"

namespace pff {
namespace {

constexpr Index kTileRows = 16;                      // of samples, inputs or pairs of terms
constexpr Index kTileWords = kTileRows * kTileRows;  // a tile's words, of a pair of bf16 values or of an f32 sum
constexpr Index kTileRowBytes = 64;
constexpr Index kTileBlock = 2 * kTileRows;          // samples, or inputs, that are gone through together

class Session {
 public:
  Session() {
    // Intel's Software Developer's Manual, LDTILECFG: palette 1; bytes of a row, and rows, of each tile.
    struct alignas(64) Config {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t rowBytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int tile = 0; tile < 8; tile++) {
      config.rowBytes[tile] = kTileRowBytes;
      config.rows[tile] = kTileRows;
    }
    asm volatile("" ::"m"(config));
    _tile_loadconfig(&config);
  }
  ~Session() { _tile_release(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

// The compiler does not know that tile instructions read memory: what was stored before must be there.
inline void finishStores() { asm volatile("" ::: "memory"); }

}  // namespace
}  // namespace pff
