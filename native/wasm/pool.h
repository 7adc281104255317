// In WebAssembly this stands in the place of native/pool.h: one thread, which does all the work itself.
#pragma once
#include <memory>

#include "layout.h"

namespace pff {

class Pool {
 public:
  Pool(int, Index worthSharing) : worthSharing_(worthSharing) {}

  int threads() const { return 1; }
  Index worthSharing() const { return worthSharing_; }

  // Calls work(first, last, thread).
  template <class Work>
  void run(Index items, Index, const Work& work) {
    if (items > 0) work(Index{0}, items, 0);
  }

 private:
  const Index worthSharing_;
};

}  // namespace pff
