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

/**
 * A long side of a matrix as products see it: whole tiles of 128, so that a vocabulary of 31,980 is 32,000 to them. Our
 * kernels take any size; cuBLASLt has its fast tensor-core kernels for multiples of 8 only, and rows of whole 128-byte
 * lines are read without waste. Short sides stay as they are: a vector need not take the memory of 128.
 */
constexpr int64_t paddedSide(int64_t side) { return side < 1024 ? side : (side + 127) / 128 * 128; }

/** Columns a row takes in memory: rows begin at multiples of 8 elements, which the kernels' 16-byte accesses need. */
constexpr int64_t paddedColumns(DType type, int64_t columns) {
  return type == DType::i32 ? columns : (paddedSide(columns) + 7) / 8 * 8;
}

/** A row-major matrix on the device, its padding zeros; integers are packed. Copies share the memory. */
struct Matrix {
  std::shared_ptr<Block> block;
  DType dtype = DType::f32;
  int64_t rows = 0;
  int64_t columns = 0;

  bool present() const { return block != nullptr; }
  int64_t ld() const { return paddedColumns(dtype, columns); }
  /** Elements of all rows, the padding of columns included. */
  int64_t padded() const { return rows * ld(); }
  /** What it takes in memory: behind the last row, padding fills a long side up. */
  size_t bytes() const {
    return static_cast<size_t>((dtype == DType::i32 ? rows : paddedSide(rows)) * ld() * elementBytes(dtype));
  }
  int64_t size() const { return rows * columns; }
};

}  // namespace apt3::cuda
