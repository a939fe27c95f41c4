// What the processor could do at most: multiply-adds between registers, without any memory. The yardstick of
// `npm run bench -- train`; nothing else uses it.

/** Tasks of equal size: so many that no thread waits long for the last. */
constexpr int64_t peakTasks = 64;
/** Sums that run side by side: more than the latency of a multiply-add times what the processor begins at a time. */
constexpr int peakSums = 12;

/** Every sum starts elsewhere and the factor is known only at run time: a compiler would see through less. */
inline float multiplyRegisters(int64_t repetitions, float) {
  vec sums[peakSums];
#pragma GCC unroll 16
  for (int i = 0; i < peakSums; i++) sums[i] = broadcast(static_cast<float>(i));
  const vec factor = broadcast(1.0f / static_cast<float>(repetitions + 1));
  const vec term = broadcast(1e-3f);
  for (int64_t n = 0; n < repetitions; n++) {
#pragma GCC unroll 16
    for (int i = 0; i < peakSums; i++) sums[i] = sums[i] * factor + term;
  }
  vec total = {};
#pragma GCC unroll 16
  for (int i = 0; i < peakSums; i++) total += sums[i];
  return sumOf(total);
}
#if defined(APT3_AVX512_BF16)
inline float multiplyRegisters(int64_t repetitions, Pair) {
  __m512 sums[peakSums];
#pragma GCC unroll 16
  for (int i = 0; i < peakSums; i++) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512bh ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  for (int64_t n = 0; n < repetitions; n++) {
#pragma GCC unroll 16
    for (int i = 0; i < peakSums; i++) sums[i] = _mm512_dpbf16_ps(sums[i], ones, ones);
  }
#pragma GCC unroll 16
  for (int i = 1; i < peakSums; i++) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_reduce_add_ps(sums[0]);
}
#endif

/** Multiplies on all threads, about as often as asked; `out` gets how many floating-point operations that were, in 10⁹. */
void peakProducts(Engine& engine, DType dtype, double billions, const Buffer& out) {
  const bool pairs = hasPairs && dtype == DType::bf16;
  const double each = 2.0 * width * peakSums * (pairs ? 2 : 1);
  const auto repetitions = static_cast<int64_t>(billions * 1e9 / each / peakTasks) + 1;
  // The sums are kept: a compiler leaves out what nobody reads.
  float* results = engine.scratch(Scratch::sums, peakTasks);
  engine.pool.run(peakTasks, [&](int64_t task, int) {
#if defined(APT3_AVX512_BF16)
    if (pairs) {
      results[task] = multiplyRegisters(repetitions, Pair{});
      return;
    }
#endif
    results[task] = multiplyRegisters(repetitions, float{});
  });
  out.f32()[0] = static_cast<float>(each * static_cast<double>(repetitions) * peakTasks / 1e9);
}
