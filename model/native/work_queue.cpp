#include "work_queue.h"

#include <exception>
#include <utility>

namespace apt3 {

void WorkQueue::enqueue(std::function<void()> work) { append({std::move(work), nullptr}); }

void WorkQueue::result(std::function<void()> work, std::function<void(std::string)> done) {
  append({std::move(work), std::move(done)});
}

void WorkQueue::append(Entry entry) {
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  changed_.notify_one();
}

void WorkQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    entries_.clear();
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void WorkQueue::run() {
  for (;;) {
    Entry entry;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !entries_.empty(); });
      if (stopping_) return;
      entry = std::move(entries_.front());
      entries_.pop_front();
    }
    runEntry(entry);
  }
}

void WorkQueue::runEntry(Entry& entry) {
  try {
    if (failure_.empty()) entry.work();
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
  if (entry.done) entry.done(std::exchange(failure_, std::string()));
}

}  // namespace apt3
