// How the tiles of a product find the rows of its first operand: in the matrix itself where they can be read there, else
// in rows or panels that are made for them.

/** The kernels' tiles have a multiple of this many rows. */
constexpr int64_t rowUnit = 4;

/** Rows for tiles: one matrix row after the other, `stride` steps apart, or panels of `tileRows` rows if `stride` is 0. */
template <class Step>
struct TileRows {
  const Step* data;
  int64_t stride;
};

/**
 * Rows whose starts are a multiple of this many bytes apart share so few places of the nearest cache that a tile's rows
 * push each other out of it: reading them in place took 1.4 (2,048 bytes) and 2.2 (4,096 bytes) times as long (Zen 4,
 * 2026-11).
 */
constexpr int64_t aliasingBytes = 2048;

/** Whether tiles can read the rows of a matrix as they lie there. */
template <class Step, class T>
inline bool readableInPlace(const Operand<T>& a, int64_t inner) {
  constexpr int64_t step = stepElements<Step>;
  if (a.transposed || sizeof(T) * step != sizeof(Step)) return false;
  const bool whole = inner % step == 0 && a.stride % step == 0;
  return whole && a.stride * static_cast<int64_t>(sizeof(T)) % aliasingBytes != 0;
}

/** Steps from one copied row to the next. */
template <class Step>
inline int64_t copiedStride(int64_t steps) {
  const int64_t stride = roundUp(steps, 16);
  return stride * static_cast<int64_t>(sizeof(Step)) % aliasingBytes == 0 ? stride + 16 : stride;
}

inline void copyRow(const float* from, int64_t inner, float* to) { convertRange(from, to, inner); }
inline void copyRow(const bfloat16* from, int64_t inner, float* to) { convertRange(from, to, inner); }
inline void copyRow(const bfloat16* from, int64_t inner, Pair* to) {
  // Half a pair may be left at the end.
  if (inner % 2 == 1) to[inner / 2].bits = from[inner - 1].bits;
  std::memcpy(to, from, static_cast<size_t>(inner / 2) * sizeof(Pair));
}

/** Copies `rows` rows from `row` on, elements from `k` on, and zeros that make them whole tiles. */
template <class Step, class T>
inline void copyRows(const Operand<T>& a, int64_t row, int64_t rows, int64_t k, int64_t inner, Step* to,
                     int64_t stride) {
  for (int64_t i = 0; i < rows; i++) copyRow(a.data + (row + i) * a.stride + k, inner, to + i * stride);
  std::memset(to + rows * stride, 0, static_cast<size_t>((roundUp(rows, rowUnit) - rows) * stride) * sizeof(Step));
}

/** Calls kernel.operator()<height>() with the lowest tile that has `rows` rows. */
template <int height = tileRows, class Kernel>
inline APT3_INLINE void withTileHeight(int64_t rows, const Kernel& kernel) {
  if constexpr (height > rowUnit) {
    if (rows <= height - rowUnit) return withTileHeight<height - rowUnit>(rows, kernel);
  }
  kernel.template operator()<height>();
}

template <int rows, class Step, class Finish>
__attribute__((noinline)) inline void multiplyPanelTile(int64_t steps, const Step* a, const Step* b, LinesAhead ahead,
                                                        Finish finish) {
  computeTile<rows, tileVectors>(steps, PanelRows<Step, 1, tileRows>{a}, b, finish, ahead);
}
template <int rows, class Step, class Finish>
__attribute__((noinline)) inline void multiplyRowTile(int64_t steps, const Step* a, int64_t stride, const Step* b,
                                                      LinesAhead ahead, Finish finish) {
  computeTile<rows, tileVectors>(steps, MatrixRows<Step, rows>(a, stride), b, finish, ahead);
}

/** What a tile of a product reads. */
template <class Step>
struct TileOperands {
  int64_t steps;
  const TileRows<Step>& rows;
  /** The first of its rows are those of this panel. */
  int64_t panel;
  /** A packed panel of columns. */
  const Step* columns;
  LinesAhead ahead;
};

/** A tile of `rows` rows. */
template <class Step, class Finish>
inline void multiplyTile(const TileOperands<Step>& of, int64_t rows, const Finish& finish) {
  const Step* first = of.rows.data + of.panel * tileRows * (of.rows.stride == 0 ? of.steps : of.rows.stride);
  withTileHeight(rows, [&]<int height>() {
    if (of.rows.stride == 0) multiplyPanelTile<height>(of.steps, first, of.columns, of.ahead, finish);
    else multiplyRowTile<height>(of.steps, first, of.rows.stride, of.columns, of.ahead, finish);
  });
}
