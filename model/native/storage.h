#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace apt3 {

/**
 * Zeroed memory, aligned to a cache line; large blocks are zero pages that cost nothing until they are touched. On Linux
 * these begin on a page of 2 MB and ask for such pages: a training step walks through gigabytes, and 4 KB pages would miss
 * the TLB at every turn. Without the alignment, blocks under 4 MB got at most one of them.
 */
class Storage {
 public:
  explicit Storage(size_t bytes) : bytes_(bytes) {
    if (bytes >= hugePage && mapLarge()) return;
    block_ = std::calloc(bytes + cacheLine, 1);
    if (block_ == nullptr) throw std::bad_alloc();
    data_ = alignUp(block_, cacheLine);
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() {
#if defined(__linux__)
    if (mapped_ > 0) munmap(block_, mapped_);
#endif
    if (mapped_ == 0) std::free(block_);
  }

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t cacheLine = 64;
  static constexpr size_t hugePage = size_t{1} << 21;

  static void* alignUp(void* address, size_t alignment) {
    return reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(address) + alignment - 1) / alignment * alignment);
  }

  bool mapLarge() {
    // The address sanitizer only watches memory that the allocator gave out.
#if defined(__linux__) && defined(MADV_HUGEPAGE) && !defined(__SANITIZE_ADDRESS__)
    const size_t size = bytes_ + hugePage;
    void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    block_ = block;
    mapped_ = size;
    data_ = alignUp(block, hugePage);
    // Whole pages only: the rest of the last one would count as used memory. Advice, which may fail.
    madvise(data_, bytes_ / hugePage * hugePage, MADV_HUGEPAGE);
    return true;
#else
    return false;
#endif
  }

  size_t bytes_;
  void* block_ = nullptr;
  void* data_ = nullptr;
  /** Bytes of the mapping; 0 where the allocator gave the block. */
  size_t mapped_ = 0;
};

}  // namespace apt3
