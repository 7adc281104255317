// See pool.h.
#include "pool.h"

#include <algorithm>

namespace pff {

namespace {

// About 20 µs: enough to bridge the gap between two calls of one step, too little to take a core from anyone.
constexpr int kSpins = 500;

inline void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

template <class Ready>
bool spinUntil(const Ready& ready) {
  for (int spin = 0; spin < kSpins; spin++) {
    if (ready()) return true;
    pauseCpu();
  }
  return ready();
}

}  // namespace

Pool::Pool(int threads, Index worthSharing)
    : threads_(threads), worthSharing_(worthSharing), shares_(new Share[static_cast<size_t>(threads)]) {
  try {
    for (int thread = 1; thread < threads; thread++) workers_.emplace_back([this, thread] { workerLoop(thread); });
  } catch (...) {
    stop();
    throw;
  }
}

Pool::~Pool() { stop(); }

void Pool::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    round_.fetch_add(1, std::memory_order_release);
  }
  announced_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Pool::runErased(Index items, Index grain, Call call, const void* context) {
  if (items <= 0) return;
  if (threads_ == 1 || items <= grain) {
    call(context, 0, items, 0);
    return;
  }
  const Index grains = blocksOf(items, grain);
  for (Index t = 0; t < threads_; t++) {
    shares_[static_cast<size_t>(t)].next.store(grains * t / threads_ * grain, std::memory_order_relaxed);
    shares_[static_cast<size_t>(t)].end = std::min(grains * (t + 1) / threads_ * grain, items);
  }
  grain_ = grain;
  call_ = call;
  context_ = context;
  busy_.store(threads_ - 1, std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    round_.fetch_add(1, std::memory_order_release);
  }
  announced_.notify_all();
  work(0);
  const auto done = [this] { return busy_.load(std::memory_order_acquire) == 0; };
  if (spinUntil(done)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  finished_.wait(lock, done);
}

void Pool::work(int thread) {
  for (int t = 0; t < threads_; t++) {
    Share& share = shares_[static_cast<size_t>((thread + t) % threads_)];
    for (;;) {
      const Index first = share.next.fetch_add(grain_, std::memory_order_relaxed);
      if (first >= share.end) break;
      call_(context_, first, std::min(first + grain_, share.end), thread);
    }
  }
}

void Pool::workerLoop(int thread) {
  uint32_t seen = 0;
  for (;;) {
    const auto called = [this, seen] { return round_.load(std::memory_order_acquire) != seen; };
    if (!spinUntil(called)) {
      std::unique_lock<std::mutex> lock(mutex_);
      announced_.wait(lock, called);
    }
    seen = round_.load(std::memory_order_acquire);
    if (stopping_) return;
    work(thread);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      // The lock orders this with a caller that is about to wait.
      { std::lock_guard<std::mutex> lock(mutex_); }
      finished_.notify_one();
    }
  }
}

}  // namespace pff
