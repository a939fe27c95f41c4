#pragma once
/**
 * The CPU harness's side of model/native/cuda/intrinsics.cuh: the same names, in C++. A block's threads are fibers; what
 * a warp does together is done when all of its lanes have arrived (see block.h).
 */
#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels.h"

#define DEVICE inline
/** Beside the kernel, what the driver must know of it: the size of its parameters and of its blocks. */
#define KERNEL(name, Params, threads, blocks)                      \
  extern "C" const unsigned name##_shape[] = {sizeof(Params), threads}; \
  extern "C" void name(const Params& params)

namespace emulator {

/** Where the running fiber is. */
struct Position {
  int thread;
  int block[3];
  int grid[3];
  unsigned char* shared;
};
extern Position position;

void syncThreads();
void syncWarp();
uint64_t shuffleXor(uint64_t bits, int mask);
unsigned ballot(bool condition);
void loadMatrices(unsigned* to, const void* row);
void loadMatricesTransposed(unsigned* to, const void* row);
void multiplyAdd(float* c, const unsigned* a, unsigned b0, unsigned b1);
void copyAsync(void* shared, const void* global, int bytes, int size);
void commitCopies();
void waitCopies(int pending);

}  // namespace emulator

namespace apt3::cuda {

DEVICE unsigned char* sharedMemory() { return emulator::position.shared; }
DEVICE int threadIndex() { return emulator::position.thread; }
DEVICE int blockX() { return emulator::position.block[0]; }
DEVICE int blockY() { return emulator::position.block[1]; }
DEVICE int gridY() { return emulator::position.grid[1]; }

DEVICE void syncThreads() { emulator::syncThreads(); }
DEVICE void syncWarp() { emulator::syncWarp(); }

template <class T>
DEVICE T shuffleXor(T value, int mask) {
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<T>(emulator::shuffleXor(std::bit_cast<uint64_t>(value), mask));
  } else {
    return std::bit_cast<T>(static_cast<uint32_t>(emulator::shuffleXor(std::bit_cast<uint32_t>(value), mask)));
  }
}
DEVICE unsigned ballot(bool condition) { return emulator::ballot(condition); }

DEVICE void loadMatrices(unsigned (&to)[4], const void* row) { emulator::loadMatrices(to, row); }
DEVICE void loadMatricesTransposed(unsigned (&to)[4], const void* row) { emulator::loadMatricesTransposed(to, row); }
DEVICE void multiplyAdd(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  emulator::multiplyAdd(c, a, b0, b1);
}

DEVICE void copyAsync16(void* shared, const void* global, int bytes) { emulator::copyAsync(shared, global, bytes, 16); }
DEVICE void copyAsync4(void* shared, const void* global, int bytes) { emulator::copyAsync(shared, global, bytes, 4); }
DEVICE void commitCopies() { emulator::commitCopies(); }
template <int pending>
DEVICE void waitCopies() {
  emulator::waitCopies(pending);
}

DEVICE void addToPair(float* to, float low, float high) {
  to[0] += low;
  to[1] += high;
}
DEVICE void prefetch(const void*) {}

DEVICE float asFloat(unsigned bits) { return std::bit_cast<float>(bits); }
DEVICE unsigned asBits(float value) { return std::bit_cast<unsigned>(value); }
DEVICE float exp2Fast(float x) { return std::exp2(x); }
DEVICE float exponential(float x) { return std::exp(x); }
DEVICE float logarithm(float x) { return std::log(x); }
DEVICE float squareRoot(float x) { return std::sqrt(x); }
DEVICE float reciprocal(float x) { return 1.0f / x; }
DEVICE float maximum(float a, float b) { return std::fmax(a, b); }
DEVICE float infinity() { return asFloat(0x7f800000u); }

DEVICE unsigned roundToBf16(float value) {
  const unsigned bits = asBits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
}
DEVICE unsigned packBf16(float low, float high) { return roundToBf16(low) | roundToBf16(high) << 16; }

}  // namespace apt3::cuda
