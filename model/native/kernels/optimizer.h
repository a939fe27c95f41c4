// The global gradient norm and AdamW, in chunks whose size does not depend on the number of threads.

constexpr int64_t optimizerChunk = 1 << 15;

void squaredNorm(Engine& engine, const std::vector<Buffer>& buffers, const Buffer& out) {
  struct Chunk {
    const float* from;
    int64_t size;
  };
  std::vector<Chunk> chunks;
  for (const Buffer& buffer : buffers) {
    for (int64_t start = 0; start < buffer.size(); start += optimizerChunk) {
      chunks.push_back({buffer.f32() + start, std::min(optimizerChunk, buffer.size() - start)});
    }
  }
  std::vector<double> partial(chunks.size());
  engine.pool.run(static_cast<int64_t>(chunks.size()), [&](int64_t task, int) {
    const Chunk& chunk = chunks[static_cast<size_t>(task)];
    double sum = 0;
    // Float32 sums over a few thousand elements at most, then float64.
    constexpr int64_t run = 4096;
    for (int64_t start = 0; start < chunk.size; start += run) {
      vec squares = {};
      eachVector(std::min(run, chunk.size - start), [&](int64_t i, int64_t n) APT3_INLINE {
        const vec value = load(chunk.from + start + i, n);
        squares += value * value;
      });
      sum += sumOf(squares);
    }
    partial[static_cast<size_t>(task)] = sum;
  });
  double total = 0;
  for (const double sum : partial) total += sum;
  out.f32()[0] = static_cast<float>(total);
}

inline vec squareRoot(vec x) {
#if defined(APT3_AVX512)
  return (vec)_mm512_sqrt_ps((__m512)x);
#else
  float lanes[width];
  store(lanes, x);
  for (int i = 0; i < width; i++) lanes[i] = __builtin_sqrtf(lanes[i]);
  return load(lanes);
#endif
}

/** Well-spread bits of 32 others; see model/random.ts. */
inline uvec mix(uvec h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

/** The noise of elements from `first` on: the lower half is for the first moment, the upper for the second. */
inline uvec roundingNoise(uint32_t seed, int64_t first) {
  uvec element;
  for (int i = 0; i < width; i++) element[i] = static_cast<uint32_t>(first) + static_cast<uint32_t>(i);
  return mix(mix(element ^ seed) + seed);
}

inline void storeMoment(float* to, vec x, uvec, int64_t count) { store(to, x, count); }

/** Rounds up or down at random; `noise` is below 65536. */
inline void storeMoment(bfloat16* to, vec x, uvec noise, int64_t count) {
  const hvec bits = narrow(((uvec)x + noise) >> 16);
  std::memcpy(to, &bits, static_cast<size_t>(count) * sizeof(bfloat16));
}

void adamw(Engine& engine, const Buffer& weight, const Buffer& master, const Buffer& gradient,
           const Buffer& firstMoment, const Buffer& secondMoment, const Buffer& squaredNormBuffer,
           const AdamWStep& step) {
  const double norm = std::sqrt(static_cast<double>(squaredNormBuffer.f32()[0]));
  const bool finite = std::isfinite(norm);
  const float gradientScale = static_cast<float>(std::min(1.0, step.maxNorm / (norm + 1e-6)));
  const float beta1 = static_cast<float>(step.beta1);
  const float beta2 = static_cast<float>(step.beta2);
  const float rest1 = static_cast<float>(1 - step.beta1);
  const float rest2 = static_cast<float>(1 - step.beta2);
  const float epsilon = static_cast<float>(step.epsilon);
  const float keep = static_cast<float>(1 - step.learningRate * step.weightDecay);
  const float stepSize = static_cast<float>(step.learningRate / (1 - std::pow(step.beta1, step.update)));
  const float secondCorrection = static_cast<float>(1 / std::sqrt(1 - std::pow(step.beta2, step.update)));
  float* exact = master.present() ? master.f32() : weight.f32();
  bfloat16* rounded = master.present() ? weight.bf16() : nullptr;
  float* gradients = gradient.f32();
  const auto seed = static_cast<uint32_t>(static_cast<int64_t>(step.roundingSeed));
  const int64_t size = weight.size();
  withFloats(firstMoment, [&]<class Moment>(Moment* m) {
    auto* v = static_cast<Moment*>(secondMoment.storage->data());
    engine.pool.run(divideUp(size, optimizerChunk), [&](int64_t task, int) {
      const int64_t start = task * optimizerChunk;
      const int64_t count = std::min(optimizerChunk, size - start);
      if (finite) {
        eachVector(count, [&](int64_t offset, int64_t n) APT3_INLINE {
          const int64_t i = start + offset;
          const vec g = load(gradients + i, n) * gradientScale;
          const vec first = load(m + i, n) * beta1 + g * rest1;
          const vec second = load(v + i, n) * beta2 + g * g * rest2;
          const uvec noise = roundingNoise(seed, i);
          storeMoment(m + i, first, noise & 0xffff, n);
          storeMoment(v + i, second, noise >> 16, n);
          const vec change = first * stepSize / (squareRoot(second) * secondCorrection + epsilon);
          const vec updated = load(exact + i, n) * keep - change;
          store(exact + i, updated, n);
          if (rounded != nullptr) store(rounded + i, updated, n);
        });
      }
      std::memset(gradients + start, 0, static_cast<size_t>(count) * sizeof(float));
    });
  });
}
