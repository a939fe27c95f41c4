// Vectors of floats, written once for every instruction set: the including file defines `width` and the target. The
// compilers' vector extensions give + − × ÷, comparisons and conversions; a·b + c becomes one fused instruction.

typedef float vec __attribute__((vector_size(4 * width)));
typedef int32_t ivec __attribute__((vector_size(4 * width)));
typedef uint32_t uvec __attribute__((vector_size(4 * width)));
typedef uint16_t hvec __attribute__((vector_size(2 * width)));

#define APT3_INLINE __attribute__((always_inline))

inline vec broadcast(float x) { return x - vec{}; }

inline vec select(ivec mask, vec yes, vec no) {
  return mask ? yes : no;
}

/** The larger one; of a NaN and a number, `b`. */
inline vec maximum(vec a, vec b) {
#if defined(APT3_AVX512)
  return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return select(a > b, a, b);
#endif
}

inline float toFloat(float x) { return x; }
inline float toFloat(bfloat16 x) {
  const uint32_t word = static_cast<uint32_t>(x.bits) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

inline vec load(const float* from) {
  vec x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

// Halves become words and words halves by one instruction each; g++ 12 makes several out of the conversion of vectors.
#if defined(APT3_AVX512)
inline uvec widen(hvec halves) { return (uvec)_mm512_cvtepu16_epi32((__m256i)halves); }
inline hvec narrow(uvec words) { return (hvec)_mm512_cvtepi32_epi16((__m512i)words); }
#else
inline uvec widen(hvec halves) { return __builtin_convertvector(halves, uvec); }
inline hvec narrow(uvec words) { return __builtin_convertvector(words, hvec); }
#endif

inline vec load(const bfloat16* from) {
  hvec bits;
  std::memcpy(&bits, from, sizeof bits);
  return (vec)(widen(bits) << 16);
}

inline void store(float* to, vec x) { std::memcpy(to, &x, sizeof x); }

/** A float32's bits rounded to nearest, ties to even, for the sake of their upper half. Not for NaN. */
inline uvec roundedUpperHalf(vec x) {
  const uvec word = (uvec)x;
  return word + 0x7fff + ((word >> 16) & 1);
}

/** Rounds to nearest, ties to even; a NaN stays one (its payload might otherwise round to infinity). */
inline void store(bfloat16* to, vec x) {
  const uvec word = (uvec)x;
  const uvec rounded = roundedUpperHalf(x) >> 16;
  const uvec notANumber = (uvec)(x != x);
  const hvec bits = narrow((rounded & ~notANumber) | (((word >> 16) | 0x40) & notANumber));
  std::memcpy(to, &bits, sizeof bits);
}

/** For results: whole float32, or bf16 rounded in the processor's own way where it has one. */
inline void storeResult(float* to, vec x) { store(to, x); }
inline void storeResult(bfloat16* to, vec x) {
#if defined(APT3_AVX512_BF16)
  // A quarter of the time that `store` takes, but numbers below 1e-38 become zero.
  const __m256bh bits = _mm512_cvtneps_pbh((__m512)x);
  std::memcpy(to, &bits, sizeof bits);
#else
  store(to, x);
#endif
}

/** The same rounding for one number. */
inline bfloat16 roundToBfloat16(float x) {
  uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  if (x != x) return {static_cast<uint16_t>((word >> 16) | 0x40)};
  return {static_cast<uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16)};
}

/** The first `count` ≤ `width` elements, and `fill` behind them. */
template <class T>
inline vec load(const T* from, int64_t count, float fill = 0) {
  if (count == width) return load(from);
  float part[width];
  for (int64_t i = 0; i < width; i++) part[i] = i < count ? toFloat(from[i]) : fill;
  return load(part);
}

template <class T>
inline void store(T* to, vec x, int64_t count) {
  if (count == width) return store(to, x);
  T part[width];
  store(part, x);
  std::memcpy(to, part, static_cast<size_t>(count) * sizeof(T));
}

template <class T>
inline void storeResult(T* to, vec x, int64_t count) {
  if (count == width) return storeResult(to, x);
  T part[width];
  storeResult(part, x);
  std::memcpy(to, part, static_cast<size_t>(count) * sizeof(T));
}

/** Sum of all lanes, in a fixed order. */
inline float sumOf(vec x) {
#if defined(APT3_AVX512)
  return _mm512_reduce_add_ps((__m512)x);
#else
  float lanes[width];
  store(lanes, x);
  for (int half = width / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
#endif
}

inline float maximumOf(vec x) {
  float lanes[width];
  store(lanes, x);
  float largest = lanes[0];
  for (int i = 1; i < width; i++) largest = lanes[i] > largest ? lanes[i] : largest;
  return largest;
}

/** Calls body(index, count) for runs of `width` elements and for what is left at the end. */
template <class Body>
inline APT3_INLINE void eachVector(int64_t size, Body body) {
  int64_t i = 0;
  for (; i + width <= size; i += width) body(i, width);
  if (i < size) body(i, size - i);
}

/** The nearest whole number, for |x| < 2^22. */
inline vec nearestWhole(vec x) {
#if defined(APT3_AVX512)
  return (vec)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  const float roundingBias = 12582912.0f;  // 1.5 · 2^23: adding it leaves no bits behind the point.
  return (x + roundingBias) - roundingBias;
#endif
}

/** x · 2^n, for a whole n and results that are no denormals. */
inline vec timesPowerOfTwo(vec x, vec n) {
#if defined(APT3_AVX512)
  return (vec)_mm512_scalef_ps((__m512)x, (__m512)n);
#else
  return (vec)((ivec)x + (__builtin_convertvector(n, ivec) << 23));
#endif
}

/**
 * e^x to about one unit in the last place: x = n·ln 2 + r with |r| ≤ ln 2 / 2, then Taylor's series of e^r to r⁷,
 * whose first omitted term is 5e-9 of the result. Below −87 the result stays at e^−87 instead of becoming denormal.
 */
inline vec exponential(vec x) {
  x = select(x < -87.0f, broadcast(-87.0f), x);
  x = select(x > 88.0f, broadcast(88.0f), x);
  const vec n = nearestWhole(x * 1.44269504f);
  // ln 2 in two parts, the first of which has trailing zeros: n times it is exact.
  const vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  vec p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * r + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return timesPowerOfTwo(p, n);
}

constexpr float log2OfE = 1.44269504f;

/**
 * 2^t for t ≤ 127, in half the time of `exponential`: t = n + f with |f| ≤ 1/2, then the polynomial of degree five with
 * the smallest relative error (9e-8; 1.6e-7 with the roundings of float32), exact at 0. Below −126 the result stays at
 * 2^−126.
 */
inline vec powerOfTwo(vec t) {
  t = maximum(broadcast(-126.0f), t);
  const vec n = nearestWhole(t);
  const vec f = t - n;
  vec p = f * 0.001326472731307149f + 0.009671512991189957f;
  p = p * f + 0.05550733581185341f;
  p = p * f + 0.24022242426872253f;
  p = p * f + 0.6931470036506653f;
  p = p * f + 1.0f;
  return timesPowerOfTwo(p, n);
}

/**
 * ln x for finite x > 0 that are no denormals; NaN of NaN. x = 2^n·m with m in [√½, √2), then the series of 2·artanh s
 * for s = (m − 1)/(m + 1), whose first omitted term is 4e-9 of the result.
 */
inline vec logarithm(vec x) {
  constexpr uint32_t bitsOfRootHalf = 0x3f3504f3;
  const ivec exponents = (ivec)((uvec)x - bitsOfRootHalf) >> 23;
  const vec m = (vec)((ivec)x - (exponents << 23));
  const vec s = (m - 1.0f) / (m + 1.0f);
  const vec s2 = s * s;
  vec p = s2 * (2.0f / 9) + (2.0f / 7);
  p = p * s2 + (2.0f / 5);
  p = p * s2 + (2.0f / 3);
  p = p * s2 + 2.0f;
  return select(x == x, __builtin_convertvector(exponents, vec) * 0.693147181f + p * s, x);
}
