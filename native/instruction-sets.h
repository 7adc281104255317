// Which tables of kernels this build has and this CPU can run, best first.
#pragma once
#include <vector>

#include "kernel-table.h"

namespace pff {

std::vector<const KernelTable*> instructionSets();
// Names of all that this build has, also of those that this CPU or system cannot run.
std::vector<const char*> builtSets();
bool amxIsBuilt();
// Null where the compiler did not know its instructions.
const KernelTable* avx512Bf16Kernels();
// AMX's, if this build has them and the system grants the tiles; asked only where the CPU has them.
const KernelTable* amxKernels();
// The one to take for a precision, of instructionSets(): the best, or in bf16 the one that multiplies its values fastest, as
// measured on the first call, which takes a few milliseconds.
const KernelTable* fastestFor(Precision precision);
// Null if there is none of that name here.
const KernelTable* instructionSet(const char* name);

}  // namespace pff
