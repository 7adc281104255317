// The kernels for WebAssembly.
#include "../simd/wasm.h"
#define PFF_TABLE kWasmKernels
#define PFF_NAME "wasm"
#include "../kernels/table.h"
