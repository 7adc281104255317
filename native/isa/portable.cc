// The kernels for portable.
#include "../simd/portable.h"
#define PFF_TABLE kPortableKernels
#define PFF_NAME "portable"
#include "../kernels/table.h"
