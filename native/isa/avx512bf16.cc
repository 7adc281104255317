// The kernels for avx512bf16. Without a compiler that knows it there are none.
#include "../instruction-sets.h"

#if defined(__AVX512BF16__)
#include "../simd/avx512bf16.h"
#define PFF_TABLE kAvx512Bf16Kernels
#define PFF_NAME "avx512bf16"
#include "../kernels/table.h"

namespace pff {
extern const KernelTable kAvx512Bf16Kernels;
const KernelTable* avx512Bf16Kernels() { return &kAvx512Bf16Kernels; }
}  // namespace pff
#else
namespace pff {
const KernelTable* avx512Bf16Kernels() { return nullptr; }
}  // namespace pff
#endif
