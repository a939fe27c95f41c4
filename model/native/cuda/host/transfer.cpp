#include "transfer.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "operations.h"

namespace apt3::cuda {
namespace {

uint16_t roundedToBfloat16(uint32_t word) {
  if ((word & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((word >> 16) | 0x40);  // NaN stays NaN.
  return static_cast<uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16);
}

/**
 * Calls body(padded, unpadded, count) for the runs of matrix elements among `count` elements of padded memory from
 * `first` on; `padded` counts from `first`, `unpadded` from the start of the matrix.
 */
template <class Body>
void eachRun(const Matrix& matrix, int64_t first, int64_t count, Body body) {
  const int64_t ld = matrix.ld();
  for (int64_t row = first / ld; row * ld < first + count; row++) {
    const int64_t from = std::max(first, row * ld);
    const int64_t to = std::min(first + count, row * ld + matrix.columns);
    if (from < to) body(from - first, row * matrix.columns + (from - row * ld), to - from);
  }
}

void unpack(const Matrix& matrix, const void* padded, int64_t first, int64_t count, float* to) {
  if (matrix.dtype == DType::f32) {
    eachRun(matrix, first, count, [&](int64_t at, int64_t element, int64_t run) {
      std::memcpy(to + element, static_cast<const float*>(padded) + at, static_cast<size_t>(run) * sizeof(float));
    });
    return;
  }
  eachRun(matrix, first, count, [&](int64_t at, int64_t element, int64_t run) {
    const auto* bits = static_cast<const uint16_t*>(padded) + at;
    for (int64_t i = 0; i < run; i++) {
      const uint32_t word = static_cast<uint32_t>(bits[i]) << 16;
      std::memcpy(to + element + i, &word, sizeof word);
    }
  });
}

}  // namespace

void writeMatrix(Gpu& gpu, const Matrix& to, const std::vector<uint32_t>& words) {
  if (gpu.recording()) throw std::runtime_error("nothing can be written while operations are recorded");
  if (to.dtype == DType::i32 && !words.empty()) {
    const auto* values = reinterpret_cast<const int32_t*>(words.data());
    const auto [lowest, highest] = std::minmax_element(values, values + words.size());
    to.block->written = Range{*lowest, *highest};
    operations::checkRange(*to.block, "an integer written:");
  }
  const auto width = static_cast<size_t>(elementBytes(to.dtype));
  const size_t bytes = static_cast<size_t>(to.padded()) * width;
  gpu.staging().upload(gpu.at(to), bytes, [&](void* target, size_t firstByte, size_t countBytes) {
    std::memset(target, 0, countBytes);  // The padding.
    const auto first = static_cast<int64_t>(firstByte / width), count = static_cast<int64_t>(countBytes / width);
    eachRun(to, first, count, [&](int64_t at, int64_t element, int64_t run) {
      if (to.dtype != DType::bf16) {
        std::memcpy(static_cast<uint32_t*>(target) + at, words.data() + element, static_cast<size_t>(run) * 4);
        return;
      }
      auto* bits = static_cast<uint16_t*>(target) + at;
      for (int64_t i = 0; i < run; i++) bits[i] = roundedToBfloat16(words[static_cast<size_t>(element + i)]);
    });
  });
}

std::function<void()> readMatrix(Gpu& gpu, const Matrix& from, float* to) {
  constexpr size_t pieceBytes = PinnedPieces::pieceBytes;
  const auto width = static_cast<size_t>(elementBytes(from.dtype));
  const size_t bytes = static_cast<size_t>(from.padded()) * width;
  const std::shared_ptr<void> pinned = gpu.pinned().borrow();
  const auto copy = [&](size_t first, size_t count) {
    gpu.driver.check(gpu.driver.copyToHost(pinned.get(), gpu.at(from) + first, count, gpu.compute()), "a read");
  };
  if (bytes <= pieceBytes) {
    copy(0, bytes);
    return [from, to, pinned] { unpack(from, pinned.get(), 0, from.padded(), to); };
  }
  for (size_t first = 0; first < bytes; first += pieceBytes) {
    const size_t count = std::min(pieceBytes, bytes - first);
    copy(first, count);
    gpu.driver.check(gpu.driver.streamSynchronize(gpu.compute()), "the device failed");
    unpack(from, pinned.get(), static_cast<int64_t>(first / width), static_cast<int64_t>(count / width), to);
  }
  return [] {};
}

}  // namespace apt3::cuda
