#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/standard.h"

namespace apt3 {
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
constexpr int width = 8;
#include "kernels/all.h"
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

const Operations avx2Operations = avx2::listOperations("AVX2");
}  // namespace apt3
#endif
