#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace apt3 {

/**
 * Runs enqueued work in order on a thread of its own. After a failure the work behind it is dropped, because it would
 * compute nonsense, until the next `result` has reported the failure.
 */
class WorkQueue {
 public:
  WorkQueue() : thread_([this] { run(); }) {}
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  ~WorkQueue() { stop(); }

  void enqueue(std::function<void()> work);
  /** `done` is told the failure of this work or of anything before it; an empty string means none. */
  void result(std::function<void()> work, std::function<void(std::string failure)> done);
  /** Drops what has not begun, waits for what has, and ends the thread. Nothing may be enqueued afterwards. */
  void stop();

 private:
  struct Entry {
    std::function<void()> work;
    std::function<void(std::string)> done;
  };

  void append(Entry entry);
  void run();
  void runEntry(Entry& entry);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  bool stopping_ = false;
  std::string failure_;
  std::thread thread_;
};

}  // namespace apt3
