// The kernels for avx512bf16.
#include "../simd/avx512bf16.h"
#define PFF_TABLE kAvx512Bf16Kernels
#define PFF_NAME "avx512bf16"
#include "../kernels/table.h"
