#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "storage.h"

namespace apt3 {

/** The upper half of a float32; a type of its own so that overloads can tell it from a plain integer. */
struct bfloat16 {
  uint16_t bits;
};

enum class DType { f32, bf16, i32 };

inline int64_t elementBytes(DType type) { return type == DType::bf16 ? 2 : 4; }

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
