// Memory that a product will need next is asked for while its tiles compute, one cache line at every step: that costs a
// tile nothing, while packing and copying would wait for memory. In a step of a model of 512 × 8 the products became 1.5 %
// faster in float32, those of 768 × 6 2.2 % in bf16 (Zen 4, 2026-11).

constexpr int64_t cacheLine = 64;

/** Cache lines to ask for one after the other: runs of neighbouring ones. */
struct LinesAhead {
  const char* at;
  /** Lines that are left of this run, and of every other. */
  int64_t left, run;
  /** Bytes from a line to the next one of its run, and from behind a run to the next run. */
  int64_t toNext, toNextRun;

  /** Into the second-level cache: the tile itself needs the first one. */
  APT3_INLINE void askForOne() {
    __builtin_prefetch(at, 0, 2);
    at += toNext;
    if (--left == 0) {
      left = run;
      at += toNextRun;
    }
  }
};

/** A part of a matrix in memory: so many runs of cache lines, `stride` bytes apart. */
struct MemoryAhead {
  const char* first = nullptr;
  int64_t lines = 0, runs = 0, stride = 0;

  /** `runs` runs of `elements` elements. */
  template <class T>
  static MemoryAhead of(const T* data, int64_t elements, int64_t runs, int64_t stride) {
    constexpr auto bytes = static_cast<int64_t>(sizeof(T));
    const auto before = static_cast<int64_t>(reinterpret_cast<uintptr_t>(data) % cacheLine);
    return {reinterpret_cast<const char*>(data) - before, divideUp(before + elements * bytes, cacheLine), runs, stride * bytes};
  }

  /**
   * What one of `tiles` tiles asks for: together the last ones ask for all, or for the rest of it if their steps are too
   * few. A tile that has nothing to ask for asks for `own`, which it reads anyway.
   */
  LinesAhead share(int64_t tile, int64_t tiles, int64_t steps, const void* own) const {
    const int64_t begin = lines * runs - (tiles - tile) * steps;
    if (begin <= -steps || lines * runs < steps) return {static_cast<const char*>(own), steps + 1, 0, 0, 0};
    const int64_t at = std::max<int64_t>(0, begin);
    const int64_t inRun = at % lines;
    return {first + at / lines * stride + inRun * cacheLine, lines - inRun, lines, cacheLine, stride - lines * cacheLine};
  }
};
