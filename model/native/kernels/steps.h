// The steps of which the panels of matrix products are made (packing.h): a step is one float32, or a pair of bf16 (which
// the processor multiplies together); either is four bytes, so the same code moves both.

typedef uint32_t quad __attribute__((vector_size(16)));
typedef uint16_t halfQuad __attribute__((vector_size(8)));
typedef uint32_t octet __attribute__((vector_size(32)));
typedef uint16_t halfOctet __attribute__((vector_size(16)));

/** A pair of bf16 as one word, the first one in the lower half; also to be read where two bf16 were written. */
struct __attribute__((may_alias)) Pair {
  uint32_t bits;
};

#if defined(APT3_AVX512_BF16)
constexpr bool hasPairs = true;
#else
constexpr bool hasPairs = false;
#endif

/** The steps in which products of this type run: pairs of bf16 where the processor multiplies them, else float32. */
template <class T>
using ProductStep = std::conditional_t<hasPairs && std::is_same_v<T, bfloat16>, Pair, float>;

/** How many elements of the inner dimension one step of a panel holds. */
template <class Step>
constexpr int64_t stepElements = std::is_same_v<Step, Pair> ? 2 : 1;

/** Steps that hold `elements` elements of the inner dimension. */
template <class Step>
constexpr int64_t stepsOf(int64_t elements) {
  return (elements + stepElements<Step> - 1) / stepElements<Step>;
}

/** Four consecutive steps of a row that has them all. */
inline quad loadSteps(const float* from, float) {
  quad steps;
  std::memcpy(&steps, from, sizeof steps);
  return steps;
}
/** Four bf16, each in the lower half of a word. */
inline quad loadHalves(const bfloat16* from) {
  halfQuad halves;
  std::memcpy(&halves, from, sizeof halves);
  return __builtin_convertvector(halves, quad);
}
inline quad loadSteps(const bfloat16* from, float) { return loadHalves(from) << 16; }
inline quad loadSteps(const bfloat16* from, Pair) {
  quad steps;
  std::memcpy(&steps, from, sizeof steps);
  return steps;
}

/** Eight bf16, each in the lower half of a word. */
inline octet loadOctet(const bfloat16* from) {
  halfOctet halves;
  std::memcpy(&halves, from, sizeof halves);
  return __builtin_convertvector(halves, octet);
}

/** Eight consecutive steps of float32. */
inline octet loadSteps8(const float* from) {
  octet steps;
  std::memcpy(&steps, from, sizeof steps);
  return steps;
}
inline octet loadSteps8(const bfloat16* from) { return loadOctet(from) << 16; }

/** As many consecutive steps as a vector holds. */
template <class T>
inline vec loadStepVector(const T* from, float) { return load(from); }
inline vec loadStepVector(const bfloat16* from, Pair) {
  vec steps;
  std::memcpy(&steps, from, sizeof steps);
  return steps;
}

/** One step, of which `left` elements exist. */
template <class T>
inline uint32_t loadStep(const T* from, int64_t, float) {
  const float value = toFloat(*from);
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline uint32_t loadStep(const bfloat16* from, int64_t left, Pair) {
  return from[0].bits | (left > 1 ? static_cast<uint32_t>(from[1].bits) << 16 : 0u);
}

/** Turns four rows of four steps into four steps of four rows. */
inline void transpose4(const quad (&rows)[4], uint32_t* to, int64_t stride) {
  const quad a = __builtin_shuffle(rows[0], rows[1], quad{0, 4, 1, 5});
  const quad b = __builtin_shuffle(rows[2], rows[3], quad{0, 4, 1, 5});
  const quad c = __builtin_shuffle(rows[0], rows[1], quad{2, 6, 3, 7});
  const quad d = __builtin_shuffle(rows[2], rows[3], quad{2, 6, 3, 7});
  const quad steps[4] = {
      __builtin_shuffle(a, b, quad{0, 1, 4, 5}),
      __builtin_shuffle(a, b, quad{2, 3, 6, 7}),
      __builtin_shuffle(c, d, quad{0, 1, 4, 5}),
      __builtin_shuffle(c, d, quad{2, 3, 6, 7}),
  };
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) std::memcpy(to + i * stride, &steps[i], sizeof steps[i]);
}

#if defined(APT3_AVX512)
/** Turns `width` rows of as many steps into steps of so many rows, in half the time that blocks of four would take. */
template <class T, class Step>
inline void transposeBlock(const T* from, int64_t rowStride, Step, uint32_t* to, int64_t stride) {
  __m512i rows[width], pairs[width], quads[width];
#pragma GCC unroll 16
  for (int i = 0; i < width; i++) rows[i] = (__m512i)loadStepVector(from + i * rowStride, Step{});
#pragma GCC unroll 16
  for (int i = 0; i < width; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  // quads[4r + c] then holds, in each quarter q, step 4q + c of rows 4r to 4r + 3.
#pragma GCC unroll 16
  for (int i = 0; i < width; i += 4) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      quads[i + 2 * j] = _mm512_unpacklo_epi64(pairs[i + j], pairs[i + j + 2]);
      quads[i + 2 * j + 1] = _mm512_unpackhi_epi64(pairs[i + j], pairs[i + j + 2]);
    }
  }
  constexpr int evenQuarters = 0x88;
  constexpr int oddQuarters = 0xdd;
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {
    const __m512i evenLow = _mm512_shuffle_i32x4(quads[c], quads[4 + c], evenQuarters);
    const __m512i evenHigh = _mm512_shuffle_i32x4(quads[8 + c], quads[12 + c], evenQuarters);
    const __m512i oddLow = _mm512_shuffle_i32x4(quads[c], quads[4 + c], oddQuarters);
    const __m512i oddHigh = _mm512_shuffle_i32x4(quads[8 + c], quads[12 + c], oddQuarters);
    _mm512_storeu_si512(to + c * stride, _mm512_shuffle_i32x4(evenLow, evenHigh, evenQuarters));
    _mm512_storeu_si512(to + (4 + c) * stride, _mm512_shuffle_i32x4(oddLow, oddHigh, evenQuarters));
    _mm512_storeu_si512(to + (8 + c) * stride, _mm512_shuffle_i32x4(evenLow, evenHigh, oddQuarters));
    _mm512_storeu_si512(to + (12 + c) * stride, _mm512_shuffle_i32x4(oddLow, oddHigh, oddQuarters));
  }
}
#endif
