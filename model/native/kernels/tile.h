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

inline vec loadLanes(const float* from) { return load(from); }
inline vec multiplyAdd(float a, vec b, vec sum) { return sum + a * b; }
#if defined(APT3_AVX512_BF16)
/** Pairs of bf16, in the guise of floats. */
inline vec loadLanes(const Pair* from) {
  vec lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
/** Products exact, sums in float32. */
inline vec multiplyAdd(Pair a, vec b, vec sum) {
  const __m512i pairs = _mm512_set1_epi32(static_cast<int>(a.bits));
  return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)pairs, (__m512bh)b);
}
#endif

/**
 * Goes on to the next row, in a way that the compiler cannot see through: it would compute the places of all rows at once,
 * more than there are registers for, and pass them through vectors. That took 50 to 90 cycles a tile (g++ 12, Zen 4,
 * 2026-11).
 */
template <class At>
inline APT3_INLINE void advanceRow(At& at, int64_t stride) {
  at += stride;
  asm("" : "+r"(at));
}

/** The first operand of a tile where element (i, k) lies at i·rowStride + k·stepStride. */
template <class Step, int rowStride, int stepStride>
struct PanelRows {
  const Step* at;

  Step operator[](int row) const { return at[row * rowStride]; }
  void advance() { at += stepStride; }
};

/**
 * The first operand of a tile in the rows of a matrix. Three rows share a pointer, to which x86 adds once or twice the
 * stride without an instruction: a pointer for each row would not fit the registers.
 */
template <class Step, int rows>
struct MatrixRows {
  static constexpr int groups = (rows + 2) / 3;
  const Step* at[groups];
  int64_t stride;

  MatrixRows(const Step* first, int64_t stride) : stride(stride) {
    const int64_t apart = 3 * stride;
#pragma GCC unroll 4
    for (int i = 0; i < groups; i++) {
      at[i] = first;
      advanceRow(first, apart);
    }
  }
  Step operator[](int row) const { return at[row / 3][row % 3 * stride]; }
  void advance() {
#pragma GCC unroll 4
    for (int i = 0; i < groups; i++) at[i]++;
  }
};

/** A tile that asks for no memory but its own. */
struct NothingAhead {
  APT3_INLINE void askForOne() {}
};

/**
 * Gives every row of a · b over `inner` steps to `finish`, which then goes on to the next row; `b` is a panel of
 * vectors·width lanes.
 */
template <int rows, int vectors, class Rows, class Step, class Finish, class Ahead = NothingAhead>
inline APT3_INLINE void computeTile(int64_t inner, Rows a, const Step* b, Finish finish, Ahead ahead = {}) {
  vec sums[rows][vectors] = {};
  for (int64_t k = 0; k < inner; k++) {
    vec lanes[vectors];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) lanes[j] = loadLanes(b + j * width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const Step factor = a[i];
#pragma GCC unroll 4
      for (int j = 0; j < vectors; j++) sums[i][j] = multiplyAdd(factor, lanes[j], sums[i][j]);
    }
    ahead.askForOne();
    a.advance();
    b += vectors * width;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
    finish(sums[i]);
    finish.advance();
  }
}

/** Writes a tile, added to `plus` where that is there; it may be `out` itself, and has its stride. */
struct StoreRows {
  float* out;
  int64_t stride;
  const float* plus;
  int64_t at = 0;

  template <int vectors>
  APT3_INLINE void operator()(const vec (&sums)[vectors]) const {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; j++) {
      const int64_t lanes = at + j * width;
      store(out + lanes, plus == nullptr ? sums[j] : load(plus + lanes) + sums[j]);
    }
  }
  APT3_INLINE void advance() { advanceRow(at, stride); }
};

inline APT3_INLINE void storeRounded(bfloat16* to, const vec (&values)[tileVectors]) {
#if defined(APT3_AVX512_BF16)
  // The processor's own instruction takes numbers below 1e-38 for zero.
  static_assert(tileVectors == 2);
  const __m512bh rounded = _mm512_cvtne2ps_pbh((__m512)values[1], (__m512)values[0]);
  std::memcpy(to, &rounded, sizeof rounded);
#else
  for (int j = 0; j < tileVectors; j++) store(to + j * width, values[j]);
#endif
}

/** Rounds a tile to bf16; `sums` and `plus` are added before, where they are there. */
struct RoundRows {
  bfloat16* out;
  int64_t stride;
  const float* sums;
  int64_t sumsStride;
  const bfloat16* plus;
  int64_t at = 0, sumsAt = 0;

  APT3_INLINE void operator()(const vec (&tile)[tileVectors]) const {
    vec values[tileVectors];
#pragma GCC unroll 4
    for (int j = 0; j < tileVectors; j++) {
      values[j] = tile[j];
      if (sums != nullptr) values[j] += load(sums + sumsAt + j * width);
      if (plus != nullptr) values[j] += load(plus + at + j * width);
    }
    storeRounded(out + at, values);
  }
  APT3_INLINE void advance() {
    advanceRow(at, stride);
    advanceRow(sumsAt, sumsStride);
  }
};

/** out[rows × vectors·width] (+)= a · b, where element (i, k) of `a` is a[i·rowStride + k·stepStride]. */
template <int rows, int vectors, int rowStride, int stepStride, class Step>
__attribute__((noinline)) inline void multiplyPanels(int64_t inner, const Step* a, const Step* b, float* out,
                                                     int64_t outStride, bool add) {
  computeTile<rows, vectors>(inner, PanelRows<Step, rowStride, stepStride>{a}, b, StoreRows{out, outStride, add ? out : nullptr});
}
