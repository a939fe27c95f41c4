#pragma once
#include <functional>
#include <vector>

#include "gpu.h"

namespace apt3::cuda {

/** Enqueues a write of a whole matrix: float32 values, rounded to nearest even for bf16, or integers. */
void writeMatrix(Gpu& gpu, const Matrix& to, const std::vector<uint32_t>& words);

/**
 * Enqueues a read of a whole matrix of floats; what it returns puts the values at `to` once the device is there. What is
 * larger than a few hundred kilobytes is waited for at once.
 */
std::function<void()> readMatrix(Gpu& gpu, const Matrix& from, float* to);

}  // namespace apt3::cuda
