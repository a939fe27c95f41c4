#pragma once
/** Element types and 16-byte chunks: how kernels read and write matrices. */
#include "intrinsics.cuh"

namespace apt3::cuda {

/** The upper half of a float32; a type of its own, so that overloads tell it from an integer. */
struct bf16 {
  unsigned short bits;
};

DEVICE float toFloat(bf16 value) { return asFloat(static_cast<unsigned>(value.bits) << 16); }
DEVICE float toFloat(float value) { return value; }

template <class T>
DEVICE T fromFloat(float value);
template <>
DEVICE bf16 fromFloat<bf16>(float value) {
  return {static_cast<unsigned short>(packBf16(value, 0) & 0xffff)};
}
template <>
DEVICE float fromFloat<float>(float value) {
  return value;
}

/** What a value becomes when it is stored and read again. */
template <class T>
DEVICE float rounded(float value) {
  return toFloat(fromFloat<T>(value));
}

DEVICE float lowFloat(unsigned pair) { return asFloat(pair << 16); }
DEVICE float highFloat(unsigned pair) { return asFloat(pair & 0xffff0000u); }

template <class T>
DEVICE T* pointer(DeviceAddress address) {
  return reinterpret_cast<T*>(address);
}

DEVICE int smaller(int a, int b) { return a < b ? a : b; }
DEVICE int larger(int a, int b) { return a > b ? a : b; }

/** One memory transaction of a thread. */
struct alignas(16) Chunk {
  unsigned words[4];
};

/** Two neighbouring sums of a thread: four lanes write the 32 bytes of a memory sector. */
struct alignas(8) FloatPair {
  float low, high;
};

/** Elements a thread handles at a time: one chunk of bf16, two of float32. */
constexpr int vectorSize = 8;

/** Reads 8 elements at a 16-byte aligned address; those from `count` on become 0. */
DEVICE void loadVector(float (&to)[8], const bf16* from, int count) {
  const Chunk chunk = *reinterpret_cast<const Chunk*>(from);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    to[2 * i] = 2 * i < count ? lowFloat(chunk.words[i]) : 0;
    to[2 * i + 1] = 2 * i + 1 < count ? highFloat(chunk.words[i]) : 0;
  }
}
DEVICE void loadVector(float (&to)[8], const float* from, int count) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const Chunk chunk = reinterpret_cast<const Chunk*>(from)[half];
#pragma unroll
    for (int i = 0; i < 4; i++) to[4 * half + i] = 4 * half + i < count ? asFloat(chunk.words[i]) : 0;
  }
}

/** Writes 8 elements; those from `count` on as zeros, which is what padding holds. */
DEVICE void storeVector(bf16* to, const float (&from)[8], int count) {
  Chunk chunk;
#pragma unroll
  for (int i = 0; i < 4; i++)
    chunk.words[i] = packBf16(2 * i < count ? from[2 * i] : 0, 2 * i + 1 < count ? from[2 * i + 1] : 0);
  *reinterpret_cast<Chunk*>(to) = chunk;
}
DEVICE void storeVector(float* to, const float (&from)[8], int count) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    Chunk chunk;
#pragma unroll
    for (int i = 0; i < 4; i++) chunk.words[i] = asBits(4 * half + i < count ? from[4 * half + i] : 0);
    reinterpret_cast<Chunk*>(to)[half] = chunk;
  }
}

/** Sum over a warp, the same in every lane. */
template <class T>
DEVICE T warpSum(T value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1) value += shuffleXor(value, mask);
  return value;
}
DEVICE float warpMaximum(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1) value = maximum(value, shuffleXor(value, mask));
  return value;
}

}  // namespace apt3::cuda
