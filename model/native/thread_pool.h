#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace apt3 {

/**
 * Runs numbered tasks on a fixed set of threads; the caller is one of them. Which thread takes which task is left to
 * chance, so the results of a task must depend on its number alone: that makes every operation give the same bits for
 * any number of threads.
 */
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /** Calls body(task, thread) for each task in 0…tasks−1 and returns when all are done. `body` must not throw. */
  template <class Body>
  void run(int64_t tasks, const Body& body) {
    if (tasks <= 1 || workers_.empty()) {
      for (int64_t task = 0; task < tasks; task++) body(task, 0);
      return;
    }
    start(tasks, [](const void* context, int64_t task, int thread) {
      (*static_cast<const Body*>(context))(task, thread);
    }, &body);
  }

 private:
  using Call = void (*)(const void*, int64_t, int);

  void start(int64_t tasks, Call call, const void* context);
  void takeTasks(int thread);
  void work(int thread);

  std::vector<std::thread> workers_;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  int64_t tasks_ = 0;
  alignas(64) std::atomic<int64_t> next_{0};
  /** Counts the beginnings and ends of `start`: odd while there is work to join. Idle workers wait for it to change. */
  alignas(64) std::atomic<uint32_t> round_{0};
  /** Workers that have joined or are about to look whether they may. */
  alignas(64) std::atomic<uint32_t> joined_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace apt3
