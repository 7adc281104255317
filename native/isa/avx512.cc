// The kernels for avx512.
#include "../simd/avx512.h"
#define PFF_TABLE kAvx512Kernels
#define PFF_NAME "avx512"
#include "../kernels/table.h"
