// Which tables of kernels this build has and this CPU can run, best first.
#pragma once
#include <vector>

#include "jobs.h"

namespace pff {

std::vector<const KernelTable*> instructionSets();
// Null if there is none of that name here.
const KernelTable* instructionSet(const char* name);

}  // namespace pff
