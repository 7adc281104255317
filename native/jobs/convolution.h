// Jobs of a convolution beside those of a dense layer: its frames, and its input gradient.
#pragma once
#include "dense.h"

namespace pff {

// A frame: planes of rows with a border of zeros, in blocks of 8 channels, so that windows can be read where they lie.
struct FrameJob {
  const float* x;   // [images, height, width, channels]
  Index channels, height, width;
  Index top, left;  // where the frame begins, in rows and pixels of an image: 0 or less
  Index rows;       // of each image that are wanted
  Index frameRows;  // that there is room for
  Index frameWidth;
  Precision precision;
  float* frame;     // [images][channels / 8][frameRows][frameWidth][8], or [4 pairs]; for tiles see tile/windows.h
};

// The gradient's operand out of a frame whose channels are apart.
struct PlaneWindows {
  const uint16_t* frame;
  Index plane;           // bf16 values from one channel to the next
  const uint32_t* at;    // where each position's window begins in its planes, in bf16 values
  const uint32_t* taps;  // of each block of 32 inputs
  Index samples;
  float* to;
};

// The weights of one group of a convolution the other way round: for each place in the window panels of channels that enter, [O][width], or
// [O / 2 pairs][width].
struct TurnJob {
  Layer layer;
  Index places;
  Index channels;   // that enter the group
  float* turned;    // [places][words of O · channels, padded to whole vectors]
};

// Rule 8, input gradient. The rows of `batch` are positions, its prefix are the O channels that leave the group, as operands.
struct SpreadJob {
  TurnJob weights;
  Batch batch;
  const int32_t* pixels;  // [places][samples, up to a multiple of 8]: which pixel of `out` each position meets, or -1
  float* out;             // [pixels][stride], from the group's first channel on; values are added
  Index stride;
};

// The same for tiles, where windows are moved by one: all of `images` images, which lie together in the frame, each pixel of the one beside
// that of the next. Their width times `together` is a multiple of 16.
struct SpreadTilesJob {
  TurnJob weights;
  const float* delta;  // [images, outHeight, outWidth][deltaStride], from the group's first channel on
  Index deltaStride;
  Index images;
  Index together;      // images that the frame has room for
  Index height, width, outHeight, outWidth, kernel, padding;
  float* frame;
  float* out;          // [images, height, width][stride], from the group's first channel on
  Index stride;

  Index frameHeight() const { return height + kernel - 1; }
  Index frameWidth() const { return width + kernel - 1; }
};

}  // namespace pff
