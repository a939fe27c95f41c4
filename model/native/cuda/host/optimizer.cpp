#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "operations.h"

namespace apt3::cuda::operations {

namespace {

/** Partial sums of a global norm, for all its tensors together; model/backends/cuda/layout.ts plans them. */
constexpr int64_t maxNormPartials = 1 << 16;

}  // namespace

void squaredNorm(Gpu& gpu, const std::vector<Matrix>& buffers, const Matrix& out) {
  // A block reads 128 KB, or more where there are so many tensors that their parts would not fit.
  const int64_t most = std::clamp<int64_t>(maxNormPartials / std::max<int64_t>(1, std::ssize(buffers)), 1, 1024);
  const DeviceAddress partials = gpu.scratch(Scratch::normPartials, maxNormPartials * sizeof(float));
  int64_t parts = 0;
  for (const Matrix& buffer : buffers) {
    const int64_t blocks = std::clamp<int64_t>(upwards(buffer.padded(), 1 << 15), 1, most);
    if (parts + blocks > maxNormPartials) throw std::runtime_error("a norm of more than 65536 tensors");
    const SquaredNormParams parameters{gpu.at(buffer), partials, buffer.padded(), narrow(parts), narrow(blocks)};
    gpu.launch(cuda::squaredNorm, {blocks}, parameters);
    parts += blocks;
  }
  gpu.launch(squaredNormSum, {}, SquaredNormSumParams{partials, gpu.at(out), narrow(parts)});
}

void adamw(Gpu& gpu, const Matrix& weight, const Matrix& master, const Matrix& gradient, const Matrix& firstMoment,
           const Matrix& secondMoment, const Matrix& squaredNorm, const AdamWStep& step) {
  AdamWParams p{};
  p.exact = gpu.at(master.present() ? master : weight);
  p.rounded = master.present() ? gpu.at(weight) : 0;
  p.gradient = gpu.at(gradient);
  p.firstMoment = gpu.at(firstMoment);
  p.secondMoment = gpu.at(secondMoment);
  p.squaredNorm = gpu.at(squaredNorm);
  p.count = weight.padded();
  p.beta1 = static_cast<float>(step.beta1);
  p.rest1 = static_cast<float>(1 - step.beta1);
  p.beta2 = static_cast<float>(step.beta2);
  p.rest2 = static_cast<float>(1 - step.beta2);
  p.epsilon = static_cast<float>(step.epsilon);
  p.keep = static_cast<float>(1 - step.learningRate * step.weightDecay);
  p.stepSize = static_cast<float>(step.learningRate / (1 - std::pow(step.beta1, step.update)));
  p.secondCorrection = static_cast<float>(1 / std::sqrt(1 - std::pow(step.beta2, step.update)));
  p.maxNorm = static_cast<float>(step.maxNorm);
  p.momentsBf16 = firstMoment.dtype == DType::bf16 ? 1 : 0;
  p.columns = narrow(weight.columns);
  p.ld = narrow(weight.ld());
  p.seed = static_cast<unsigned>(static_cast<int64_t>(step.roundingSeed));
  gpu.launch(cuda::adamw, {upwards(p.count, 1024)}, p);
}

}  // namespace apt3::cuda::operations
