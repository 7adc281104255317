// The kernels for amx: tiles in bf16-tile, and avx512bf16's for everything else. Without a compiler that knows AMX there are none.
#include "../instruction-sets.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

#include "../simd/avx512bf16.h"
#include "../tile/forward.h"
#include "../tile/input-gradient.h"
#include "../tile/spread.h"
#include "../tile/update.h"
#include "../tile/windows.h"

#define PFF_NAME "amx"

namespace pff {

extern const KernelTable kAvx512Bf16Kernels;

namespace {

// Linux gives a process the 8 KiB of tiles only when it asks (Documentation/arch/x86/xstate.rst).
bool mayUseTiles() {
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
}

Form formOf(Precision precision) {
  return precision == Precision::kBf16Tile ? kTileForm : kAvx512Bf16Kernels.form(precision);
}
void packAny(const PackJob& job, Index first, Index last) {
  (job.precision == Precision::kBf16Tile ? packTiles : kAvx512Bf16Kernels.pack)(job, first, last);
}
void roundAny(const Layer& layer, Index prefix, Index first, Index last) {
  const bool tiles = layer.precision == Precision::kBf16Tile;
  (tiles ? roundWeightsToTiles : kAvx512Bf16Kernels.roundWeights)(layer, prefix, first, last);
}
void forwardAny(const ForwardJob& job, Index first, Index last) {
  (job.layer.precision == Precision::kBf16Tile ? forwardTiles : kAvx512Bf16Kernels.forward)(job, first, last);
}
void updateAny(const UpdateJob& job, Index first, Index last, float* scratch) {
  (job.layer.precision == Precision::kBf16Tile ? updateTiles : kAvx512Bf16Kernels.update)(job, first, last, scratch);
}

void frameAny(const FrameJob& job, Index first, Index last) {
  (job.precision == Precision::kBf16Tile ? frameTiles : kAvx512Bf16Kernels.frame)(job, first, last);
}
void transposeAny(const InputGradientJob& job, Index first, Index last) {
  const bool tiles = job.layer.precision == Precision::kBf16Tile;
  (tiles ? transposeDeltaToTiles : kAvx512Bf16Kernels.transposeDelta)(job, first, last);
}
void inputGradientAny(const InputGradientJob& job, Index first, Index last) {
  const bool tiles = job.layer.precision == Precision::kBf16Tile;
  (tiles ? inputGradientTiles : kAvx512Bf16Kernels.inputGradient)(job, first, last);
}
void turnAny(const TurnJob& job, Index first, Index last) {
  (job.layer.precision == Precision::kBf16Tile ? turnToTiles : kAvx512Bf16Kernels.turnWeights)(job, first, last);
}

}  // namespace

bool amxIsBuilt() { return true; }

const KernelTable* amxKernels() {
  static const bool allowed = mayUseTiles();
  static const KernelTable table = [] {
    KernelTable amx = kAvx512Bf16Kernels;
    amx.name = PFF_NAME;
    amx.form = formOf;
    amx.pack = packAny;
    amx.roundWeights = roundAny;
    amx.forward = forwardAny;
    amx.update = updateAny;
    amx.frame = frameAny;
    amx.framePlanes = framePlanes;
    amx.packWindows = packWindowTiles;
    amx.packPlanes = packPlaneTiles;
    amx.transposeDelta = transposeAny;
    amx.inputGradient = inputGradientAny;
    amx.turnWeights = turnAny;
    amx.spreadTiles = spreadTiles;
    return amx;
  }();
  return allowed ? &table : nullptr;
}

}  // namespace pff
#else
namespace pff {
bool amxIsBuilt() { return false; }
const KernelTable* amxKernels() { return nullptr; }
}  // namespace pff
#endif
