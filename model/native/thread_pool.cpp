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
  round_.fetch_add(2);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

/**
 * Waits only for workers that have joined: one that the operating system has not woken yet, or has put aside for another
 * process, holds nobody up while the others take its tasks.
 */
void ThreadPool::start(int64_t tasks, Call call, const void* context) {
  call_ = call;
  context_ = context;
  tasks_ = tasks;
  next_.store(0, std::memory_order_relaxed);
  round_.fetch_add(1);
  round_.notify_all();
  takeTasks(0);
  // From here on nobody can join: a worker counts itself first and then looks at the round, all in one total order.
  round_.fetch_add(1);
  for (uint32_t left; (left = joined_.load()) != 0;) waitForChange(joined_, left);
}

void ThreadPool::takeTasks(int thread) {
  for (int64_t task; (task = next_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) {
    call_(context_, task, thread);
  }
}

void ThreadPool::work(int thread) {
  for (uint32_t seen = 0;;) {
    waitForChange(round_, seen);
    if (stopping_.load()) return;
    joined_.fetch_add(1);
    seen = round_.load();
    if (seen % 2 == 1) takeTasks(thread);
    if (joined_.fetch_sub(1) == 1) joined_.notify_one();
  }
}

}  // namespace apt3
