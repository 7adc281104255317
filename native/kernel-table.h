// The kernels of one instruction set, which the orchestration (dense.cc, convolution.cc, memory.cc) gives jobs to.
#pragma once
#include "jobs/convolution.h"
#include "jobs/dense.h"
#include "jobs/planes.h"
#include "jobs/rows.h"

namespace pff {

// Work is counted in items, so that threads can share it; no item's result depends on another's of the same call.
struct KernelTable {
  const char* name;
  Index lanes;
  Form (*form)(Precision);
  // Blocks of samples.
  void (*pack)(const PackJob&, Index first, Index last);
  // Panels: fills the operand of a bf16 layer from its weights.
  void (*roundWeights)(const Layer&, Index prefix, Index first, Index last);
  // (share of the panels, chunk of samples, panel, block of samples), see forwardItems and Place.
  void (*forward)(const ForwardJob&, Index first, Index last);
  // Rows. sumRows: y [rows, outputs] to sums; foldLanes: [rows][16] to sums; normaliseRows: y in place.
  void (*sumRows)(const float* y, Index outputs, Index first, Index last, float* sums);
  void (*foldLanes)(const float* lanes, Index first, Index last, float* sums);
  void (*normaliseRows)(float* y, Index outputs, const float* sums, Index first, Index last);
  // (share of the panels, chunk of inputs, panel, block of inputs), see updateItems. Scratch: updateScratch floats for each thread.
  void (*update)(const UpdateJob&, Index first, Index last, float* scratch);
  // Panels of rows; then each with each block of inputs.
  void (*transposeDelta)(const InputGradientJob&, Index first, Index last);
  void (*inputGradient)(const InputGradientJob&, Index first, Index last);
  // (image, row of its frame).
  void (*frame)(const FrameJob&, Index first, Index last);
  // For tiles: the same with channels apart; operands of the forward pass (blocks of samples) and of the gradient (of inputs). Null where
  // no operand is copied out of frames.
  void (*framePlanes)(const FrameJob&, Index first, Index last);
  void (*packWindows)(const Batch& windows, float* to, Index first, Index last);
  void (*packPlanes)(const PlaneWindows&, Index first, Index last);
  // For pairs: the operand of the gradient out of a frame (blocks of samples); null elsewhere.
  void (*packPairs)(const Batch& windows, float* to, Index first, Index last);
  // Values that lie one after another, a multiple of 8, as operands of a precision that rounds.
  void (*roundOperands)(Precision precision, const float* from, Index count, float* to);
  // Places in the window.
  void (*turnWeights)(const TurnJob&, Index first, Index last);
  // All of the job. For tiles, which are given other jobs, null elsewhere.
  void (*spread)(const SpreadJob&);
  void (*spreadTiles)(const SpreadTilesJob&);
  // Rows.
  void (*stage)(const StageJob&, Index first, Index last);
  void (*dropout)(const DropoutJob&, Index first, Index last);
  void (*planeSums)(const PlaneSumsJob&, Index first, Index last);
  void (*finishPlanes)(const FinishJob&, Index first, Index last);
  void (*backwardsPlanes)(const BackwardsJob&, Index first, Index last);
  void (*normBackwards)(const NormBackwardsJob&, Index first, Index last);
  void (*positionSums)(const PositionSumsJob&, Index first, Index last);
  void (*positionBackwards)(const PositionBackwardsJob&, Index first, Index last);
  void (*averagePlanes)(const AverageJob&, Index first, Index last);
  void (*spreadAverages)(const AverageJob&, Index first, Index last);
  // Blocks of kDoubleRows rows.
  void (*doubleProducts)(const DoublesJob&, Index first, Index last);
  void (*turnRows)(const TurnRowsJob&, Index first, Index last);
  // A loop of independent multiply-adds; returns how many.
  double (*peak)(Index iterations, float* sink);
  // The same of pairs of bf16 values, or null.
  double (*pairPeak)(Index iterations, float* sink);
};

}  // namespace pff
