#include "thread_pool.h"

namespace apt3 {
namespace {

/**
 * Looks at a condition this often before going to sleep. Operations of a layer follow each other within microseconds,
 * and waking a sleeping thread costs about fifty.
 */
constexpr int spins = 4000;

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/** Waits until `value` is no longer `old`. */
void waitForChange(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int spin = 0; spin < spins; spin++) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int thread = 1; thread < threads; thread++) workers_.emplace_back([this, thread] { work(thread); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::start(int64_t tasks, Call call, const void* context) {
  call_ = call;
  context_ = context;
  tasks_ = tasks;
  next_.store(0, std::memory_order_relaxed);
  working_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  takeTasks(0);
  for (uint32_t left; (left = working_.load(std::memory_order_acquire)) != 0;) waitForChange(working_, left);
}

void ThreadPool::takeTasks(int thread) {
  for (int64_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) {
    call_(context_, task, thread);
  }
}

void ThreadPool::work(int thread) {
  for (uint32_t seen = 0;;) {
    waitForChange(round_, seen);
    seen = round_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    takeTasks(thread);
    working_.fetch_sub(1, std::memory_order_acq_rel);
    working_.notify_one();
  }
}

}  // namespace apt3
