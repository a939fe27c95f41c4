// The squared norm of the gradients and AdamW.
#include "memory.cuh"

namespace apt3::cuda {

/** Each thread adds every 256·blocks-th vector; sums of a tensor's part stay far below where float32 loses them. */
KERNEL(apt3_squared_norm, SquaredNormParams, 256, 4) {
  const SquaredNormParams& p = params;
  auto* warps = reinterpret_cast<float*>(sharedMemory());
  const int thread = threadIndex();
  const float* values = pointer<const float>(p.values);
  const long long step = static_cast<long long>(p.blocks) * 256 * vectorSize;
  float sum = 0;
  for (long long at = (static_cast<long long>(blockX()) * 256 + thread) * vectorSize; at < p.count; at += step) {
    float part[8];
    loadVector(part, values + at, 8);
#pragma unroll
    for (int i = 0; i < vectorSize; i++) sum += part[i] * part[i];
  }
  sum = warpSum(sum);
  if (thread % 32 == 0) warps[thread / 32] = sum;
  syncThreads();
  if (thread > 0) return;
  float total = 0;
#pragma unroll
  for (int warp = 0; warp < 8; warp++) total += warps[warp];
  pointer<float>(p.partials)[p.firstPartial + blockX()] = total;
}

KERNEL(apt3_squared_norm_sum, SquaredNormSumParams, 256, 1) {
  const SquaredNormSumParams& p = params;
  auto* sums = reinterpret_cast<double*>(sharedMemory());
  const int thread = threadIndex();
  double sum = 0;
  for (int i = thread; i < p.count; i += 256) sum += pointer<const float>(p.partials)[i];
  sums[thread] = sum;
  for (int half = 128; half > 0; half /= 2) {
    syncThreads();
    if (thread < half) sums[thread] += sums[thread + half];
  }
  if (thread == 0) pointer<float>(p.out)[0] = static_cast<float>(sums[0]);
}

/** Well-spread bits of 32 others; see model/random.ts. */
DEVICE unsigned mix(unsigned h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

/** Rounds up or down at random, right on average; `noise` is below 65536. See model/stochastic-rounding.ts. */
DEVICE bf16 roundStochastically(float value, unsigned noise) {
  return {static_cast<unsigned short>((asBits(value) + noise) >> 16)};
}

struct alignas(8) FourBf16 {
  bf16 values[4];
};
struct alignas(16) FourFloats {
  float values[4];
};

/** Four elements a thread: five streams of 16 bytes keep enough of them under way. */
KERNEL(apt3_adamw, AdamWParams, 256, 4) {
  const AdamWParams& p = params;
  const long long at = (static_cast<long long>(blockX()) * 256 + threadIndex()) * 4;
  if (at >= p.count) return;
  auto* gradients = reinterpret_cast<FourFloats*>(pointer<float>(p.gradient) + at);
  const float norm = squareRoot(pointer<const float>(p.squaredNorm)[0]);
  const FourFloats none = {{0, 0, 0, 0}};
  if (!(norm < infinity())) {
    *gradients = none;
    return;
  }
  const float clip = p.maxNorm / (norm + 1e-6f);
  const float gradientScale = clip < 1 ? clip : 1;
  const FourFloats gradient = *gradients;
  *gradients = none;
  auto* exact = reinterpret_cast<FourFloats*>(pointer<float>(p.exact) + at);
  FourFloats weight = *exact;
  FourFloats first, second;
  if (p.momentsBf16) {
    const FourBf16 m = *reinterpret_cast<const FourBf16*>(pointer<bf16>(p.firstMoment) + at);
    const FourBf16 v = *reinterpret_cast<const FourBf16*>(pointer<bf16>(p.secondMoment) + at);
#pragma unroll
    for (int i = 0; i < 4; i++) first.values[i] = toFloat(m.values[i]), second.values[i] = toFloat(v.values[i]);
  } else {
    first = *reinterpret_cast<const FourFloats*>(pointer<float>(p.firstMoment) + at);
    second = *reinterpret_cast<const FourFloats*>(pointer<float>(p.secondMoment) + at);
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const float g = gradient.values[i] * gradientScale;
    first.values[i] = first.values[i] * p.beta1 + g * p.rest1;
    second.values[i] = second.values[i] * p.beta2 + g * g * p.rest2;
    const float change =
        first.values[i] * p.stepSize / (squareRoot(second.values[i]) * p.secondCorrection + p.epsilon);
    weight.values[i] = weight.values[i] * p.keep - change;
  }
  *exact = weight;
  if (p.rounded != 0) {
    FourBf16 rounded;
#pragma unroll
    for (int i = 0; i < 4; i++) rounded.values[i] = fromFloat<bf16>(weight.values[i]);
    *reinterpret_cast<FourBf16*>(pointer<bf16>(p.rounded) + at) = rounded;
  }
  if (!p.momentsBf16) {
    *reinterpret_cast<FourFloats*>(pointer<float>(p.firstMoment) + at) = first;
    *reinterpret_cast<FourFloats*>(pointer<float>(p.secondMoment) + at) = second;
    return;
  }
  FourBf16 m, v;
  const unsigned element = static_cast<unsigned>(at / p.ld * p.columns + at % p.ld);
#pragma unroll
  for (unsigned i = 0; i < 4; i++) {
    const unsigned noise = mix(mix((element + i) ^ p.seed) + p.seed);
    // Padding stays zero: its moments are zero, whose bits no noise below 65536 carries over.
    m.values[i] = roundStochastically(first.values[i], noise & 0xffff);
    v.values[i] = roundStochastically(second.values[i], noise >> 16);
  }
  *reinterpret_cast<FourBf16*>(pointer<bf16>(p.firstMoment) + at) = m;
  *reinterpret_cast<FourBf16*>(pointer<bf16>(p.secondMoment) + at) = v;
}

}  // namespace apt3::cuda
