// The table of kernels of one instruction set. Included once by each file of isa/, after that set's Vec. Nothing here or in
// what it includes may have external linkage but the table itself: code built for one CPU must never serve another.
#pragma once
#include "averages.h"
#include "doubles.h"
#include "dropout.h"
#include "forward.h"
#include "input-gradient.h"
#include "pack.h"
#include "peak.h"
#include "planes.h"
#include "positions.h"
#include "products.h"
#include "rows.h"
#include "stage.h"
#include "update.h"
#include "spread.h"

namespace pff {

extern const KernelTable PFF_TABLE;
const KernelTable PFF_TABLE = {
    PFF_NAME, kLanes, form, pack, roundWeights, forward, sumRows, foldLanes, normaliseRows, update,
    transposeDelta, inputGradient, frame, nullptr, nullptr, nullptr, PFF_PACK_PAIRS, roundOperands, turnWeights, spread, nullptr, stage, dropout, planeSums, finishPlanes, backwardsPlanes, normBackwards,
    positionSums, positionBackwards, averagePlanes, spreadAverages, doubleProducts, turnRows, peak, pairPeak,
};

}  // namespace pff
