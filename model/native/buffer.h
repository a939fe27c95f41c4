#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace apt3 {

/** The upper half of a float32; a type of its own so that overloads can tell it from a plain integer. */
struct bfloat16 {
  uint16_t bits;
};

enum class DType { f32, bf16, i32 };

inline int64_t elementBytes(DType type) { return type == DType::bf16 ? 2 : 4; }

/** Zeroed memory, aligned to a cache line; large blocks are zero pages that cost nothing until they are touched. */
class Storage {
 public:
  explicit Storage(size_t bytes) : bytes_(bytes) {
    block_ = std::calloc(bytes + alignment, 1);
    if (block_ == nullptr) throw std::bad_alloc();
    const auto address = reinterpret_cast<uintptr_t>(block_);
    data_ = reinterpret_cast<void*>((address + alignment - 1) / alignment * alignment);
#if defined(MADV_HUGEPAGE)
    // A training step walks through gigabytes: 4 KB pages would miss the TLB at every turn. Advice only, may fail.
    constexpr uintptr_t page = 4096;
    const uintptr_t first = (address + page - 1) / page * page;
    const uintptr_t last = (address + bytes) / page * page;
    if (last > first + (1u << 21)) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() { std::free(block_); }

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr uintptr_t alignment = 64;
  void* block_;
  void* data_;
  size_t bytes_;
};

/** A row-major matrix. Copies share the storage, so queued work keeps what it needs alive. */
struct Buffer {
  std::shared_ptr<Storage> storage;
  DType dtype = DType::f32;
  int64_t rows = 0;
  int64_t columns = 0;

  bool present() const { return storage != nullptr; }
  int64_t size() const { return rows * columns; }

  float* f32() const { return static_cast<float*>(typed(DType::f32)); }
  int32_t* i32() const { return static_cast<int32_t*>(typed(DType::i32)); }
  bfloat16* bf16() const { return static_cast<bfloat16*>(typed(DType::bf16)); }

 private:
  void* typed(DType expected) const {
    if (dtype != expected) throw std::runtime_error("a buffer of another element type than the operation takes");
    return storage->data();
  }
};

/** Calls `body` with the buffer's data as the floating-point type that it has. */
template <class Body>
void withFloats(const Buffer& buffer, Body body) {
  if (buffer.dtype == DType::bf16) {
    body(buffer.bf16());
  } else {
    body(buffer.f32());
  }
}

}  // namespace apt3
