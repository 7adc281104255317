// The kernels for neon.
#include "../simd/neon.h"
#define PFF_TABLE kNeonKernels
#define PFF_NAME "neon"
#include "../kernels/table.h"
