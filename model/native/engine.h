#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "buffer.h"
#include "thread_pool.h"

namespace apt3 {

/** Scratch memory that operations share, because only one operation runs at a time. */
enum class Scratch { packedA, packedB, sums, threads, count };

/** What operations run on. Only the work queue's thread may use it. */
struct Engine {
  explicit Engine(int threads) : pool(threads) {}

  ThreadPool pool;

  /** At least `bytes` of memory; grows and is never given back. Contents are whatever the last user left. */
  template <class T = float>
  T* scratch(Scratch which, int64_t elements) {
    std::unique_ptr<Storage>& block = blocks_[static_cast<size_t>(which)];
    const size_t bytes = static_cast<size_t>(elements) * sizeof(T);
    if (block == nullptr || block->bytes() < bytes) {
      block.reset();
      block = std::make_unique<Storage>(bytes);
    }
    return static_cast<T*>(block->data());
  }

 private:
  std::unique_ptr<Storage> blocks_[static_cast<size_t>(Scratch::count)];
};

struct AttentionShape {
  int64_t sequences, sequenceLength, heads, kvHeads, headSize;

  int64_t tokens() const { return sequences * sequenceLength; }
  int64_t qkvWidth() const { return (heads + 2 * kvHeads) * headSize; }
  int64_t outWidth() const { return heads * headSize; }
};

inline int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t roundUp(int64_t a, int64_t b) { return divideUp(a, b) * b; }

}  // namespace apt3
