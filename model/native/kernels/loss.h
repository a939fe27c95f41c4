// Softmax cross-entropy, one row of logits at a time: nothing but the row itself is stored.

struct RowLoss {
  float loss;
  bool correct;
};

/** `powers` is scratch for a row: each exponential is computed once. */
template <class T>
inline RowLoss crossEntropyRow(T* logits, int64_t size, int64_t target, float gradientScale, float* powers) {
  const float nothing = -INFINITY;
  vec largestLanes = broadcast(nothing);
  eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE {
    largestLanes = maximum(load(logits + i, n, nothing), largestLanes);
  });
  const float largest = maximumOf(largestLanes);
  const float targetLogit = toFloat(logits[target]);
  // Predicted: no larger logit, and no equal one with a smaller id.
  bool correct = targetLogit == largest;
  for (int64_t i = 0; correct && i < target; i++) correct = toFloat(logits[i]) != largest;

  vec sums = {};
  eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE {
    // Lanes behind the end add 2^−126, which is nothing beside the 1 that the largest logit adds.
    const vec power = powerOfTwo((load(logits + i, n, nothing) - largest) * log2OfE);
    sums += power;
    store(powers + i, power, n);
  });
  const float sum = sumOf(sums);
  if (gradientScale != 0) {
    // The target's probability minus one, in float64: near 1 their difference is all that counts.
    const double probability = std::exp(static_cast<double>(targetLogit) - largest) / sum;
    const float factor = gradientScale / sum;
    eachVector(size, [&](int64_t i, int64_t n) APT3_INLINE {
      storeResult(logits + i, load(powers + i, n) * factor, n);
    });
    store(logits + target, broadcast(static_cast<float>((probability - 1) * gradientScale)), 1);
  }
  return {std::log(sum) + largest - targetLogit, correct};
}

void crossEntropy(Engine& engine, const Buffer& logits, const Buffer& targets, const Buffer& sums,
                  double gradientScale) {
  const int64_t size = logits.columns;
  const int32_t* wanted = targets.i32();
  for (int64_t row = 0; row < logits.rows; row++) {
    if (wanted[row] < size) continue;
    throw std::runtime_error("target " + std::to_string(wanted[row]) + " of row " + std::to_string(row) +
                             " is not below the vocabulary's " + std::to_string(size));
  }
  float* powers = engine.scratch(Scratch::threads, size * engine.pool.threads());
  RowLoss* losses = engine.scratch<RowLoss>(Scratch::sums, logits.rows);
  withFloats(logits, [&](auto* values) {
    using T = std::remove_pointer_t<decltype(values)>;
    engine.pool.run(logits.rows, [&](int64_t row, int thread) {
      T* own = values + row * size;
      if (wanted[row] >= 0) {
        losses[row] = crossEntropyRow(own, size, wanted[row], static_cast<float>(gradientScale), powers + thread * size);
      } else if (gradientScale != 0) {
        std::memset(own, 0, static_cast<size_t>(size) * sizeof(T));
      }
    });
  });
  double loss = 0;
  int64_t correct = 0;
  int64_t counted = 0;
  for (int64_t row = 0; row < logits.rows; row++) {
    if (wanted[row] < 0) continue;
    loss += losses[row].loss;
    correct += losses[row].correct;
    counted += 1;
  }
  float* totals = sums.f32();
  totals[0] = static_cast<float>(totals[0] + loss);
  totals[1] += static_cast<float>(correct);
  totals[2] += static_cast<float>(counted);
}
