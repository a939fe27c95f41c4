#pragma once
/** The parameters of the kernels with planted bugs, for both sides. */
namespace planted {

/** out[32·blocks, 16] = a[rows, k] · b[16, k]ᵀ in bf16 and float32; k is a multiple of 32. */
struct Params {
  unsigned long long a, b, out;
  int rows, k;
};

constexpr int stageElements = (32 + 16) * 32;
constexpr unsigned sharedBytes = 3 * stageElements * 2 + 64;

}  // namespace planted
