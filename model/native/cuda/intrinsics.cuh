#pragma once
/**
 * What kernels take from the machine: thread indices, barriers, warp collectives, tensor cores, asynchronous copies.
 * The only file with inline assembly. Without a CUDA compiler the same names come from the CPU harness of the tests
 * (test/model/emulator), which runs every kernel as C++.
 */
#include "kernels.h"

#if defined(__CUDACC__)

#define DEVICE __device__ __forceinline__
/** Defines a kernel that takes one parameter struct; at least `blocks` of its blocks fit a multiprocessor's registers. */
#define KERNEL(name, Params, threads, blocks) \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Params params)

namespace apt3::cuda {

/** The block's dynamic shared memory, aligned for ldmatrix. */
DEVICE unsigned char* sharedMemory() {
  extern __shared__ __align__(128) unsigned char apt3Shared[];
  return apt3Shared;
}

DEVICE int threadIndex() { return static_cast<int>(threadIdx.x); }
DEVICE int blockX() { return static_cast<int>(blockIdx.x); }
DEVICE int blockY() { return static_cast<int>(blockIdx.y); }
DEVICE int gridY() { return static_cast<int>(gridDim.y); }

/** All threads of the block wait for each other; shared memory written before is visible after. */
DEVICE void syncThreads() { __syncthreads(); }
/** The same for a warp. */
DEVICE void syncWarp() { __syncwarp(); }

/** Value of the lane whose index differs by `mask`. */
template <class T>
DEVICE T shuffleXor(T value, int mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}
/** Bit i is set where lane i's condition holds. */
DEVICE unsigned ballot(bool condition) { return __ballot_sync(0xffffffffu, condition); }

DEVICE unsigned sharedAddress(const void* shared) { return static_cast<unsigned>(__cvta_generic_to_shared(shared)); }

/** Four 8×8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8 in shared memory. */
DEVICE void loadMatrices(unsigned (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}
/** The same, each matrix transposed. */
DEVICE void loadMatricesTransposed(unsigned (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(sharedAddress(row))
               : "memory");
}

/**
 * c[16,8] += a[16,16] · b[16,8], bf16 operands, float32 sums. Lane i holds, with g = i / 4 and t = i % 4:
 * a: rows g, g+8 (registers 0, 1) of columns 2t, 2t+1, and (2, 3) of columns 2t+8, 2t+9;
 * b: rows 2t, 2t+1 (0) and 2t+8, 2t+9 (1) of column g; c: columns 2t, 2t+1 of rows g (0, 1) and g+8 (2, 3).
 */
DEVICE void multiplyAdd(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/**
 * Starts to copy `bytes` (0…16) from global to 16 bytes of shared memory, the rest becomes zeros. Both 16-byte aligned.
 * Passes by the L1 cache. The result may be used after waitCopies by this thread and a barrier by the others.
 */
DEVICE void copyAsync16(void* shared, const void* global, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(shared)), "l"(global), "r"(bytes)
               : "memory");
}
/** The same for 0 or 4 bytes. */
DEVICE void copyAsync4(void* shared, const void* global, int bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(sharedAddress(shared)), "l"(global), "r"(bytes)
               : "memory");
}
/** Closes the thread's current group of copies. */
DEVICE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/** Waits until at most `pending` of the thread's latest groups are unfinished. */
template <int pending>
DEVICE void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/**
 * Adds to two neighbouring floats in global memory, 8-byte aligned, without waiting for their old values. What one thread
 * adds to a float is added in its order, so where a float has one thread the sum is the same every time.
 */
DEVICE void addToPair(float* to, float low, float high) {
#if __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v2.f32 [%0], {%1,%2};" ::"l"(__cvta_generic_to_global(to)), "f"(low), "f"(high) : "memory");
#else
  asm volatile("red.global.add.f32 [%0], %1;" ::"l"(__cvta_generic_to_global(to)), "f"(low) : "memory");
  asm volatile("red.global.add.f32 [%0], %1;" ::"l"(__cvta_generic_to_global(to + 1)), "f"(high) : "memory");
#endif
}

/** Starts to bring 128 bytes of global memory into the L2 cache. */
DEVICE void prefetch(const void* global) { asm volatile("prefetch.global.L2 [%0];" ::"l"(global)); }

/** 2^x to about 2 ulp; −∞ gives 0. */
DEVICE float exp2Fast(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
/** Two floats as bf16, rounded to nearest even; `low` in the lower half. */
DEVICE unsigned packBf16(float low, float high) {
  unsigned result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
DEVICE float asFloat(unsigned bits) { return __uint_as_float(bits); }
DEVICE unsigned asBits(float value) { return __float_as_uint(value); }
DEVICE float exponential(float x) { return expf(x); }
DEVICE float logarithm(float x) { return logf(x); }
DEVICE float squareRoot(float x) { return sqrtf(x); }
DEVICE float reciprocal(float x) { return 1.0f / x; }
DEVICE float maximum(float a, float b) { return fmaxf(a, b); }
DEVICE float infinity() { return __uint_as_float(0x7f800000u); }

}  // namespace apt3::cuda

#else
#include "emulated_intrinsics.h"
#endif
