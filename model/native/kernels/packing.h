// Matrix products read their operands as panels: `lanes` rows of the operand side by side, one step of the inner
// dimension after the other, zeros where the matrix ends.

/** One operand: `rows` × `inner`, where consecutive elements lie along `inner` or, if `transposed`, along `rows`. */
template <class T>
struct Operand {
  const T* data;
  int64_t stride;
  bool transposed;
  /**
   * If not 0, a panel is one half rows of the upper part of the matrix and the other half those as many rows further
   * below: gates and ups of the same features (matmul_swiglu.h). Only where rows lie along the inner dimension.
   */
  int64_t halvesApart = 0;
};

/** `lanes` rows that lie along the inner dimension, in a panel of `panelLanes`. */
template <int lanes, int panelLanes, class Step, class T>
inline void packAlong(const T* from, int64_t stride, int64_t rows, int64_t inner, uint32_t* panel) {
  constexpr int64_t step = stepElements<Step>;
  int64_t whole = 0;
#if defined(APT3_AVX512)
  if constexpr (lanes % width == 0) {
    if (rows == lanes) whole = inner / (width * step) * (width * step);
    for (int row = 0; whole > 0 && row < lanes; row += width) {
      for (int64_t k = 0; k < whole; k += width * step) {
        transposeBlock(from + row * stride + k, stride, Step{}, panel + k / step * panelLanes + row, panelLanes);
      }
    }
  }
#endif
  for (int row = 0; row < lanes; row += 4) {
    int64_t k = whole;
    for (; row + 4 <= rows && k + 4 * step <= inner; k += 4 * step) {
      quad steps[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) steps[i] = loadSteps(from + (row + i) * stride + k, Step{});
      transpose4(steps, panel + k / step * panelLanes + row, panelLanes);
    }
    for (; k < inner; k += step) {
      for (int i = row; i < row + 4; i++) {
        panel[k / step * panelLanes + i] = i < rows ? loadStep(from + i * stride + k, inner - k, Step{}) : 0;
      }
    }
  }
}

/** One step of a panel of float32 from `lanes` consecutive elements. */
template <int lanes, class T>
inline void packStep(const T* from, const T*, int64_t rows, float* to) {
  int64_t i = 0;
  for (; lanes % width == 0 && i + width <= rows; i += width) store(to + i, load(from + i));
  for (; i + 8 <= lanes && i + 8 <= rows; i += 8) {
    const octet steps = loadSteps8(from + i);
    std::memcpy(to + i, &steps, sizeof steps);
  }
  for (; i < lanes; i += 4) {
    if (i + 4 <= rows) {
      const quad steps = loadSteps(from + i, float{});
      std::memcpy(to + i, &steps, sizeof steps);
    } else {
      for (int64_t j = i; j < i + 4; j++) to[j] = j < rows ? toFloat(from[j]) : 0;
    }
  }
}

/** One step of a panel of pairs from `lanes` consecutive elements of two rows; no second row at the end. */
template <int lanes>
inline void packStep(const bfloat16* from, const bfloat16* next, int64_t rows, Pair* to) {
  int64_t i = 0;
  for (; next != nullptr && i + width <= rows; i += width) {
    const uvec pairs = (uvec)load(next + i) | (uvec)load(from + i) >> 16;
    std::memcpy(to + i, &pairs, sizeof pairs);
  }
  for (; next != nullptr && i + 8 <= rows; i += 8) {
    const octet pairs = loadOctet(from + i) | loadOctet(next + i) << 16;
    std::memcpy(to + i, &pairs, sizeof pairs);
  }
  for (; next != nullptr && i + 4 <= rows; i += 4) {
    const quad pairs = loadHalves(from + i) | loadHalves(next + i) << 16;
    std::memcpy(to + i, &pairs, sizeof pairs);
  }
  for (; i < lanes; i++) {
    const uint32_t low = i < rows ? from[i].bits : 0u;
    const uint32_t high = i < rows && next != nullptr ? next[i].bits : 0u;
    to[i].bits = low | high << 16;
  }
}

/** A panel of rows that lie across the inner dimension. */
template <int lanes, class Step, class T>
inline void packAcross(const T* from, int64_t stride, int64_t rows, int64_t inner, Step* panel) {
  constexpr int64_t step = stepElements<Step>;
  for (int64_t k = 0; k < inner; k += step) {
    const T* next = step == 2 && k + 1 < inner ? from + (k + 1) * stride : nullptr;
    packStep<lanes>(from + k * stride, next, rows, panel + k / step * lanes);
  }
}

/** Elements of the inner dimension that all panels take before the first goes on: panels side by side share cache lines. */
constexpr int64_t rowsAtOnce = 8;
/**
 * So many elements further on, rows are asked for: each lies on a page of its own in a large matrix, where the processor
 * does not guess it. Into the second-level cache, whose queue of misses is longer than the first one's: packing the
 * gradients of 2,048 tokens took 0.4 times as long as without, half as long as with 16 rows asked for in the first-level
 * cache (Zen 4, 2026-11).
 */
constexpr int64_t rowsInFlight = 64;

/** `panels` panels of up to `lanes` of the operand's `rows` rows from `row` on, over `inner` elements from `k` on. */
template <int lanes, class Step, class T>
inline void packPanels(const Operand<T>& operand, int64_t row, int64_t rows, int64_t panels, int64_t k, int64_t inner,
                       Step* to) {
  const int64_t panelSteps = lanes * stepsOf<Step>(inner);
  if (operand.halvesApart != 0) {
    constexpr int half = lanes / 2;
    for (int64_t panel = 0; panel < panels; panel++) {
      for (int i = 0; i < 2; i++) {
        const int64_t first = row / 2 + panel * half + i * operand.halvesApart;
        packAlong<half, lanes, Step>(operand.data + first * operand.stride + k, operand.stride, half, inner,
                                     reinterpret_cast<uint32_t*>(to + panel * panelSteps + i * half));
      }
    }
    return;
  }
  if (!operand.transposed) {
    for (int64_t panel = 0; panel < panels; panel++) {
      const T* from = operand.data + (row + panel * lanes) * operand.stride + k;
      packAlong<lanes, lanes, Step>(from, operand.stride, std::min<int64_t>(lanes, rows - panel * lanes), inner,
                             reinterpret_cast<uint32_t*>(to + panel * panelSteps));
    }
    return;
  }
  const T* first = operand.data + k * operand.stride + row;
  const auto askFor = [&](int64_t from, int64_t count) {
    constexpr int64_t cacheLine = 64 / sizeof(T);
    for (int64_t at = from; at < std::min(inner, from + count); at++) {
      const T* line = first + at * operand.stride;
      for (int64_t i = 0; i < std::min(rows, panels * lanes); i += cacheLine) __builtin_prefetch(line + i, 0, 2);
    }
  };
  askFor(0, rowsInFlight);
  for (int64_t at = 0; at < inner; at += rowsAtOnce) {
    askFor(at + rowsInFlight, rowsAtOnce);
    for (int64_t panel = 0; panel < panels; panel++) {
      packAcross<lanes>(first + at * operand.stride + panel * lanes, operand.stride,
                        std::min<int64_t>(lanes, rows - panel * lanes), std::min(rowsAtOnce, inner - at),
                        to + panel * panelSteps + at / stepElements<Step> * lanes);
    }
  }
}

template <int lanes, class Step, class T>
inline void packPanel(const Operand<T>& operand, int64_t row, int64_t rows, int64_t k, int64_t inner, Step* panel) {
  packPanels<lanes>(operand, row, rows, 1, k, inner, panel);
}
