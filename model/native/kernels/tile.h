// The inner loop of every matrix product: a tile of the result is kept in registers while the inner dimension runs.

/** Registers of a tile: `tileRows` × `tileVectors` sums, and room for a step of both operands. */
#if defined(APT3_AVX512)
constexpr int tileRows = 12;
constexpr int tileVectors = 2;
#else
constexpr int tileRows = 4;
constexpr int tileVectors = 3;
#endif
constexpr int tileColumns = tileVectors * width;

inline vec multiplyAdd(float a, vec b, vec sum) { return sum + a * b; }

/**
 * out[rows × vectors·width] (+)= a · b over `inner` steps. Element (i, k) of `a` is a[i·rowStride + k·stepStride]; `b`
 * is a panel of vectors·width lanes.
 */
template <int rows, int vectors, int rowStride, int stepStride>
inline APT3_INLINE void tileProduct(int64_t inner, const float* a, const float* b, float* out, int64_t outStride,
                                    bool add) {
  vec sums[rows][vectors] = {};
  for (int64_t k = 0; k < inner; k++) {
    vec lanes[vectors];
    for (int j = 0; j < vectors; j++) lanes[j] = load(b + j * width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) sums[i][j] = multiplyAdd(a[i * rowStride], lanes[j], sums[i][j]);
    }
    a += stepStride;
    b += vectors * width;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      float* to = out + i * outStride + j * width;
      store(to, add ? load(to) + sums[i][j] : sums[i][j]);
    }
  }
}

/** A tile of a product of packed panels, written to `out` or added to what is there. */
__attribute__((noinline)) inline void multiplyPanels(int64_t inner, const float* a, const float* b, float* out,
                                                     int64_t outStride, bool add) {
  tileProduct<tileRows, tileVectors, 1, tileRows>(inner, a, b, out, outStride, add);
}

#if defined(APT3_AVX512_BF16)

/** The same over pairs of bf16: products exact, sums in float32. */
template <int rows, int vectors, int rowStride, int stepStride>
inline APT3_INLINE void tileProduct(int64_t inner, const Pair* a, const Pair* b, float* out,
                                               int64_t outStride, bool add) {
  __m512 sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < vectors; j++) sums[i][j] = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < inner; k++) {
    __m512bh lanes[vectors];
    for (int j = 0; j < vectors; j++) lanes[j] = (__m512bh)_mm512_loadu_si512(b + j * width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const __m512bh pair = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[i * rowStride].bits));
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], pair, lanes[j]);
    }
    a += stepStride;
    b += vectors * width;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      float* to = out + i * outStride + j * width;
      _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sums[i][j]) : sums[i][j]);
    }
  }
}

__attribute__((noinline)) inline void multiplyPanels(int64_t inner, const Pair* a, const Pair* b,
                                                                float* out, int64_t outStride, bool add) {
  tileProduct<tileRows, tileVectors, 1, tileRows>(inner, a, b, out, outStride, add);
}

/**
 * Rounds a whole tile to bf16 by the processor's own instruction, which takes numbers below 1e-38 for zero. `sums` and
 * `plus` are added before, where they are there.
 */
__attribute__((noinline)) inline void roundTile(const float* tile, const float* sums, int64_t sumsStride,
                                                           const bfloat16* plus, bfloat16* out, int64_t outStride) {
  static_assert(tileVectors == 2);
  for (int row = 0; row < tileRows; row++) {
    __m512 halves[2];
    for (int j = 0; j < 2; j++) {
      halves[j] = _mm512_loadu_ps(tile + row * tileColumns + j * width);
      if (sums != nullptr) halves[j] = _mm512_add_ps(halves[j], _mm512_loadu_ps(sums + row * sumsStride + j * width));
      if (plus != nullptr) halves[j] = _mm512_add_ps(halves[j], (__m512)load(plus + row * outStride + j * width));
    }
    const __m512bh rounded = _mm512_cvtne2ps_pbh(halves[1], halves[0]);
    std::memcpy(out + row * outStride, &rounded, sizeof rounded);
  }
}
#endif
