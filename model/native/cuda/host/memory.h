#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "../../buffer.h"
#include "driver.h"

namespace apt3::cuda {

/** Addresses that nobody holds any more; the device's thread gives them back to the driver. */
class Unused {
 public:
  void add(DeviceAddress address, size_t bytes) {
    const std::lock_guard lock(mutex_);
    blocks_.emplace_back(address, bytes);
  }
  std::vector<std::pair<DeviceAddress, size_t>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(blocks_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<DeviceAddress, size_t>> blocks_;
};

/** The values that integers may have, both ends included. */
struct Range {
  int32_t lowest, highest;
};

/** Device memory of one buffer. It is allocated on the device's thread, some time after the buffer was made. */
struct Block {
  Block(std::shared_ptr<Unused> unused, size_t bytes) : bytes(bytes), unused_(std::move(unused)) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    if (address != 0) unused_->add(address, bytes);
  }

  const size_t bytes;
  DeviceAddress address = 0;
  /** Of integers: what was written last, and what the operations that read them can take. */
  std::optional<Range> written, allowed;

 private:
  std::shared_ptr<Unused> unused_;
};

/** Columns a row takes in memory: rows begin at multiples of 8 elements, which the kernels' 16-byte accesses need. */
constexpr int64_t paddedColumns(DType type, int64_t columns) {
  return type == DType::i32 ? columns : (columns + 7) / 8 * 8;
}

/** A row-major matrix on the device; integers are packed. Copies share the memory. */
struct Matrix {
  std::shared_ptr<Block> block;
  DType dtype = DType::f32;
  int64_t rows = 0;
  int64_t columns = 0;

  bool present() const { return block != nullptr; }
  int64_t ld() const { return paddedColumns(dtype, columns); }
  /** Elements, padding included. */
  int64_t padded() const { return rows * ld(); }
  int64_t size() const { return rows * columns; }
};

}  // namespace apt3::cuda
