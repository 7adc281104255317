// The kernels for avx2.
#include "../simd/avx2.h"
#define PFF_TABLE kAvx2Kernels
#define PFF_NAME "avx2"
#include "../kernels/table.h"
