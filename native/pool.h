// Threads that share the items of one call. Each starts on its own contiguous share, so that a thread keeps to the same
// panels from call to call, and then helps the others; what is computed does not depend on who computes it.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "layout.h"

namespace pff {

class Pool {
 public:
  // `threads` includes the calling one; see worthSharing. Throws std::system_error if a thread cannot be started.
  Pool(int threads, Index worthSharing);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }
  // Multiply-adds below which a second core costs more, in moving a batch to its cache, than it saves.
  Index worthSharing() const { return worthSharing_; }

  // Calls work(first, last, thread) until all of [0, items) is done, `grain` items at a time. Not for two callers at once.
  template <class Work>
  void run(Index items, Index grain, const Work& work) {
    runErased(items, grain, [](const void* context, Index first, Index last, int thread) {
      (*static_cast<const Work*>(context))(first, last, thread);
    }, &work);
  }

 private:
  using Call = void (*)(const void* context, Index first, Index last, int thread);
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };

  void runErased(Index items, Index grain, Call call, const void* context);
  void work(int thread);
  void workerLoop(int thread);
  void stop();

  const int threads_;
  const Index worthSharing_;
  std::unique_ptr<Share[]> shares_;
  std::vector<std::thread> workers_;
  // The call in progress.
  Index grain_ = 1;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  // A call is announced by a new round and is over when no worker is busy.
  std::atomic<uint32_t> round_{0};
  std::atomic<int> busy_{0};
  bool stopping_ = false;
  std::mutex mutex_;
  std::condition_variable announced_;
  std::condition_variable finished_;
};

}  // namespace pff
