// In which order the items of a forward pass or an update are done: chunks that stay in a cache, and panels that stay with a thread.
#pragma once
#include "jobs/dense.h"

namespace pff {

// How much of a batch is gone over with every panel, so that it stays in the second-level cache (tuned with 2 MiB of it).
constexpr Index kForwardChunkFloats = Index{1} << 17;
constexpr Index kUpdateChunkFloats = Index{1} << 18;

// How many blocks of samples (of inputs) make up a chunk: at least 32 of either.
static inline Index forwardChunk(Index prefix, const Form& form) {
  const Index blocks = kForwardChunkFloats * form.pair / (form.samples * (prefix + 1));
  const Index least = 4 * kBlock / form.samples;
  return blocks < least ? least : blocks;
}
static inline Index updateChunk(Index samples, const Form& form) {
  const Index blocks = kUpdateChunkFloats * form.pair / (form.inputs * (samples > 0 ? samples : 1));
  const Index least = 4 * kBlock / form.inputs;
  return blocks < least ? least : blocks;
}
// A layer without prefix inputs still has one (empty) block, so that its suffix weights and bias are looked after.
static inline Index inputBlocks(Index prefix, const Form& form) {
  return prefix == 0 ? 1 : blocksOf(prefix, form.inputs);
}
static inline Index forwardItems(const ForwardJob& job, const Form& form, Index lanes) {
  return blocksOf(job.batch.samples, form.samples) * panelsOf(job.layer.outputs, lanes);
}
static inline Index updateItems(const UpdateJob& job, const Form& form, Index lanes) {
  return inputBlocks(job.batch.prefix, form) * panelsOf(job.layer.outputs, lanes);
}

// Where an item stands in the order: share of the panels; chunk of blocks; panel; block. A panel is used while it is in the
// cache, the chunk of the batch stays there from panel to panel, and a thread keeps to its own weights from call to call.
struct Place {
  Index panel;
  Index chunk;       // first block of the chunk
  Index chunkBlocks;
  Index block;       // in the chunk
};
static inline Place placeOf(Index item, Index panels, Index blocks, Index blocksInChunk, Index shares) {
  Index share = 0;
  while (item >= blocks * (panels * (share + 1) / shares)) share++;
  const Index firstPanel = panels * share / shares;
  const Index panelsOfShare = panels * (share + 1) / shares - firstPanel;
  const Index inShare = item - blocks * firstPanel;
  const Index chunk = inShare / (blocksInChunk * panelsOfShare) * blocksInChunk;
  const Index chunkBlocks = blocks - chunk < blocksInChunk ? blocks - chunk : blocksInChunk;
  const Index inChunk = inShare - chunk * panelsOfShare;
  return {firstPanel + inChunk / chunkBlocks, chunk, chunkBlocks, inChunk % chunkBlocks};
}
static inline Index updateScratch(Index samples, const Form& form, Index suffix, Index lanes) {
  return (roundUp(samples, form.samples) + suffix + 1) * kPanelVecs * lanes;
}

}  // namespace pff
