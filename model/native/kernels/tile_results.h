// What becomes of the tiles of a product: sums between blocks of the inner dimension, additions, rounding.

/** Where results go, and what becomes of them on the way. */
template <class Out>
struct Destination {
  Out* out;
  int64_t stride;
  /** Added to the product; may be `out` itself. */
  const Out* plus;
};

/** Running float32 sums, between one block of the inner dimension and the next, of the results from a row and column on. */
struct RunningSums {
  int64_t row, column;
  float* data;
  int64_t stride;
  bool first;
  bool last;
};

/** Moves a finished tile on: adds what was there before, rounds to the type of the result. */
template <class Out>
inline void finishTile(const float* tile, int64_t rows, int64_t columns, const Destination<Out>& to, int64_t offset,
                       const RunningSums& running, int64_t runningOffset) {
  for (int64_t row = 0; row < rows; row++) {
    const float* from = tile + row * tileColumns;
    float* sums = running.data + runningOffset + row * running.stride;
    const int64_t at = offset + row * to.stride;
    eachVector(columns, [&](int64_t i, int64_t n) APT3_INLINE {
      vec value = load(from + i);
      if (!running.first) value += load(sums + i, n);
      else if (to.plus != nullptr) value += load(to.plus + at + i, n);
      if (running.last) store(to.out + at + i, value, n);
      else store(sums + i, value, n);
    });
  }
}

/** Computes a tile and moves it on, whole tiles by the shortest way: it is a few per cent of a product's time. */
template <class Step, class Out>
inline void multiplyAndFinish(const TileOperands<Step>& of, int64_t rows, int64_t columns, const Destination<Out>& to,
                              int64_t offset, const RunningSums& running, int64_t runningOffset) {
  constexpr bool exact = std::is_same_v<Out, float>;
  const bool whole = rows % rowUnit == 0 && columns == tileColumns;
  const bool addsOther = running.first && to.plus != nullptr;
  const Out* other = addsOther ? to.plus + offset : nullptr;
  // Sums of float32 results stand in the result itself.
  const float* before = running.first ? nullptr : running.data + runningOffset;
  if constexpr (exact) {
    if (whole) {
      const float* plus = addsOther ? other : before;
      return multiplyTile(of, rows, StoreRows{to.out + offset, to.stride, plus});
    }
  } else if (whole && running.last) {
    return multiplyTile(of, rows, RoundRows{to.out + offset, to.stride, before, running.stride, other});
  } else if (whole && !addsOther) {
    return multiplyTile(of, rows, StoreRows{running.data + runningOffset, running.stride, before});
  }
  alignas(64) float tile[tileRows * tileColumns];
  multiplyTile(of, rows, StoreRows{tile, tileColumns, nullptr});
  finishTile(tile, rows, columns, to, offset, running, runningOffset);
}

/**
 * Asks for the memory a tile will be added to or written to while the tile is being computed: rows of a large result lie
 * on different pages, and waiting for all of them at the end of a tile took 10 % of a product's time. Into the second-level
 * cache: the first one's few places for what is under way are needed by the tile itself, which lost 700 cycles where float32
 * was added to float32 (2048×768×768, Zen 4, 2026-11: 6 % of the product).
 */
template <int columns = tileColumns, class T>
inline APT3_INLINE void prefetchRows(const T* at, int64_t rows, int64_t stride) {
  for (int64_t row = 0; row < rows; row++) {
    for (int i = 0; i < columns; i += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(at + row * stride + i, 0, 2);
  }
}

/** A product that is stored, or added to something. */
template <class Out>
struct StoredProduct {
  const Destination<Out>& to;
  const RunningSums& running;

  /** Computes the tile of `rows` × `columns` results from a row and column on. */
  template <class Step>
  void take(const TileOperands<Step>& of, int64_t row, int64_t rows, int64_t column, int64_t columns) const {
    const int64_t offset = row * to.stride + column;
    const int64_t runningOffset = (row - running.row) * running.stride + column - running.column;
    if (running.last) prefetchRows(to.out + offset, rows, to.stride);
    else prefetchRows(running.data + runningOffset, rows, running.stride);
    if (running.first && to.plus != nullptr && to.plus != to.out) prefetchRows(to.plus + offset, rows, to.stride);
    multiplyAndFinish(of, rows, columns, to, offset, running, runningOffset);
  }
};
