#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/standard.h"

namespace apt3 {
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")
#endif
#define APT3_AVX512
#define APT3_AVX512_BF16
namespace avx512bf16 {
constexpr int width = 16;
#include "kernels/all.h"
}  // namespace avx512bf16
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const Operations avx512bf16Operations = avx512bf16::listOperations("AVX-512 with bf16");
}  // namespace apt3
#endif
